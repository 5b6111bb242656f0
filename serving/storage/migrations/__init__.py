"""How the schema came to be: alembic's revisions, and what they run."""
