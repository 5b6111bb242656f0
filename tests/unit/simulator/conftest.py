"""Worlds that start quickly: the reference with a short warm-up, a still one, a lively one."""

from __future__ import annotations

import pytest

from simulator.scenarios import Scenario, load
from simulator.world import World
from tests.support import worlds
from tests.support.worlds import PLAIN


@pytest.fixture(scope="session")
def reference() -> Scenario:
    """A scenario for tests."""
    return load(PLAIN)


@pytest.fixture(scope="session")
def brisk(reference: Scenario) -> Scenario:
    """The reference with three days of warm-up."""
    return reference.replace(warm_up={"days": 3})


@pytest.fixture(scope="session")
def busy(brisk: Scenario) -> Scenario:
    """People buy twice a week, open tickets and opt out often."""
    return brisk.replace(
        purchases={"r": 4.0, "alpha_weeks": 2.0, "a": 0.1, "b": 5.0},
        population={"tenure_days_max": 120},
        mood={"ticket_per_day": 0.05},
        channels=worlds.all_channels(brisk, opt_out=0.05, reach=1.0),
    )


@pytest.fixture(scope="session")
def still() -> Scenario:
    """Own purchases and nothing else."""
    return worlds.still()


@pytest.fixture(scope="session")
def lively() -> Scenario:
    """Everything happens often."""
    return worlds.lively()


@pytest.fixture
def world(brisk: Scenario) -> World:
    """300 customers on the morning of day 0."""
    return World(brisk, 300, 11)
