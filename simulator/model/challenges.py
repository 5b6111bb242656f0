"""Challenges: buy so many times within so many days, and points are awarded.

A click on a challenge offer starts one if none runs. How hard it is adapts to the customer:

    target = ceil(stretch * difficulty * orders of the past year * days / 365),
             between target_min and target_max

Each purchase is progress; completing it awards points, whose liability falls due with that
purchase. The pull grows with progress, see :mod:`simulator.model.tomorrow`: visits are 20 % more
frequent near the reward (Kivetz, Urminsky & Zheng, "The goal-gradient hypothesis
resurrected", JMR 43(1), 2006).
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.state import columns as col


@compiled
def start(fs: NDArray[np.float32], ints: NDArray[np.int32], i: Any, par: Any, clock: Any) -> None:
    """Begin a challenge for customer ``i``, unless one runs."""
    if ints[i, col.CHALLENGE_END] > 0:
        return
    pace = ints[i, col.ORDERS] * par.challenges_days / 365.0
    target = math.ceil(pace * par.challenges_stretch * fs[i, col.DIFFICULTY])
    target = min(max(target, par.challenges_target_min), par.challenges_target_max)
    ints[i, col.CHALLENGE_TARGET] = target
    ints[i, col.CHALLENGE_DONE] = 0
    ints[i, col.CHALLENGE_END] = clock + 1 + par.challenges_days


@compiled
def advance(ints: NDArray[np.int32], i: Any) -> Any:
    """Count a purchase of customer ``i``; whether it completes their challenge."""
    if ints[i, col.CHALLENGE_END] <= 0:
        return False
    ints[i, col.CHALLENGE_DONE] += 1
    if ints[i, col.CHALLENGE_DONE] < ints[i, col.CHALLENGE_TARGET]:
        return False
    ints[i, col.CHALLENGE_END] = col.NONE
    ints[i, col.CHALLENGE_DONE] = 0
    return True
