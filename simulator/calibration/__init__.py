"""Fitting the simulator to real data."""
