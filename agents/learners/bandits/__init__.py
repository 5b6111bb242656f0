"""Contextual bandits: learners of the next reward."""
