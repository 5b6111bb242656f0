"""How many purchases a day is expected to bring, exactly."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
    margin = world.expected_components(actions)["margin_minor"]
    return np.asarray(margin / world.expected_margin())
