"""The regret of a log: how far each decision was from the best that could be done that day.

Of a decision with expected rewards q(k), regret is max over eligible k of q(k), less q of the
action served (Lattimore & Szepesvari 2020, Bandit Algorithms, section 4.4, with the mask as the
action set of the round). The comparator is the one-step oracle in the states the log went
through: what the logging policy did to these states is not held against it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.statistics import Estimate, clustered, over_customers

Float = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class DayRegret:
    """Regret on one day of the log.

    Attributes:
        day: the log's step.
        decisions: logged on it.
        mean: regret per decision of the day, minor units.
        cumulative: regret per customer from the log's first day to this one, minor units.
    """

    day: int
    decisions: int
    mean: Estimate
    cumulative: Estimate


@dataclass(frozen=True)
class Regret:
    """How far a log was from the one-step oracle; minor units, clustered by customer.

    Attributes:
        per_decision: float64 (n,), >= 0, in the order of the log.
        mean: per decision; the oracle's value less the logged one.
        cumulative: per customer over the whole log.
        logged: expected reward per decision of what was served: the logging policy's value.
        oracle: the same of the best eligible action.
        uniform: the same of an eligible action taken at random, a floor to judge both by.
        by_day: in order.
        by_segment: regret per decision by the label that was given.
    """

    per_decision: Float
    mean: Estimate
    cumulative: Estimate
    logged: Estimate
    oracle: Estimate
    uniform: Estimate
    by_day: tuple[DayRegret, ...]
    by_segment: dict[str, Estimate]


def regret(
    log: LoggedBatch, expected: Float, *, segments: NDArray[np.str_] | None = None
) -> Regret:
    """Judge ``log`` by the truth.

    Args:
        log: n decisions of any policy.
        expected: float64 (n, K), E[reward | state, action] row by row, minor units, as a
            simulated log has it or :func:`simulator.truth.reliving.relive` finds it again.
        segments: str (n,), a label per decision to break regret down by.

    Raises:
        InvalidArgument: for no rows, a wrong shape or a truth that is not finite.
    """
    n, k = log.mask.shape
    if n == 0:
        raise InvalidArgument("has no decision", field="log")
    if expected.shape != (n, k):
        raise InvalidArgument(f"shape {expected.shape} is not ({n}, {k})", field="expected")
    if not np.isfinite(expected).all():
        raise InvalidArgument("not finite", field="expected")
    if segments is not None and segments.shape != (n,):
        raise InvalidArgument(f"shape {segments.shape} is not ({n},)", field="segments")
    best = np.where(log.mask, expected, -np.inf).max(axis=1)
    served = expected[np.arange(n), log.action]
    lost = best - served
    customers, customer = np.unique(log.customer_id, return_inverse=True)
    by_day, cumulative = _by_day(lost, log.step, customer, customers.size)
    return Regret(
        per_decision=lost,
        mean=clustered(lost, customer),
        cumulative=cumulative,
        logged=clustered(served, customer),
        oracle=clustered(best, customer),
        uniform=clustered(
            np.where(log.mask, expected, 0.0).sum(axis=1) / log.mask.sum(axis=1), customer
        ),
        by_day=by_day,
        by_segment={} if segments is None else _by_segment(lost, segments, customer),
    )


def _by_day(
    lost: Float, step: NDArray[np.int64], customer: NDArray[np.int64], customers: int
) -> tuple[tuple[DayRegret, ...], Estimate]:
    """Each day, and regret per customer over all of them."""
    order = np.argsort(step, kind="stable")
    days, first = np.unique(step[order], return_index=True)
    running = np.zeros(customers)
    rows = []
    for day, at in zip(days, np.split(order, first[1:]), strict=True):
        running += np.bincount(customer[at], weights=lost[at], minlength=customers)
        _, present = np.unique(customer[at], return_inverse=True)
        rows.append(
            DayRegret(int(day), at.size, clustered(lost[at], present), over_customers(running))
        )
    return tuple(rows), rows[-1].cumulative


def _by_segment(
    lost: Float, segments: NDArray[np.str_], customer: NDArray[np.int64]
) -> dict[str, Estimate]:
    found = {}
    for label in np.unique(segments):
        at = np.flatnonzero(segments == label)
        _, present = np.unique(customer[at], return_inverse=True)
        found[str(label)] = clustered(lost[at], present)
    return found
