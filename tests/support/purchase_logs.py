"""Purchase logs as a shop's export has them: in continuous time rounded to days, or by the day."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

START = np.datetime64("2020-01-01")
MU, BETWEEN, WITHIN = 3.0, 0.4, 0.6


@dataclass(frozen=True, slots=True)
class Process:
    """Pareto/NBD, weeks."""

    r: float = 0.8
    alpha_weeks: float = 10.0
    s: float = 0.6
    beta_weeks: float = 12.0


def log(
    rng: np.random.Generator,
    customers: int,
    *,
    joined: tuple[int, int],
    days: int,
    correlation: float = 0.0,
    truth: Process | None = None,
    by_day: bool = False,
) -> pd.DataFrame:
    """Purchases of ``customers`` who join evenly over days, seen on days 0 to ``days``.

    Args:
        rng: of all draws.
        customers: how many join.
        joined: first and last day of joining, which may be before day 0.
        days: the last day seen.
        correlation: of log rate and a customer's mean log spend.
        truth: of the process.
        by_day: as the simulator draws: rates count days with a purchase, of which a day has one
            at most, and nobody leaves within a day.

    Returns:
        customer, date, amount; a row per purchase, the first included.
    """
    p = truth or Process()
    begin = rng.uniform(*joined, customers)
    rate = rng.gamma(p.r, 1.0 / p.alpha_weeks, customers) / 7.0
    gone = begin + 7.0 * rng.exponential(size=customers) / rng.gamma(
        p.s, 1.0 / p.beta_weeks, customers
    )
    span = np.maximum(np.minimum(gone, days + 1.0) - begin, 0.0)
    if by_day:
        begin, span = np.floor(begin), np.floor(span)
        rate = -np.log1p(-np.minimum(rate, 0.95))
    later = rng.poisson(rate * span)
    who = np.concatenate((np.arange(customers), np.repeat(np.arange(customers), later)))
    at = begin[who]
    at[customers:] += float(by_day)
    at[customers:] += rng.random(later.sum()) * span[who[customers:]]
    day = np.floor(at).astype(np.int64)
    seen = (day >= 0) & (day <= days)
    return pd.DataFrame(
        {
            "customer": who[seen],
            "date": START + day[seen],
            "amount": _amounts(rng, who, rate, correlation)[seen],
        }
    )


def _amounts(
    rng: np.random.Generator, who: NDArray[np.int64], rate: NDArray[np.float64], correlation: float
) -> NDArray[np.float64]:
    logs = np.log(np.maximum(rate, 1e-300))
    level = correlation * (logs - logs.mean()) / logs.std()
    level += np.sqrt(1.0 - correlation**2) * rng.normal(size=len(rate))
    y = MU + BETWEEN * level[who] + WITHIN * rng.normal(size=len(who))
    return np.maximum(np.exp(y).round(2), 0.01)
