"""How many of the largest values lie apart from all others together, as several tills do.

One by one they hide behind each other: without any single one of them the rest is as it was. What
gives them away is the gap below them. Of a Pareto tail the differences between the logarithms of
neighbours, each times its rank, are exponential and alike (Rényi, Acta Mathematica Hungarica 4,
1953; Hill, Annals of Statistics 3(5), 1975), and of a lighter tail they shrink towards the top: so
a tail of people, however heavy, has no gap, and one that is too large for those below it has
people on one side alone.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

CHANCE = 0.02
"""Of a gap in a Pareto tail, at whatever place; of a lighter one it is far less."""
MOST_APART = 0.2
"""Of all values, those that may lie above a gap: more of them are no exception."""
_BELOW = 60
"""Neighbours below a gap by which it is judged."""
_LEAST_BELOW = 10


def apart(values: NDArray[np.float64]) -> int:
    """How many of the largest lie above the clearest gap; 0 if chance makes one like it.

    Args:
        values: float64 (n,), >= 0; what is 0 is in no tail.
    """
    chances = gap_chances(values)
    return int(chances.argmin()) + 1 if chances.size and chances.min() < CHANCE else 0


def gap_chances(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """The chance of a gap as large below each of the largest, float64 (k,).

    That below the i-th is weighed by i(i + 1), so that all places together bring one below c with
    a chance of c at most: groups are small.

    Args:
        values: float64 (n,), >= 0.
    """
    order = np.sort(values[values > 0.0])[::-1]
    spacing = np.arange(1, len(order)) * -np.diff(np.log(order))
    most = max(0, min(int(MOST_APART * len(values)), len(spacing) - _LEAST_BELOW))
    so_far = np.concatenate(((0.0,), np.cumsum(spacing)))
    above = np.arange(1, most + 1)
    last = np.minimum(above + _BELOW, len(spacing))
    below = last - above
    # One exponential over the mean of m others is F(2, 2m).
    usual = np.maximum((so_far[last] - so_far[above]) / below, np.finfo(np.float64).tiny)
    return np.asarray((1.0 + spacing[:most] / usual / below) ** -below * above * (above + 1.0))
