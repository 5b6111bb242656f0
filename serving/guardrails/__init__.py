"""Deterministic maps of a distribution that keep promises to people."""
