"""Small logs and worlds for the validity report."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulator.validity.transactions import TransactionLog, from_dates


@pytest.fixture
def log() -> TransactionLog:
    """Three customers in 1970, whose first of January was a Thursday.

    0 buys on days 0, 2 and 10 (5, 5, 20 units), 1 on day 0 only, 2 on days 0 and 4.
    """
    days = np.array([0, 2, 10, 0, 1, 5], dtype="datetime64[D]")
    days[3] += 2
    return from_dates(
        np.array([7, 7, 7, 8, 9, 9]),
        days,
        np.array([5.0, 5.0, 20.0, 3.0, 8.0, 2.0]),
        np.datetime64("1970-01-15"),
    )


@pytest.fixture
def cohort() -> TransactionLog:
    """2,000 made-up customers of a year and a half, some of whom return."""
    return _made(3)


@pytest.fixture
def make_cohort() -> Callable[..., TransactionLog]:
    """Makes cohorts of another seed, or with another number of returns per week."""
    return _made


def _made(seed: int, *, weekly: float = 0.05) -> TransactionLog:
    """Customers who join in 12 weeks and return at gamma-distributed rates."""
    draw = np.random.default_rng(seed)
    n, days = 2000, 546
    start = draw.integers(0, 84, n)
    rate = draw.gamma(0.5, 2.0 * weekly / 7.0, n)
    bought = draw.random((n, days)) < rate[:, None]
    bought[np.arange(days)[None, :] <= start[:, None]] = False
    bought[np.arange(n), start] = True
    customer, day = np.nonzero(bought)
    amount = np.round(np.exp(draw.normal(3.2, 0.7, customer.size)), 2)
    first = np.datetime64("1997-01-01")
    return from_dates(customer, first + day, amount, first + days - 1)
