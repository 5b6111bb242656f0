"""How many purchases a day is expected to bring, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator import calendar
from simulator.spend import MINOR_PER_MAJOR
from simulator.world import World

Float = NDArray[np.float64]


def expected_purchases(world: World, actions: NDArray[np.int64]) -> Float:
    """E[purchases credited to today | full state, action], float64 (n,), >= 0.

    The world's expected margin over that of one purchase: a basket and its category depend
    neither on the contact nor on the chance of the purchase.

    Args:
        world: this morning; it is left as it is.
        actions: int64 (n,), one each.
    """
    scenario = world.scenario
    share = np.array([section.share for section in scenario.categories])
    factor = np.array([section.margin_factor for section in scenario.categories])
    loyal = scenario.population.category_loyalty
    people = world.people
    basket = np.exp(people.basket.astype(np.float64) + 0.5 * scenario.spend.sigma_within**2)
    margin = (
        basket
        * MINOR_PER_MAJOR
        * calendar.day(scenario, world.seed, world.day).basket
        * scenario.economics.margin_share
        * (loyal * factor[people.favourite] + (1.0 - loyal) * (share @ factor) / share.sum())
    )
    return np.asarray(world.expected_components(actions)["margin_minor"] / margin)
