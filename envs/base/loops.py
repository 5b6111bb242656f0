"""The environments' compiled loop over customers: what is asked for, where it is eligible."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled

Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


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
