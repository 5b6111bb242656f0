"""Month and weekday factors of a purchase log, with their standard errors.

Months are estimated by maximum likelihood together with the Pareto/NBD parameters: customers
join at different times, which tells the calendar from the fading of a cohort. Weekdays are
shares of the repeat purchases against shares of the days watched, as a week is too short for
anyone to fade; their errors allow for customers' own habits (ratio estimate, clustered).
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import paretonbd
from simulator.calibration.estimates import MIN_CLUSTERS
from simulator.calibration.histories import PurchaseHistories
from simulator.calibration.maximum import maximise
from simulator.calibration.season import MONTHS, WEEKDAYS, Season, month_of, weekday_of
from troth.errors import FailedPrecondition

Float64 = NDArray[np.float64]

MIN_SPAN_DAYS = 364
MIN_PER_MONTH = 20
MIN_PER_WEEKDAY = 20
MOST_CUSTOMERS = 20_000
"""Customers the months are fitted on; of more, every k-th is taken."""
_TINY = 1e-12


@dataclass(frozen=True, slots=True)
class Factors:
    """Factors of mean 1 with standard errors of their logarithms.

    Attributes:
        values: float64 (k,).
        log_errors: float64 (k,).
        rows: repeat purchases they rest on.
    """

    values: Float64
    log_errors: Float64
    rows: int

    def interval(self) -> tuple[Float64, Float64]:
        """95 % bounds, each float64 (k,)."""
        width = np.exp(1.959963984540054 * self.log_errors)
        return self.values / width, self.values * width


def repeats(
    customer: NDArray[np.int64], when: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The purchase days after each customer's first, of sorted (customer, day) pairs."""
    later = np.concatenate(((False,), customer[1:] == customer[:-1]))
    return customer[later], when[later]


def fit_weekdays(
    customer: NDArray[np.int64], when: NDArray[np.int64], data: PurchaseHistories
) -> Factors:
    """Weekday factors from Monday, (7,).

    Args:
        customer: of each distinct purchase day, sorted, int64 (k,).
        when: the days since 1970-01-01, int64 (k,).
        data: the same customers' histories, with their first days.

    Raises:
        FailedPrecondition: if a weekday has fewer than 20 repeat purchases, naming it, or they
            are those of fewer than 20 customers.
    """
    who, days = repeats(customer, when)
    day = weekday_of(days)
    counts = np.bincount(day, minlength=WEEKDAYS).astype(np.float64)
    if counts.min() < MIN_PER_WEEKDAY:
        raise FailedPrecondition(
            f"weekday {int(counts.argmin()) + 1} of 7 has {int(counts.min())} repeat purchases, "
            f"needs {MIN_PER_WEEKDAY} or more",
            field="calendar.weekday_factors",
        )
    last = data.joined + np.rint(data.age * 7.0).astype(np.int64)
    watched = _watched(data.joined, last)
    share = counts / counts.sum()
    factor = share / (watched / watched.sum())
    # Linearised ratio: each customer's purchases on the day less their expected share of them.
    _, at, total = np.unique(who, return_inverse=True, return_counts=True)
    if len(total) < MIN_CLUSTERS:
        raise FailedPrecondition(
            f"{len(total)} customers bought again, needs {MIN_CLUSTERS} or more",
            field="calendar.weekday_factors",
        )
    mine = np.zeros((len(total), WEEKDAYS))
    np.add.at(mine, (at, day), 1.0)
    off = mine - share * total[:, None]
    errors = np.sqrt((off**2).sum(axis=0)) / counts
    return Factors(factor / factor.mean(), errors, int(counts.sum()))


def _watched(first: NDArray[np.int64], last: NDArray[np.int64]) -> Float64:
    """Customer-days after the first purchase by weekday, float64 (7,)."""
    days = np.arange(int(first.min()) + 1, int(last.max()) + 1)
    joined = np.searchsorted(np.sort(first), days, side="left")
    gone = np.searchsorted(np.sort(last), days, side="left")
    return np.bincount(weekday_of(days), weights=joined - gone, minlength=WEEKDAYS).astype(
        np.float64
    )


