"""Purchases of customers from their first day under observation, simulated or real."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.world import StepResult, World
from troth.errors import InvalidArgument

Int64 = NDArray[np.int64]
Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

MINOR_PER_MAJOR = 100.0
_THURSDAY = 3
"""1970-01-01 was a Thursday; Monday is 0."""


@dataclass(frozen=True, slots=True)
class TransactionLog:
    """What n customers bought, one row per customer and day with a purchase.

    Attributes:
        customer: int64 (m,) in 0..n-1, ascending.
        day: int64 (m,) days since the customer's first day, ascending within a customer.
        amount: float64 (m,) major units; 0 for a day on which nothing was paid.
        span: int64 (n,) last day observed of each customer, >= 0.
        start: int64 (n,) days since 1970-01-01 of each customer's day 0.

    Raises:
        InvalidArgument: if the columns differ in length or are not in order.
    """

    customer: Int64
    day: Int64
    amount: Float
    span: Int64
    start: Int64

    def __post_init__(self) -> None:
        if not len(self.customer) == len(self.day) == len(self.amount):
            raise InvalidArgument("columns of different length", field="transactions")
        step = np.diff(self.customer)
        if (step < 0).any() or ((step == 0) & (np.diff(self.day) <= 0)).any():
            raise InvalidArgument("not in order of customer and day", field="transactions")

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def customers(self) -> int:
        """The number n of customers, also of those who bought nothing."""
        return len(self.span)

    @property
    def weekday(self) -> Int64:
        """int64 (m,): 0 is Monday."""
        return (self.start[self.customer] + self.day + _THURSDAY) % 7

    def only(self, rows: Bool) -> TransactionLog:
        """The same customers with some of their rows, bool (m,)."""
        return TransactionLog(
            self.customer[rows], self.day[rows], self.amount[rows], self.span, self.start
        )

    def of(self, chosen: Bool) -> TransactionLog:
        """The log of some customers, bool (n,), numbered anew."""
        number = np.cumsum(chosen) - 1
        rows = chosen[self.customer]
        return TransactionLog(
            number[self.customer[rows]],
            self.day[rows],
            self.amount[rows],
            self.span[chosen],
            self.start[chosen],
        )

    def within(self, span: Int64) -> TransactionLog:
        """The log cut off after ``span`` (n,) days of each customer."""
        kept = self.day <= span[self.customer]
        return TransactionLog(
            self.customer[kept],
            self.day[kept],
            self.amount[kept],
            np.minimum(self.span, span),
            self.start,
        )

    def count(self, rows: Bool | None = None) -> Int64:
        """int64 (n,): days with a purchase, among ``rows`` bool (m,)."""
        who = self.customer if rows is None else self.customer[rows]
        return np.bincount(who, minlength=self.customers).astype(np.int64)

    def spend(self) -> Float:
        """float64 (n,): all that was paid, major units."""
        total = np.bincount(self.customer, weights=self.amount, minlength=self.customers)
        return total.astype(np.float64)

    def gaps(self) -> tuple[Int64, Int64]:
        """Days between consecutive purchases and whose they are, int64 (g,) each."""
        same = self.customer[1:] == self.customer[:-1]
        return (self.day[1:] - self.day[:-1])[same], self.customer[1:][same]

    def last(self) -> Int64:
        """int64 (n,): day of the last purchase; -1 for who bought nothing."""
        last = np.full(self.customers, -1, dtype=np.int64)
        last[self.customer] = self.day  # ascending: the latest write stays
        return last


def from_dates(
    customer: Int64,
    day: NDArray[np.datetime64],
    amount: Float,
    end: np.datetime64,
    *,
    begin: np.datetime64 | None = None,
) -> TransactionLog:
    """A log from receipts: those of one day are one purchase.

    Args:
        customer: int64 (k,) ids; numbered anew in ascending order.
        day: datetime64[D] (k,).
        amount: float64 (k,) major units.
        end: last day observed.
        begin: everybody's day 0; by default the day of each one's first purchase.
    """
    when = day.astype("datetime64[D]").astype(np.int64)
    pairs, at = np.unique(np.stack((customer, when)), axis=1, return_inverse=True)
    paid = np.bincount(at.ravel(), weights=amount).astype(np.float64)
    _, first, number = np.unique(pairs[0], return_index=True, return_inverse=True)
    start = pairs[1][first]
    if begin is not None:
        start = np.full_like(start, begin.astype("datetime64[D]").astype(np.int64))
    last = int(end.astype("datetime64[D]").astype(np.int64))
    return TransactionLog(
        number.astype(np.int64), pairs[1] - start[number], paid, last - start, start
    )


def simulate(
    world: World,
    days: int,
    *,
    plan: Callable[[World], Int64] | None = None,
    watch: Callable[[Int64, StepResult], None] = lambda _actions, _result: None,
    advance: Callable[[int], None] = lambda _days: None,
) -> TransactionLog:
    """Live ``days`` in ``world`` and log every purchase; the first day lived is day 0.

    Args:
        world: moved on in place.
        days: >= 1.
        plan: the actions of a morning, int64 (n,); *no contact* for all by default.
        watch: told the actions and what came of them, every evening.
        advance: called with the days just simulated.
    """
    nobody = np.zeros(world.size, dtype=np.int64)
    first = np.datetime64(world.scenario.start, "D").astype(np.int64) + world.day
    who, when, paid = [], [], []
    for day in range(days):
        actions = nobody if plan is None else plan(world)
        result = world.step(actions)
        watch(actions, result)
        buyers = np.flatnonzero(result.orders > 0)
        who.append(buyers)
        when.append(np.full(buyers.size, day, dtype=np.int64))
        paid.append(result.spend_minor[buyers] / MINOR_PER_MAJOR)
        advance(1)
    customer, day_of = np.concatenate(who), np.concatenate(when)
    order = np.lexsort((day_of, customer))
    return TransactionLog(
        customer[order],
        day_of[order],
        np.concatenate(paid)[order],
        np.full(world.size, days - 1, dtype=np.int64),
        np.full(world.size, first, dtype=np.int64),
    )
