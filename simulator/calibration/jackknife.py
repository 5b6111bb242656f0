"""Standard errors of whatever is said of independent customers."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

GROUPS = 20
"""Groups of customers that the jackknife leaves out in turn."""


def jackknife(
    customers: int, statistic: Callable[[Bool], Float], *, groups: int = GROUPS
) -> tuple[Float, Float]:
    """A statistic of independent customers with its standard error.

    Delete-a-group jackknife (Shao & Tu, "The Jackknife and Bootstrap", 1995, section 2.3):
    customers are dealt to groups in turn, and the statistic is taken again without each group.

    Args:
        customers: n; they are independent and in no order.
        statistic: maps a selection, bool (n,), to float64 (k,).
        groups: at most this many groups.

    Returns:
        values float64 (k,) on all customers, standard errors float64 (k,).
    """
    label = np.arange(customers) % groups
    whole = statistic(np.ones(customers, dtype=np.bool_))
    parts = min(groups, customers)
    without = np.stack([statistic(label != g) for g in range(parts)])
    centred = without - without.mean(axis=0)
    return whole, np.sqrt((parts - 1) / parts * (centred**2).sum(axis=0))
