"""The environments' compiled loops over customers: serving, paying, weighing.

Numba's cache watches only the file of a compiled function, so that none of these calls a
compiled function of another file.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.kernel import compiled

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]


@compiled
def grant(granted: Int64, refused: Bool, actions: Int64, mask: Bool) -> int:
    """Actions as asked where they are eligible, else 0.

    Args:
        granted: int64 (n,), written.
        refused: bool (n,), written: those that are not.
        actions: int64 (n,).
        mask: bool (n, A).

    Returns:
        The first row whose action is outside 0..A-1, or -1.
    """
    width = mask.shape[1]
    for i in range(actions.shape[0]):
        a = actions[i]
        if a < 0 or a >= width:
            return i
        open_ = a == 0 or mask[i, a]  # most are 0, and their masks need not be fetched
        refused[i] = not open_
        granted[i] = a if open_ else 0
    return -1


@compiled
def pay(actions: Int64, broke: Bool, costs: Int64, left: int, begin: int) -> int:
    """Pay for contacts one customer after another; who cannot be paid for gets none.

    Args:
        actions: int64 (n,), changed to 0 where the budget does not suffice. One that is not
            an action is left to others to refuse.
        broke: bool (n,), set where it does not.
        costs: int64 (n, A).
        left: of the budget.
        begin: the customer who comes first.

    Returns:
        What is left afterwards.
    """
    n = actions.shape[0]
    for later in range(n):
        i = (begin + later) % n
        a = actions[i]
        if 0 <= a < costs.shape[1]:
            if costs[i, a] > left:
                actions[i] = 0
                broke[i] = True
            else:
                left -= costs[i, a]
    return left
