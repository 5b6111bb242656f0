"""Wrappers around an environment."""
