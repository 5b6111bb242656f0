"""Means with standard errors: the textbook answers, and clusters that count once."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.truth.estimates import Estimate, Moments, clustered, over_customers
from troth.errors import InvalidArgument
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
