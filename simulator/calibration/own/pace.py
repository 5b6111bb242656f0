"""Where the pace of visits breaks off: a file that is missing, or a block of wrong dates.

Amid the data, more than a week in which hardly anybody bought. At either end, a stretch that is
all but empty beside the week before it: dates that are wrong, spread over days, leave no gap.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Int64 = NDArray[np.int64]

QUIET_DAYS = 7
"""A shorter time in which nobody buys is a feast."""
QUIET_VISITS = 100
"""Visits that a quiet time should have seen, at the pace of its slower side."""
QUIET_SHARE = 0.05
"""Of the visits to be expected, those that a quiet time may have seen: another shop's, a return."""
THIN_SHARE = 0.1
"""Likewise of a stretch at either end of the data, at the pace of the week beside it."""
THIN_DAYS = 14
"""A shorter stretch at an end is a feast, or a week not yet booked."""
_WEEK = 7
_BESIDE = 50
_USUAL = 28


@dataclass(frozen=True, slots=True)
class Quiet:
    """A time in which hardly anybody bought.

    Attributes:
        first, last: datetime64[D], its days.
        seen: visits in it.
        expected: visits to be expected in it.
    """

    first: np.datetime64
    last: np.datetime64
    seen: int
    expected: int


def visits(customer: Int64, day: NDArray[np.datetime64]) -> tuple[Int64, Int64]:
    """Each visit, a customer's day, in the order of days: customer int64 (v,), day int64 (v,)."""
    width = np.int64(customer.max()) + 1
    visit = np.sort(day.astype(np.int64) * width + customer)  # np.unique hashes, ten times slower
    visit = visit[np.concatenate(((True,), np.diff(visit) != 0))]
    return visit % width, visit // width


def quiet_times(day: Int64) -> list[Quiet]:
    """Times amid the data in which hardly anybody bought, though many were to be expected.

    Args:
        day: int64 (v,), of each visit, in order.
    """
    daily = np.bincount(day - day[0])
    usual = np.median(daily[daily > 0])
    found: list[Quiet] = []
    for few in sorted({0, int(2.0 * QUIET_SHARE * usual)}, reverse=True):
        found += [
            time
            for time in _runs(day, daily, few)
            if not any(other.first <= time.first <= other.last for other in found)
        ]
    return sorted(found, key=lambda time: time.first)


def _runs(day: Int64, daily: Int64, few: int) -> list[Quiet]:
    """Quiet times whose days have ``few`` visits or less each."""
    edge = np.flatnonzero(np.diff(np.concatenate(((0,), daily <= few, (0,)))))
    found = []
    for start, stop in edge.reshape(-1, 2).tolist():
        low, high = np.searchsorted(day - day[0], (start, stop)).tolist()
        if stop - start < QUIET_DAYS or low < _BESIDE or len(day) - high < _BESIDE:
            continue
        expected = (stop - start) * min(_pace(-day[:low][::-1]), _pace(day[high:]))
        if expected >= QUIET_VISITS and high - low <= QUIET_SHARE * expected:
            first, last = (np.datetime64(int(day[0]) + at, "D") for at in (start, stop - 1))
            found.append(Quiet(first, last, high - low, round(expected)))
    return found


def _pace(outward: Int64) -> float:
    """Visits a day beside a quiet time: of the week next to it, or of fifty visits if longer."""
    week = int(np.searchsorted(outward, outward[0] + _WEEK))
    if week >= _BESIDE:
        return week / _WEEK
    return _BESIDE / (int(outward[_BESIDE - 1] - outward[0]) + 1)


def thin_ends(customer: Int64, day: Int64) -> list[Quiet]:
    """Stretches at the ends of the data that are all but empty beside the weeks next to them.

    Customers' first visits do not count at the end, nor their last ones at the beginning: shops
    that win nobody more, or open, keep the pace of the others.

    Args:
        customer: int64 (v,), of :func:`visits`.
        day: int64 (v,), likewise.
    """
    found = []
    for side in (1, -1):
        who, when = customer[::side], side * day[::side]
        begun = np.empty(int(who.max()) + 1, dtype=np.int64)
        begun[who[::-1]] = when[::-1]  # of several the last assigned stays: the first day
        later = when > begun[who]
        cut = _thin(np.bincount(when[later] - when[0], minlength=int(when[-1] - when[0]) + 1))
        if cut is None:
            continue
        start = int(when[0]) + cut[0]
        first, last = sorted((side * start, side * int(when[-1])))
        seen = int((when >= start).sum())
        found.append(Quiet(np.datetime64(first, "D"), np.datetime64(last, "D"), seen, cut[1]))
    return found


def _thin(daily: Int64) -> tuple[int, int] | None:
    """The first day of a thin stretch at the end, and the visits to be expected in it."""
    if len(daily) < _USUAL + THIN_DAYS:
        return None
    so_far = np.concatenate(((0,), np.cumsum(daily)))
    at = np.arange(_USUAL - 1, len(daily) - THIN_DAYS)
    beside = so_far[at + 1] - so_far[at + 1 - _WEEK]
    month = (so_far[at + 1] - so_far[at + 1 - _USUAL]) * _WEEK / _USUAL
    pace = np.minimum(beside, month) / _WEEK  # a week of sales ends too
    many = month * _USUAL / _WEEK >= _BESIDE
    expected = pace * (len(daily) - 1 - at)
    beyond = so_far[-1] - so_far[at + 1]
    after = so_far[at + 1 + _WEEK] - so_far[at + 1]
    thin = (
        many
        & (expected >= QUIET_VISITS)
        & (beyond <= THIN_SHARE * expected)
        & (after <= THIN_SHARE * pace * _WEEK)
    )
    if not thin.any():
        return None
    first = int(thin.argmax())
    return int(at[first]) + 1, round(float(expected[first]))
