"""Means with standard errors: the textbook answers, and clusters that count once."""

from __future__ import annotations

import numpy as np
import pytest

from troth.errors import InvalidArgument
from troth.statistics import (
    Estimate,
    MeanInterval,
    Moments,
    clustered,
    counted,
    over_customers,
    quantile,
    student,
)
from troth.streams import generator


def test_clusters_of_one_are_the_textbook_error() -> None:
    """With one row each, the clustered error is s / sqrt(n)."""
    x = generator("estimates", 1).normal(size=50)
    for found in (clustered(x, np.arange(50)), over_customers(x)):
        assert found.mean == pytest.approx(x.mean())
        assert found.stderr == pytest.approx(x.std(ddof=1) / np.sqrt(50))
        assert found.clusters == 50


def test_saying_it_twice_adds_nothing() -> None:
    """Rows of one customer are not independent: copies leave the error as it is."""
    x = generator("estimates", 2).normal(size=40)
    once = clustered(x, np.arange(40))
    twice = clustered(np.tile(x, 3), np.tile(np.arange(40), 3))
    assert twice.stderr == pytest.approx(once.stderr)
    assert over_customers(np.stack([x, x])).stderr == pytest.approx(once.stderr)


def test_interval_is_the_normal_one() -> None:
    """1.96 standard errors either side at 95 %."""
    low, high = Estimate(10.0, 2.0, 9).interval()
    assert (low, high) == pytest.approx((10 - 3.919928, 10 + 3.919928))
    with pytest.raises(InvalidArgument, match="level"):
        Estimate(0.0, 1.0, 2).interval(1.0)


def test_one_cluster_has_no_error() -> None:
    """A single customer says nothing of the spread, and does not pretend to."""
    assert np.isnan(over_customers(np.array([3.0])).stderr)
    assert np.isnan(clustered(np.array([3.0, 5.0]), np.zeros(2, dtype=np.int64)).stderr)
    with pytest.raises(InvalidArgument, match="values"):
        over_customers(np.empty(0))


def test_moments_added_one_by_one() -> None:
    """Welford's sums are those of all replicates at once, far from zero too."""
    x = 1e9 + generator("estimates", 3).normal(size=(7, 5))
    moments = Moments((5,))
    moments.add(x[0])
    assert np.isnan(moments.stderr).all()
    for row in x[1:]:
        moments.add(row)
    np.testing.assert_allclose(moments.mean, x.mean(axis=0), rtol=1e-14)
    np.testing.assert_allclose(moments.stderr, x.std(axis=0, ddof=1) / np.sqrt(7), rtol=1e-5)


VALUES = np.array([12.5, 11.25, 14.0, 10.1, 13.3])
COUNTS = np.array([0, 1, 0, 2, 5, 0, 1])


@pytest.mark.parametrize(
    ("found", "ends"),
    [
        (student(VALUES, 0.9), ("0x1.577d655b072c6p+3", "0x1.b73aec907df26p+3")),
        (student(VALUES, 0.95), ("0x1.4903f85269a0bp+3", "0x1.c5b459991b7e1p+3")),
        (counted(COUNTS, 0.9), ("0x1.9e360912635cap-2", "0x1.8a50f24919faap+1")),
        (counted(COUNTS, 0.95), ("0x1.442a689ca9e7ep-2", "0x1.bb027bd7d013ep+1")),
    ],
)
def test_intervals_keep_their_bits(found: MeanInterval, ends: tuple[str, str]) -> None:
    """Figures of earlier runs come out again, to the last bit."""
    assert (found.low.hex(), found.high.hex()) == ends


def test_a_quantile_is_students_or_the_normals() -> None:
    """Against tables; many degrees of freedom come near the normal, and a level has a range."""
    assert quantile(0.95) == pytest.approx(1.959964, abs=1e-6)
    assert quantile(0.95, 4.0) == pytest.approx(2.776445, abs=1e-6)
    assert quantile(0.95, 1e7) == pytest.approx(quantile(0.95), abs=1e-6)
    for level in (0.0, 1.0, float("nan")):
        with pytest.raises(InvalidArgument, match="outside"):
            quantile(level)
