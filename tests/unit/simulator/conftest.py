"""Worlds that start quickly: the reference scenario with a short warm-up."""

from __future__ import annotations

import pytest

from simulator.scenarios import Scenario, load
from simulator.world import World


@pytest.fixture(scope="session")
def reference() -> Scenario:
    """The scenario that ships."""
    return load("reference")


@pytest.fixture(scope="session")
def brisk(reference: Scenario) -> Scenario:
    """The reference with three days of warm-up."""
    return reference.replace(warm_up={"days": 3})


@pytest.fixture(scope="session")
def busy(brisk: Scenario) -> Scenario:
    """Everything happens often, so that small samples show it."""
    return brisk.replace(
        purchases={"r": 4.0, "alpha_weeks": 2.0, "a": 0.1, "b": 5.0},
        population={"tenure_days_max": 120},
        mood={"ticket_per_day": 0.05},
        channels={
            name: {**section.model_dump(), "opt_out": 0.05, "reach": 1.0}
            for name, section in brisk.channels.items()
        },
    )


@pytest.fixture
def world(brisk: Scenario) -> World:
    """300 customers on the morning of day 0."""
    return World(brisk, 300, 11)
