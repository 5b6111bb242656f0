"""A run: simulate, train, evaluate."""
