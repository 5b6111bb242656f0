"""The one place of SQL: stores by URL, units of work, and the repositories in them."""
