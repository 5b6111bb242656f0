"""Masks as words of bits."""

from __future__ import annotations

import numpy as np
import pytest

from envs.base import bits


def members(words: np.ndarray) -> list[int]:
    """Positions of the bits that are set."""
    return [64 * w + b for w, word in enumerate(words) for b in range(64) if int(word) >> b & 1]


@pytest.mark.parametrize("width", [1, 8, 63, 64, 65, 68, 128, 130])
@pytest.mark.parametrize("rows", [1, 7, 64])
def test_rows_become_words(width: int, rows: int) -> None:
    """Every row's bits are its true columns, whatever its width and place in memory."""
    mask = np.random.default_rng(width).random((rows, width)) < 0.4
    for given in (mask, np.asfortranarray(mask)):
        words = bits.of_rows(given)
        assert words.shape == (-(-width // 64), rows)
        for i in range(rows):
            assert members(words[:, i]) == mask[i].nonzero()[0].tolist()


def test_sets_become_words() -> None:
    """Fixed sets, the last column of a word and the first of the next among them."""
    words = bits.of_sets([[], [0, 63], [64, 2]], 66)
    assert [members(row) for row in words] == [[], [0, 63], [2, 64]]
