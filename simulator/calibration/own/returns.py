"""Goods brought back: negative amounts beside what they undo."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True, slots=True)
class Netted:
    """Amounts after returns.

    Attributes:
        amount: float64 (m,), of purchases what is left, of returns 0.
        unmatched: int64, rows of returns of which something found no purchase to be taken off.
    """

    amount: NDArray[np.float64]
    unmatched: NDArray[np.int64]


def net(
    customer: NDArray[np.int64], day: NDArray[np.datetime64], amount: NDArray[np.float64]
) -> Netted:
    """Take each negative amount off its customer's purchases.

    A return is taken off what the customer bought on its day or before, the latest first, each
    down to 0 at most. A purchase that comes to 0 stays a visit. Returns count in order of their
    days; what is left of one when there is nothing more to be taken off was bought before the
    data begin.

    Args:
        customer: int64 (m,), rows in any order.
        day: datetime64[D] (m,).
        amount: float64 (m,), returns below 0.
    """
    left = amount.copy()
    # Purchases of a day come before its returns.
    order = np.lexsort((amount < 0.0, day, customer))
    unmatched = []
    for place in np.flatnonzero(amount[order] < 0.0).tolist():
        row = int(order[place])
        owed, left[row] = -float(amount[row]), 0.0
        before = place - 1
        while owed > 0.0 and before >= 0 and customer[order[before]] == customer[row]:
            taken = min(owed, float(left[order[before]]))
            left[order[before]] -= taken
            owed -= taken
            before -= 1
        if owed > _CENT / 2.0:
            unmatched.append(row)
    left[left < _CENT / 2.0] = 0.0
    return Netted(left, np.array(unmatched, dtype=np.int64))


_CENT = 0.01
"""Less than half of it is what is left of binary fractions."""
