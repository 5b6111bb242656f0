"""Policies as content-addressed bytes."""
