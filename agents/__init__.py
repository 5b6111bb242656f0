"""Policies, learners, artifacts and off-policy evaluation; never the simulator."""
