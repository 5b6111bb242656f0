"""Gymnasium views of the simulated world."""
