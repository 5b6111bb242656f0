"""One number per customer for everything that happened to them.

Each day every column of actions and results is folded into a 64-bit hash per customer with the
finaliser of SplitMix64 (Steele, Lea & Flood, OOPSLA 2014), a bijection of the hash so far. Lives
that differ anywhere end in different hashes but for a chance of 2**-64, whichever shard they
were lived in. It guards against accidents, not against forgery.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.world import StepResult

Hashes = NDArray[np.uint64]


@compiled
def _fold(hashes: Hashes, column: NDArray[Any]) -> None:
    for i in range(hashes.shape[0]):
        x = (hashes[i] ^ uint64(column[i])) + uint64(0x9E3779B97F4A7C15)
        x = (x ^ (x >> uint64(30))) * uint64(0xBF58476D1CE4E5B9)
        x = (x ^ (x >> uint64(27))) * uint64(0x94D049BB133111EB)
        hashes[i] = x ^ (x >> uint64(31))


def born(first: int, size: int) -> Hashes:
    """uint64 (size,): the hashes of customers ``first``, ... before anything happened."""
    return np.arange(first, first + size, dtype=np.uint64)


def fold(hashes: Hashes, actions: NDArray[np.int64], result: StepResult) -> None:
    """Add one day to ``hashes`` (n,), in place: the actions and every column of the result."""
    _fold(hashes, actions)
    for column in columns(result):
        _fold(hashes, column)


def columns(result: StepResult) -> Iterator[NDArray[Any]]:
    """Every (n,) array of a day's result, in a fixed order."""
    yield result.answers
    yield from result.money
    yield from result.waits
    yield from (result.orders, result.spend_minor, result.category, result.store)
