"""One day, in its order: contacts, orders, events, and what they are expected to bring."""