def fit_months(
    customer: NDArray[np.int64], when: NDArray[np.int64], data: PurchaseHistories
) -> Factors:
    """Month factors from January, (12,), scaled to mean 1.

    Args:
        customer: of each distinct purchase day, sorted, positions in ``data``, int64 (k,).
        when: the days since 1970-01-01, int64 (k,).
        data: histories of the customers, with their first days.

    Raises:
        FailedPrecondition: if less than a year was watched, a month has fewer than 20 repeat
            purchases, or month and fading cannot be told apart.
    """
    first = data.joined
    span = int((first + np.rint(data.age * 7.0)).max() - first.min()) + 1
    if span < MIN_SPAN_DAYS:
        raise FailedPrecondition(
            f"{span} days watched, less than the year that a season needs",
            field="calendar.month_factors",
        )
    every = -(-len(data) // MOST_CUSTOMERS)
    chosen = np.arange(0, len(data), every)
    data = PurchaseHistories(
        data.frequency[chosen], data.recency[chosen], data.age[chosen], first[chosen]
    )
    who, days = repeats(customer, when)
    counts = np.bincount(month_of(days[who % every == 0]), minlength=MONTHS).astype(np.float64)
    if counts.min() < MIN_PER_MONTH:
        raise FailedPrecondition(
            f"month {int(counts.argmin()) + 1} has {int(counts.min())} repeat purchases, needs "
            f"{MIN_PER_MONTH} or more",
            field="calendar.month_factors",
        )
    start, errors, _ = paretonbd.fit_or_fix(data)
    held = np.array([name not in errors for name in paretonbd.NAMES])
    process = np.log([getattr(start, name) for name in paretonbd.NAMES])
    try:
        return _joint(data, counts, process, held)
    except FailedPrecondition:
        # One cohort in one year: who fades and what month it is are one. The fading stays as it
        # was without a season.
        return _joint(data, counts, process, np.array([False, False, True, True]))


def _joint(
    data: PurchaseHistories, counts: Float64, process: Float64, fixed: NDArray[np.bool_]
) -> Factors:
    """Maximise over log-parameters not ``fixed`` (4,) and eleven log-factors, January's being 0."""
    free = int((~fixed).sum())
    grid = paretonbd.Grid.of(data, Season(np.ones(MONTHS), np.r_[1.0 + _TINY, np.ones(6)]))
    ends, clocks = [], []
    for month in range(MONTHS):
        one = np.full(MONTHS, _TINY)
        one[month] = 1.0
        season = Season(one, np.ones(WEEKDAYS))
        ends.append(season.elapsed(grid.first, grid.age))
        clocks.append(season.elapsed(grid.first, grid.at))
    end, clock = np.stack(ends), np.stack(clocks)

    def total(theta: Float64) -> tuple[float, Float64]:
        full = process.copy()
        full[~fixed] = theta[:free]
        logs = np.concatenate(((0.0,), theta[free:]))
        factor = np.exp(logs)
        here = replace(grid, end=factor @ end, clock=np.tensordot(factor, clock, 1))
        values, gradient, by_end, by_clock = paretonbd.seasonal_terms(full, here)
        slope = end @ (by_end * grid.weight) + np.tensordot(
            clock, by_clock * grid.weight[:, None], 2
        )
        return (
            float(values @ grid.weight + counts @ logs),
            np.concatenate(((gradient @ grid.weight)[~fixed], (slope * factor + counts)[1:])),
        )

    begin = [*process[~fixed].tolist(), *[0.0] * (MONTHS - 1)]
    found = maximise(total, [begin], field="calendar.month_factors")
    logs = np.concatenate(((0.0,), found.theta[free:]))
    values = np.exp(logs)
    covariance = np.zeros((MONTHS, MONTHS))
    covariance[1:, 1:] = found.covariance[free:, free:]
    # ln(f / mean f) has the derivative 1 - f / sum f in each ln f.
    turn = np.eye(MONTHS) - values[None, :] / values.sum()
    errors = np.sqrt(np.diag(turn @ covariance @ turn.T))
    return Factors(values / values.mean(), errors, int(counts.sum()))
