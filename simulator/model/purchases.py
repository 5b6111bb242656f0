"""When customers buy without being asked, and when they leave for good, unseen.

Pareto/NBD (Schmittlein, Morrison & Colombo, "Counting your customers: who are they and what
will they do next?", Management Science 33(1), 1987): while a member, customer i buys at a
Poisson rate lambda_i ~ Gamma(r, alpha) and leaves after a lifetime Exp(mu_i) with
mu_i ~ Gamma(s, beta), drawn on joining. BG/NBD (Fader, Hardie & Lee, "Counting your customers
the easy way", Marketing Science 24(2), 2005): they leave after each own purchase with
probability p_i ~ Beta(a, b) instead. Day by day,

    P(buys today) = 1 - exp(-lambda_i * factor_t)        while a member, else 0

with the factor of :mod:`simulator.model.calendar`, novelty, and what
:mod:`simulator.model.tomorrow` does to lambda_i. Parameters are fitted by ``troth calibrate``. A
purchase that a contact brought about
carries no risk of leaving: otherwise marketing would kill customers merely by selling to them;
it wins a lapsed one back, with a new lifetime.

New members buy faster for a while: for ``novelty_days`` lambda_i is multiplied by 1 + novelty.
Without it either process has CDNOW's cohort buy too little in its first weeks and come back
too seldom after a long silence, as early haste is taken for early departure. A process that
starts over with a change of pace is that of Fader, Hardie & Huang, "A dynamic changepoint model
for new product sales forecasting", Marketing Science 23(1), 2004.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import betaincinv, gammaincinv

from simulator.scenarios.processes import ParetoFigures, PurchaseFigures
from simulator.state.columns import NEVER

Float = NDArray[np.float64]

DAYS_PER_WEEK = 7.0
_MOST_DAYS = 0.95
"""Largest share of days with a purchase."""
_LEAST = 1e-37  # shapes below 1 put mass next to 0; a float32 stays positive


def draw_rates(figures: PurchaseFigures | ParetoFigures, quantile: Float) -> Float:
    """Purchases per day, float64 (n,) > 0: the gamma quantile of uniforms (n,).

    The figures count days with a purchase, and a day of the world has at most one: the rate is
    the one at which 1 - exp(-rate) of days have one.
    """
    weekly = gammaincinv(figures.r, quantile) / figures.alpha_weeks
    days = np.minimum(weekly / DAYS_PER_WEEK, _MOST_DAYS)
    return np.asarray(np.maximum(-np.log1p(-days), _LEAST), dtype=np.float64)


def draw_departures(figures: ParetoFigures, quantile: Float) -> Float:
    """Departures per day, float64 (n,) > 0: the gamma quantile of uniforms (n,)."""
    weekly = gammaincinv(figures.s, quantile) / figures.beta_weeks
    return np.asarray(np.maximum(weekly / DAYS_PER_WEEK, _LEAST), dtype=np.float64)


def draw_drop_out(figures: PurchaseFigures, quantile: Float) -> Float:
    """P(leaves after a purchase), float64 (n,) in (0, 1): the beta quantile of uniforms."""
    return np.asarray(betaincinv(figures.a, figures.b, quantile), dtype=np.float64)


def later(since: Float, wait: Float, novelty: float, days: int) -> Float:
    """When the next purchase comes, in days since joining, float64 (n,).

    Args:
        since: days since joining of the last one.
        wait: to the next one at the rate without novelty.
        novelty: share by which a new member buys more often ...
        days: ... and for how long.
    """
    clock = since + novelty * np.minimum(since, days) + wait
    fast = clock / (1.0 + novelty)
    return np.asarray(np.where(fast <= days, fast, clock - novelty * days), dtype=np.float64)


def last_days(joined: NDArray[np.int32], departures: Float, uniform: Float) -> NDArray[np.int32]:
    """int32 (n,): the day from which each is gone, from departures per day and uniforms."""
    lifetime = np.minimum(-np.log(uniform) / departures, NEVER / 2)
    days: NDArray[np.int32] = np.minimum(joined + 1.0 + lifetime, NEVER - 1.0).astype(np.int32)
    return days
