"""Scenarios under which a programme may break: the reference, and what goes wrong."""
