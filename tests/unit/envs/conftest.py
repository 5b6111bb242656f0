"""Scenarios that the environments' tests share."""

from __future__ import annotations

import pytest

from simulator.scenarios import Scenario, load


@pytest.fixture(scope="session")
def brisk() -> Scenario:
    """The reference with a short warm-up."""
    return load("reference").replace(warm_up={"days": 3})
