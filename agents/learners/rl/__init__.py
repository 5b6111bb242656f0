"""Learners that act in an environment."""
