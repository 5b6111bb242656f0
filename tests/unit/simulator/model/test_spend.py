"""Baskets: log-normal within and between customers."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model import spend
from simulator.scenarios.processes import SpendFigures

FIGURES = SpendFigures(mu=3.25, sigma_between=0.45, sigma_within=0.6)


def test_baskets_have_the_expected_mean() -> None:
    """Whole minor units average the expectation that rewards are computed with."""
    rng = np.random.default_rng(3)
    n = 200_000
    mean = np.full(n, 3.0)
    baskets = spend.basket_minor(FIGURES, mean, rng.random(n), rng.random(n))
    assert np.array_equal(baskets, np.rint(baskets))
    assert baskets.min() >= 1
    expected = spend.expected_minor(FIGURES, mean)[0]
    assert expected == pytest.approx(100 * np.exp(3.0 + 0.18))
    assert baskets.mean() == pytest.approx(expected, abs=4 * baskets.std() / np.sqrt(n))


def test_customers_differ_as_said() -> None:
    """Means of ln basket scatter by sigma_between around mu."""
    rng = np.random.default_rng(4)
    means = spend.draw_means(FIGURES, rng.random(100_000), rng.random(100_000))
    assert means.mean() == pytest.approx(3.25, abs=0.01)
    assert means.std() == pytest.approx(0.45, abs=0.01)
