"""Experiments and mailings of which a part is there twice, though nobody has an id.

Of rows that say no more than yes or no, nearly all are like others. A stretch of them that stands
there twice, row for row, is no chance if its rows are improbable enough together.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.own.repeats import LONGEST_RUN, firsts, refuse_rows, twice
from simulator.calibration.sheets import Sheet

_CHANCE = 1e-6
"""Of a stretch in an honest table that stands there twice."""
_NEAR = 100
"""Rows before and behind, among which a row's share counts: tables are sorted by this and that."""
_SOME = 10
_BASE = 0x9E3779B97F4A7C15


def refuse_pastes(sheet: Sheet, columns: Sequence[NDArray[np.generic]]) -> None:
    """Refuse a table of which a part is there twice.

    Args:
        sheet: the table; with its ids, rows that are alike count, as of purchases.
        columns: (n,) each, all that was read of it.

    Raises:
        InvalidArgument: with the rows.
    """
    first = firsts(columns)
    if "customer" in sheet:
        refuse_rows(sheet, first)
    elif (again := pasted(first)).any():
        raise twice(sheet, again, len(first), "like earlier ones, in their order too")


def pasted(first: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Rows of stretches that stand there before, row for row, and not by chance.

    A row that is like the one before it proves nothing, as in a sorted table; any other as much
    as it is rare, in the table and near by. Stretches are found by a rolling hash of windows.

    Args:
        first: int64 (n,), for each row the first that is like it.

    Returns:
        bool (n,).
    """
    rows = len(first)
    found = np.zeros(rows, dtype=np.bool_)
    if rows < 2 * LONGEST_RUN:
        return found
    proof = np.concatenate(((0.0,), np.cumsum(_surprise(first))))
    needed = math.log(rows * rows / 2.0 / _CHANCE)
    hashed, back = _prefixes(first)
    width = LONGEST_RUN
    while width <= rows // 2 and not found.any():
        starts = np.flatnonzero(proof[width:] - proof[:-width] >= needed)
        windows = (hashed[width:] - hashed[:-width])[starts] * back[starts]
        order = np.argsort(windows, kind="stable")
        same = np.diff(windows[order]) == 0
        gap = np.diff(starts[order])
        group = np.concatenate(((0,), np.cumsum(~same)))
        near = np.zeros(len(starts) + 1, dtype=np.bool_)
        near[group[1:][same & (gap < width)]] = True  # a pattern that repeats itself all along
        for start in starts[order[1:][same & ~near[group[1:]]]].tolist():
            found[start : start + width] = True
        width *= 2
    return found


def _surprise(first: NDArray[np.int64]) -> NDArray[np.float64]:
    """Less the logarithm of each row's share, float64 (n,); 0 for one like the row before.

    The share is the largest of that in the table, near by, and near by after rows like the one
    before, where these are some: who is treated may alternate.
    """
    rows = len(first)
    near = _counts(first)
    pairs = np.unique(first[:-1] * rows + first[1:], return_inverse=True)[1].astype(np.int64)
    share = np.maximum(np.bincount(first, minlength=rows)[first] / rows, near / (2 * _NEAR + 1))
    after = np.where(near[:-1] >= _SOME, _counts(pairs) / near[:-1], 0.0)
    share[1:] = np.maximum(share[1:], np.minimum(after, 1.0))
    surprise: NDArray[np.float64] = -np.log(share)
    surprise[1:][np.diff(first) == 0] = 0.0
    return surprise


def _counts(codes: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many rows near each are like it, itself among them, int64 (n,)."""
    place = np.arange(len(codes))
    key = codes * len(codes)
    there = np.sort(key + place)
    low = key + np.maximum(place - _NEAR, 0)
    high = key + np.minimum(place + _NEAR, len(codes) - 1)
    count: NDArray[np.int64] = np.searchsorted(there, high, "right") - np.searchsorted(there, low)
    return count


def _prefixes(first: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    """Polynomial prefix hashes modulo 2^64, (n + 1,), and the powers that shift them back, (n,)."""
    rows = len(first)
    mixed = (first.astype(np.uint64) + np.uint64(1)) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(31))) * np.uint64(0x94D049BB133111EB)
    mixed ^= mixed >> np.uint64(29)
    power = np.full(rows, _BASE, dtype=np.uint64).cumprod(dtype=np.uint64)
    inverse = np.full(rows, pow(_BASE, -1, 1 << 64), dtype=np.uint64).cumprod(dtype=np.uint64)
    hashed = np.zeros(rows + 1, dtype=np.uint64)
    np.cumsum(mixed * power, out=hashed[1:])
    return hashed, inverse
