"""Scenarios: the parameters of a world, as TOML with units, ranges and origins."""

from simulator.scenarios.loader import Scenario, load

__all__ = ["Scenario", "load"]
