"""Policies a programme has before it has Troth."""
