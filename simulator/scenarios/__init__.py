"""Scenarios: the parameters of a world, as TOML with units, ranges and origins."""

from simulator.scenarios.loader import Scenario, load
from simulator.scenarios.provenance import Origin, provenance
from simulator.scenarios.source import shipped

__all__ = ["Origin", "Scenario", "load", "provenance", "shipped"]
