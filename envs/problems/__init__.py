"""The decision problems."""
