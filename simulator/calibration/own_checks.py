"""What is wrong with purchases though each row alone is right: told, or refused, with the rows."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.sheets import Sheet

MOST_QUIET_DAYS = 366
"""A longer time in which nobody buys anything is a wrong date."""
LONE_DAYS = 30
"""A shorter time in which nobody buys is a holiday."""
LONE_SHARE = 1e-2
"""Of all visits, those that may lie apart."""
LONE_VISITS = 20
"""Visits that the time in which nobody bought should have seen, at the pace beside it."""
QUIET_DAYS = 7
"""A shorter time in which nobody buys is a feast."""
QUIET_VISITS = 100
"""Visits that a time in which nobody bought should have seen, at the pace of its slower side."""
_BESIDE = 50


def refuse_quiet(sheet: Sheet, day: NDArray[np.datetime64]) -> None:
    """Refuse dates, fewer than half of all, beyond a year in which nobody bought.

    One wrong year would be taken for the beginning or the end of the data, and everybody else
    for long gone.

    Args:
        sheet: the purchases.
        day: datetime64[D] (n,), of all its rows.
    """
    days = np.unique(day)
    for at in np.flatnonzero(np.diff(days).astype(np.int64) > MOST_QUIET_DAYS).tolist():
        quiet = int((days[at + 1] - days[at]).astype(np.int64))
        early = day <= days[at]
        sheet.refuse(
            early if early.sum() * 2 <= len(day) else ~early,
            "date",
            f"is beyond {quiet} days in which nobody bought (from {days[at]} to {days[at + 1]}), "
            f"where {MOST_QUIET_DAYS} are allowed",
        )


def doubtful_dates(
    sheet: Sheet,
    rows: NDArray[np.int64],
    customer: NDArray[np.int64],
    day: NDArray[np.datetime64],
) -> list[str]:
    """What may be wrong with the dates of purchases, one sentence each.

    Args:
        sheet: the purchases.
        rows: int64 (m,), those of its rows that count.
        customer: int64 (m,).
        day: datetime64[D] (m,).
    """
    seen = visit_days(customer, day)
    return [
        f"date: {gap} days from all others in {sheet.told('date', rows[apart])}: a wrong date "
        "moves every figure of purchases"
        for apart, gap in lone_dates(seen, day)
    ] + [
        f"date: nobody bought from {begun} to {last}, where {visits:,} visits were to be "
        "expected: is a file missing, or a date wrong before or after?"
        for begun, last, visits in quiet_times(seen)
    ]


def visit_days(customer: NDArray[np.int64], day: NDArray[np.datetime64]) -> NDArray[np.int64]:
    """The day of each visit, a customer's day, in order, as int64 (v,)."""
    width = np.int64(customer.max()) + 1
    visit = np.sort(day.astype(np.int64) * width + customer)  # np.unique hashes, ten times slower
    return visit[np.concatenate(((True,), np.diff(visit) != 0))] // width


def lone_dates(
    visits: NDArray[np.int64], day: NDArray[np.datetime64]
) -> list[tuple[NDArray[np.int64], int]]:
    """Rows at either end of the data, so few and so far from all others that a date may be wrong.

    Visits are peeled off an end as long as they are few of all, and lie
    beyond a month or more in which, at the pace of the fifty visits beside it, twenty or more
    were to be expected. A pace, rather than a length, spares small shops; the pace beside, rather
    than that of all, those whose business ebbs.

    Args:
        visits: int64 (v,), of :func:`visit_days`.
        day: datetime64[D] (m,), of each row.

    Returns:
        Rows, int64, and the days that lie between them and the others, for each end that has any.
    """
    most = max(1, int(len(visits) * LONE_SHARE))
    found = []
    for side in (1, -1):
        outward = np.sort(side * visits)
        if (cut := _apart(outward, most)) is not None:
            last, gap = cut
            found.append((np.flatnonzero(side * day.astype(np.int64) > last), gap))
    return found


def _apart(days: NDArray[np.int64], most: int) -> tuple[int, int] | None:
    """The last day that is not apart from the rest, and the gap behind it; ``None`` if none is."""
    found = None
    for beyond in range(1, min(most, len(days) - 1) + 1):
        inner = len(days) - beyond - 1
        gap = int(days[inner + 1] - days[inner])
        beside = days[max(0, inner - _BESIDE + 1) : inner + 1]
        if len(beside) < LONE_VISITS or gap < LONE_DAYS:
            continue
        pace = len(beside) / max(1, int(beside[-1] - beside[0]))
        if gap * pace >= LONE_VISITS:
            found = int(days[inner]), gap
    return found


def quiet_times(visits: NDArray[np.int64]) -> list[tuple[np.datetime64, np.datetime64, int]]:
    """Times amid the data in which nobody bought, though many were to be expected: a lost file.

    Args:
        visits: int64 (v,), of :func:`visit_days`.

    Returns:
        First and last day of each, and the visits expected at the pace of its slower side.
    """
    found: list[tuple[np.datetime64, np.datetime64, int]] = []
    for at in np.flatnonzero(np.diff(visits) > QUIET_DAYS).tolist():
        before = visits[max(0, at - _BESIDE + 1) : at + 1]
        after = visits[at + 1 : at + 1 + _BESIDE]
        pace = min(len(side) / (int(side[-1] - side[0]) + 1) for side in (before, after))
        quiet = int(visits[at + 1] - visits[at]) - 1
        if min(len(before), len(after)) == _BESIDE and quiet * pace >= QUIET_VISITS:
            first, last = (
                np.datetime64(int(visits[at]) + 1 + step, "D") for step in (0, quiet - 1)
            )
            found.append((first, last, round(quiet * pace)))
    return found


def overlapping(sheet: Sheet, day: NDArray[np.datetime64]) -> list[str]:
    """Files that share days, one sentence for each pair.

    Args:
        sheet: the purchases.
        day: datetime64[D] (n,), of all its rows.
    """
    places = sheet.table.places
    days = [np.unique(day[places.source == at]) for at in range(len(places.sources))]
    named = zip((Path(name).name for name in places.sources), days, strict=True)
    return [
        f"{one} and {two} both have purchases on "
        + (
            f"{len(shared):,} days from {shared[0]} to {shared[-1]}"
            if len(shared) > 1
            else f"{shared[0]}"
        )
        for (one, mine), (two, theirs) in combinations(named, 2)
        if len(shared := np.intersect1d(mine, theirs))
    ]
