"""What is wrong with purchases though each row alone is right: told, or refused, with the rows."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.own.pace import Quiet, quiet_times, thin_ends, visits
from simulator.calibration.sheets import Sheet

MOST_QUIET_DAYS = 366
"""A longer time in which nobody buys anything is a wrong date."""
LONE_DAYS = 30
"""A shorter time in which nobody buys is a holiday."""
LONE_SHARE = 1e-2
"""Of all visits, those that may lie apart."""
LONE_VISITS = 20
"""Visits that the time in which nobody bought should have seen, at the pace beside it."""
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
    who, when = visits(customer, day)
    alone = lone_dates(when, day)
    quiet = quiet_times(when)
    thin = [
        time
        for time in thin_ends(who, when)
        if not any(time.first <= other.last and other.first <= time.last for other in quiet)
        and not any(time.first <= day[apart[0]] <= time.last for apart, _ in alone)
    ]
    said = [
        f"date: {gap} days from all others in {sheet.told('date', rows[apart])}: a wrong date "
        "moves every figure of purchases"
        for apart, gap in alone
    ]
    for time in quiet:
        seen = f"{time.seen:,} visits are" if time.seen else "nobody bought"
        said.append(
            f"date: {seen} from {time.first} to {time.last}, where {time.expected:,} visits were "
            "to be expected: is a file missing, or a date wrong before or after?"
        )
    for time in thin:
        there = sheet.told("date", rows[(day >= time.first) & (day <= time.last)])
        said.append(
            f"date: {time.seen:,} visits are from {time.first} to {time.last}, where, by the weeks "
            f"beside, {time.expected:,} were to be expected: are dates wrong in {there}, or is "
            f"what else belongs there missing? {_leave_out(time, day)}"
        )
    return said


def _leave_out(time: Quiet, day: NDArray[np.datetime64]) -> str:
    """What to do with a thin end of the data."""
    if time.last < day.max():
        return "If the shop was only opening then, leave the rows out"
    return f"If the shop was closing then, leave them out: --until {time.first - 1}"


def lone_dates(
    visited: NDArray[np.int64], day: NDArray[np.datetime64]
) -> list[tuple[NDArray[np.int64], int]]:
    """Rows at either end of the data, so few and so far from all others that a date may be wrong.

    Visits are peeled off an end as long as they are few of all, and lie
    beyond a month or more in which, at the pace of the fifty visits beside it, twenty or more
    were to be expected. A pace, rather than a length, spares small shops; the pace beside, rather
    than that of all, those whose business ebbs.

    Args:
        visited: int64 (v,), the day of each visit, in order.
        day: datetime64[D] (m,), of each row.

    Returns:
        Rows, int64, and the days that lie between them and the others, for each end that has any.
    """
    most = max(1, int(len(visited) * LONE_SHARE))
    found = []
    for side in (1, -1):
        outward = np.sort(side * visited)
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
