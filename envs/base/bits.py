"""Sets of columns of the catalogue as bits, 64 to a word: for customers, and for fixed sets.

A mask over some seventy actions is two words; whether it meets a set is two instructions, and
its members are found without looking at the others.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numba import uint64
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled

Words = NDArray[np.uint64]

WORD = 64


def of_sets(sets: Iterable[Iterable[int]], width: int) -> Words:
    """uint64 (S, W): fixed sets of columns below ``width``."""
    rows = [list(columns) for columns in sets]
    words = np.zeros((len(rows), -(-width // WORD)), dtype=np.uint64)
    for row, columns in enumerate(rows):
        for column in columns:
            words[row, column // WORD] |= np.uint64(1 << column % WORD)
    return words


def of_rows(mask: NDArray[np.bool_]) -> Words:
    """uint64 (W, n): the columns that each row of ``mask``, bool (n, K), allows."""
    n, width = mask.shape
    packed = np.packbits(np.ascontiguousarray(mask).reshape(-1), bitorder="little")
    # Room to read a whole word behind the last one.
    stream = np.zeros((packed.size + 23) // 8, dtype=np.uint64)
    stream.view(np.uint8)[: packed.size] = packed
    words = np.empty((-(-width // WORD), n), dtype=np.uint64)
    _split(words, stream, width)
    return words


@compiled
def _split(words: Words, stream: Words, width: int) -> None:
    """Cut a stream of ``width`` bits per customer into words, written to ``words`` (W, n)."""
    for w in range(words.shape[0]):
        left = min(64, width - 64 * w)
        keep = ~uint64(0)
        if left < 64:
            keep = (uint64(1) << uint64(left)) - uint64(1)
        for i in range(words.shape[1]):
            bit = uint64(i * width + 64 * w)
            at, skip = bit >> uint64(6), bit & uint64(63)
            # In two shifts, since shifting a word by 64 is not defined.
            rest = (stream[at + uint64(1)] << uint64(1)) << (uint64(63) - skip)
            words[w, i] = ((stream[at] >> skip) | rest) & keep
