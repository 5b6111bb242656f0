"""Intervals over seeds against values from a t table."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.intervals import student
from troth.errors import InvalidArgument


def test_five_seeds_by_hand() -> None:
    """1..5 has mean 3 and standard error sqrt(0.5); t(0.975, 4) is 2.776445."""
    interval = student([1.0, 2.0, 3.0, 4.0, 5.0], 0.95)
    half = 2.7764451 * np.sqrt(2.5 / 5)
    assert interval.mean == pytest.approx(3.0)
    assert interval.low == pytest.approx(3.0 - half, abs=1e-6)
    assert interval.high == pytest.approx(3.0 + half, abs=1e-6)
    assert interval.excludes_zero


def test_zero_inside_is_told() -> None:
    """An interval around zero does not exclude it, one below does."""
    assert not student([-1.0, 1.0, -1.0, 1.0], 0.95).excludes_zero
    assert student([-1.0, -1.1, -0.9], 0.95).excludes_zero


@pytest.mark.parametrize("values", [[1.0], [1.0, float("nan")], [[1.0, 2.0], [1.0, 2.0]]])
def test_too_little_is_refused(values: list[object]) -> None:
    """One repetition has no spread; a missing value is no value."""
    with pytest.raises(InvalidArgument) as caught:
        student(values, 0.95)  # type: ignore[arg-type]
    assert caught.value.field == "values"
