"""A customer's purchases in a dozen numbers, the same from a real and from a simulated log."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.validity.transactions import TransactionLog

Float = NDArray[np.float64]

NAMES = (
    "purchases",
    "days since the last",
    "days observed",
    "purchases in the first third",
    "mean gap",
    "variation of gaps",
    "shortest gap",
    "longest gap",
    "mean basket",
    "spread of ln basket",
    "first basket",
    "largest basket",
    "weekend share",
    "trend of baskets",
)

_SATURDAY = 5


def customer_features(log: TransactionLog) -> Float:
    """float64 (n, 14) in the order of :data:`NAMES`; NaN where a customer has too few purchases.

    Amounts count in whole major units: a log of real prices has a price list's endings, which
    no simulator claims to have.
    """
    n = log.customers
    count = log.count().astype(np.float64)
    gap, whose = log.gaps()
    days = gap.astype(np.float64)
    amount = np.rint(log.amount)
    logs = np.log(np.maximum(amount, 1.0))
    first_third = log.count(3 * log.day <= log.span[log.customer]).astype(np.float64)
    mean_gap, sd_gap = _mean_sd(whose, days, n)
    mean_basket, _ = _mean_sd(log.customer, amount, n)
    _, sd_log = _mean_sd(log.customer, logs, n)
    half = 2 * log.day > log.span[log.customer]
    late, _ = _mean_sd(log.customer[half], logs[half], n)
    early, _ = _mean_sd(log.customer[~half], logs[~half], n)
    opening = np.flatnonzero(np.diff(log.customer, prepend=-1))
    first = np.full(n, np.nan)
    first[log.customer[opening]] = amount[opening]
    last = log.last()
    return np.stack(
        (
            count,
            np.where(last >= 0, log.span - last, np.nan),
            log.span.astype(np.float64),
            first_third,
            mean_gap,
            sd_gap / mean_gap,
            -_largest(whose, -days, n),
            _largest(whose, days, n),
            mean_basket,
            sd_log,
            first,
            _largest(log.customer, amount, n),
            _mean_sd(log.customer, (log.weekday >= _SATURDAY).astype(np.float64), n)[0],
            late - early,
        ),
        axis=1,
    )


def _mean_sd(group: NDArray[np.int64], values: Float, n: int) -> tuple[Float, Float]:
    """Mean and standard deviation per group, (n,) each; NaN for no value, one value."""
    count = np.bincount(group, minlength=n).astype(np.float64)
    with np.errstate(invalid="ignore", divide="ignore"):
        mean = np.bincount(group, weights=values, minlength=n) / count
        square = np.bincount(group, weights=(values - mean[group]) ** 2, minlength=n)
        return mean, np.where(count > 1, np.sqrt(square / np.maximum(count - 1, 1)), np.nan)


def _largest(group: NDArray[np.int64], values: Float, n: int) -> Float:
    """Largest value per group, (n,); NaN for none."""
    best = np.full(n, -np.inf)
    np.maximum.at(best, group, values)
    return np.where(np.isfinite(best), best, np.nan)
