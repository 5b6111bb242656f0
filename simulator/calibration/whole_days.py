"""What it does to a purchase process that purchases are seen, and drawn, by the day.

The likelihoods of :mod:`simulator.calibration.paretonbd` and ``bgnbd`` take time for continuous:
x purchases in m days at rate p a day weigh p^x exp(-p m). The simulator's figures count days with
a purchase, each of probability p: p^x (1 - p)^(m - x). Both are integrated over p ~ gamma(r, A).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.histories import DAYS_PER_WEEK

Float64 = NDArray[np.float64]

HALF_DAY = 0.5 / DAYS_PER_WEEK
"""Who leaves does so in the middle of a day on average: weeks after the last one waited through."""

_LEAST = 0.5


def correction(r: float, alpha_weeks: float, x: Any, weeks: Float64) -> Float64:
    """Log of the second integral over the first, the shape of ``weeks``.

    Both by Laplace's approximation in ln p, whose errors cancel in the ratio.

    Args:
        r: shape of the gamma distribution of rates.
        alpha_weeks: its rate.
        x: purchases, broadcast to ``weeks``.
        weeks: how long was waited.
    """
    shape, prior, waited = r + x, alpha_weeks * DAYS_PER_WEEK, weeks * DAYS_PER_WEEK
    # A season's clock may have run less than a day at each purchase.
    empty = np.maximum(waited - x, _LEAST)
    plain = shape / (prior + waited)
    # The mode: shape (1 - p) = prior p (1 - p) + empty p.
    both = shape + prior + empty
    p = 2.0 * shape / (both + np.sqrt(both**2 - 4.0 * prior * shape))
    log_ratio = shape * np.log(p / plain) + empty * np.log1p(-p) - prior * p + shape
    bend = empty * p / (1.0 - p) ** 2 + prior * p
    return np.asarray(log_ratio + 0.5 * np.log(shape / bend))


def less_waited(x: Any, weeks: Float64) -> Float64:
    """``weeks`` less half a day for each of ``x``, of all days half at most."""
    return np.asarray(weeks - np.minimum(HALF_DAY * x, weeks / 2.0))
