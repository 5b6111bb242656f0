"""Rows that are there twice: how often purchases are like earlier ones, and when that is no chance.

Rows are alike if what was read is: 20.00 and 20, a day and that day at midnight, 7 and 7.0.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.sheets import Sheet
from troth.errors import InvalidArgument
from troth.tables.faults import MOST_FAULTS
from troth.text import quoted

MOST_REPEATED = 1.0 / 3.0
"""Of all rows, those that may be like an earlier one. Measured: 0.4 % of CDNOW's receipts, 0.8 % of
the Complete Journey's baskets, 18 to 23 % of its receipt lines; an export pasted twice has 50 %."""
MOST_SHARED = 0.1
"""Of a file's rows, those that may be like one of an earlier file: 7 % of the receipt lines of one
half of the Complete Journey's departments are like one of the other half."""
MOST_INSIDE = 0.5
"""Of a file's rows, those that a later and larger file may hold too: by chance as above, and a
month that is in a year's export stands there whole."""
LONGEST_RUN = 20
"""Rows on end that may be like rows on end, in that order or backwards."""
MOST_OF_DAYS = 0.75
"""On days on end, the purchases of which as many may be there again as of a run."""
_DIGITS = 6


def firsts(columns: Sequence[NDArray[np.generic]]) -> NDArray[np.int64]:
    """For each row the first that is like it in all ``columns`` (m,) each, int64 (m,)."""
    key = np.zeros(len(columns[0]), dtype=np.int64)
    for column in columns:
        codes = np.unique(column, return_inverse=True)[1].astype(np.int64)
        width = int(codes.max(initial=0)) + 1
        if int(key.max(initial=0)) >= np.iinfo(np.int64).max // width - 1:
            key = np.unique(key, return_inverse=True)[1].astype(np.int64)
        key = key * width + codes
    order = np.argsort(key, kind="stable")  # the first of its kind stays first
    new = np.ones(len(order), dtype=np.bool_)
    new[1:] = np.diff(key[order]) != 0
    result = np.empty(len(order), dtype=np.int64)
    result[order] = order[np.flatnonzero(new)][np.cumsum(new) - 1]
    return result


def alike(
    columns: Sequence[NDArray[np.generic]],
    amount: NDArray[np.float64],
    clock: NDArray[np.int64],
) -> NDArray[np.int64]:
    """For each row the first that is like it, int64 (m,).

    One export has times and another the day alone: a time tells purchases apart only where both
    have one.

    Args:
        columns: (m,) each, what was read of customer, day and labels.
        amount: float64 (m,), to be compared in millionths, as binary fractions went through sums.
        clock: int64 (m,), microseconds of the day; 0 without a time.
    """
    same = firsts([*columns, np.round(amount, _DIGITS)])
    if not clock.any():
        return same
    rows = np.arange(len(same))
    plain = np.full(len(same), len(same))
    np.minimum.at(plain, same, np.where(clock == 0, rows, len(same)))
    timed = np.minimum(firsts([same, clock]), np.minimum(plain[same], rows))
    return np.where(clock == 0, same, timed)


def refuse_repeats(sheet: Sheet, first: NDArray[np.int64], day: NDArray[np.datetime64]) -> None:
    """Refuse purchases of which more are there twice than are bought twice.

    Args:
        sheet: the purchases.
        first: int64 (n,), for each row the first that is like it in every column read.
        day: datetime64[D] (n,).

    Raises:
        InvalidArgument: with the rows.
    """
    source = sheet.table.places.source
    repeated = first != np.arange(len(first))
    across = source[first] < source
    latest = np.zeros(len(first), dtype=source.dtype)
    np.maximum.at(latest, first, source)
    later = latest[first] > source
    for at in range(len(sheet.table.places.sources)):
        of = source == at
        if (again := across & of).sum() > MOST_SHARED * of.sum():
            raise twice(sheet, again, int(of.sum()), "like one of an earlier file")
    for at, name in enumerate(sheet.table.places.sources):
        of = source == at
        if (inside := later & of).sum() > MOST_INSIDE * of.sum():
            again = across & np.isin(first, first[inside])
            like = f"like one of {name}, of which {inside.sum() / of.sum():.0%} is there again,"
            raise twice(sheet, again, len(first), like)
    refuse_rows(sheet, first)
    if (block := _by_days(first, repeated, day)).any():
        raise twice(sheet, block, len(repeated), "like earlier ones, on days on end")


def in_order(first: NDArray[np.int64], repeated: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Rows of runs longer than is believed that are like earlier ones, row for row, bool (n,)."""
    found = np.zeros(len(first), dtype=np.bool_)
    for step in (1, -1):
        on = repeated[1:] & repeated[:-1] & (np.diff(first) == step)
        run = np.concatenate(((0,), np.cumsum(~on)))  # rows of one run share its number
        found |= repeated & (np.bincount(run)[run] > LONGEST_RUN)
    return found


def _by_days(
    first: NDArray[np.int64], repeated: NDArray[np.bool_], day: NDArray[np.datetime64]
) -> NDArray[np.bool_]:
    """Repeated rows of days on end on which nearly all purchases are there again, bool (n,).

    Exports that share a week need not be in one order.
    """
    twice = np.zeros(len(first), dtype=np.bool_)
    twice[first[repeated]] = True
    at = np.unique(day, return_inverse=True)[1]
    different = np.bincount(at, weights=~repeated)
    again = np.bincount(at, weights=twice)
    most = again >= MOST_OF_DAYS * different
    run = np.concatenate(((0,), np.cumsum(np.diff(most) != 0)))
    long = most & (np.bincount(run, weights=again)[run] > LONGEST_RUN)
    return repeated & long[at]


def refuse_rows(sheet: Sheet, first: NDArray[np.int64]) -> None:
    """Refuse a table with too many rows like earlier ones, or so many on end.

    Args:
        sheet: the table.
        first: int64 (n,), for each row the first that is like it in every column read.

    Raises:
        InvalidArgument: with the rows.
    """
    repeated = first != np.arange(len(first))
    if repeated.sum() > MOST_REPEATED * len(repeated):
        raise twice(sheet, repeated, len(repeated), "like an earlier one")
    if (block := in_order(first, repeated)).any():
        raise twice(sheet, block, len(repeated), "like earlier ones, in their order too")


def twice(sheet: Sheet, again: NDArray[np.bool_], of: int, like: str) -> InvalidArgument:
    """The refusal of the rows where ``again`` (n,) holds, of ``of`` looked at."""
    rows = np.flatnonzero(again)
    places = sheet.table.places
    column = sheet.theirs.get("customer", next(iter(sheet.theirs.values())))
    row = int(rows[0])
    lines = ", ".join(str(line) for line in places.line[rows[:MOST_FAULTS]].tolist())
    more = f" and {len(rows) - MOST_FAULTS:,} more" if len(rows) > MOST_FAULTS else ""
    return InvalidArgument(
        f"{quoted(sheet.table.columns[column].text(row))} and {len(rows):,} of {of:,} rows are "
        f"{like} in every column read (lines {lines}{more}): was it exported twice? "
        f"--repeats keep takes each for a {'purchase' if 'amount' in sheet else 'row of its own'}",
        field=f"{places(row)}:{column}",
    )
