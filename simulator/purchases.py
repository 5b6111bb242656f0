"""When customers buy without being asked: the BG/NBD process, day by day.

While alive, customer i buys at a Poisson rate lambda_i ~ Gamma(r, alpha); after each repeat
purchase he leaves for good, unseen, with probability p_i ~ Beta(a, b):

    P(buys today) = 1 - exp(-lambda_i * season_t)        if alive, else 0
    P(leaves | bought of his own accord) = p_i

Source: Fader, Hardie & Lee, "Counting your customers the easy way: an alternative to the
Pareto/NBD model", Marketing Science 24(2), 2005, equations 1 to 4; parameters fitted to CDNOW by
``troth calibrate``. A purchase that a contact brought about carries no risk of leaving:
otherwise marketing would kill customers merely by selling to them.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

from simulator.calibration.figures import PurchaseFigures

Float = NDArray[np.float64]

DAYS_PER_WEEK = 7.0


def draw_rates(figures: PurchaseFigures, quantile: Float) -> Float:
    """Purchases per day, float64 (n,) > 0: the gamma quantile of uniforms (n,)."""
    weekly = gammaincinv(figures.r, quantile) / figures.alpha_weeks
    # r < 1 puts mass next to 0; the smallest normal float32 keeps the stored rate positive.
    return np.asarray(np.maximum(weekly / DAYS_PER_WEEK, 1e-37), dtype=np.float64)


def draw_drop_out(figures: PurchaseFigures, quantile: Float) -> Float:
    """P(leaves after a purchase), float64 (n,) in (0, 1): the beta quantile of uniforms."""
    return np.asarray(betaincinv(figures.a, figures.b, quantile), dtype=np.float64)


def daily_probability(rate: Float, alive: NDArray[np.bool_], season: float) -> Float:
    """P(buys today of his own accord), float64 (n,) in [0, 1).

    Args:
        rate: purchases per day (n,).
        alive: bool (n,).
        season: multiplier of the day, mean 1 over a year.
    """
    return np.where(alive, -np.expm1(-rate * season), 0.0)
