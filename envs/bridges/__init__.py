"""Environments for other libraries, and recordings of them."""
