"""Intervals over seeds against values from a t table."""

from __future__ import annotations

import numpy as np
import pytest

from troth.errors import InvalidArgument
from troth.statistics import counted, student


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


def test_counts_by_hand() -> None:
    """Poisson's table at 95 %: 10 events seen are 4.80 to 18.39 expected."""
    counts = np.zeros(1000)
    counts[:10] = 1.0
    interval = counted(counts, 0.95)
    assert counts.var(ddof=1) / counts.mean() == pytest.approx(1.0, abs=0.01)
    assert interval.mean == pytest.approx(0.01)
    assert interval.low == pytest.approx(4.795e-3, rel=0.02)
    assert interval.high == pytest.approx(18.39e-3, rel=0.02)


def test_nothing_seen_is_not_known_to_be_nothing() -> None:
    """No event among 4,000 leaves up to 3.69 expected; nobody is below none."""
    interval = counted(np.zeros(4000), 0.95)
    assert (interval.mean, interval.low) == (0.0, 0.0)
    assert interval.high == pytest.approx(3.689 / 4000, rel=1e-3)
    assert counted(np.full(50, 3), 0.95).low < 3.0 < counted(np.full(50, 3), 0.95).high


@pytest.mark.parametrize("clump", [1, 5])
def test_counts_are_covered_as_often_as_said(clump: int) -> None:
    """Events that come in clumps widen the interval; the mean lies in it about 19 times of 20."""
    rng = np.random.default_rng(3)
    rate, covered = 0.2, 0
    for _ in range(400):
        interval = counted(clump * rng.poisson(rate / clump, 1000), 0.95)
        covered += interval.low <= rate <= interval.high
    assert 0.92 <= covered / 400 <= 0.99


def test_many_counts_come_to_the_normal_interval() -> None:
    """Where there are many, it is the mean and 1.96 standard errors."""
    counts = np.random.default_rng(1).poisson(4.0, 5000) // 2
    one, other = counted(counts, 0.95), student(counts, 0.95)
    assert one.low == pytest.approx(other.low, rel=0.005)
    assert one.high == pytest.approx(other.high, rel=0.005)


@pytest.mark.parametrize("counts", [[1.0], [1.0, -1.0], [1.0, float("nan")], [[1.0, 2.0]]])
def test_what_is_no_count_is_refused(counts: list[object]) -> None:
    """One customer has no spread; less than none is no count."""
    with pytest.raises(InvalidArgument) as caught:
        counted(counts, 0.95)  # type: ignore[arg-type]
    assert caught.value.field == "counts"
