"""Visits without a purchase: the trace that shows a departure before recency does.

    visits_i(t) = sum over past visits of exp(-age / 28 days)
    rate_i      = rate of own purchases * per_purchase
                  * fade_visits   in the last ``fade_days`` of the membership

Purchases go on until the hidden day of leaving (:mod:`simulator.model.purchases`), so that a
falling visit count says weeks ahead what a growing recency says too late. Clicks fade likewise.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.state import columns as col

MEMORY = 28.0
"""Time constant in days in which visits are forgotten."""


@compiled
def visit(rates: NDArray[np.float32], days: NDArray[np.int32], i: Any, clock: Any) -> None:
    """Count one visit of customer ``i``."""
    gap = clock - days[col.VISITS_DAY, i]
    rates[col.VISITS, i] = rates[col.VISITS, i] * math.exp(-gap / MEMORY) + 1.0
    days[col.VISITS_DAY, i] = clock
