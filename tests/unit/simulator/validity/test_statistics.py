"""Statistics of moments against answers known by hand or by simulation."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.calibration.jackknife import jackknife
from simulator.validity.statistics import (
    gini,
    mean_error,
    ratio_error,
    share_error,
    top_share,
    variance_parts,
)


def test_gini_known_answers() -> None:
    """Equal values have no inequality; one who has all of four has 3/4."""
    assert gini(np.ones(5)) == pytest.approx(0.0)
    assert gini(np.array([0.0, 0.0, 0.0, 8.0])) == pytest.approx(0.75)
    assert gini(np.array([1.0, 3.0])) == pytest.approx(0.25)
    assert np.isnan(gini(np.zeros(3)))


def test_top_share_known_answer() -> None:
    """The largest fifth of ten values is two of them."""
    assert top_share(np.arange(1.0, 11.0), 0.2) == pytest.approx(19.0 / 55.0)


def test_variance_parts_recover_what_made_them() -> None:
    """Between and within deviations of a balanced and an unbalanced design are found."""
    draw = np.random.default_rng(1)
    count = draw.integers(1, 12, 3000)
    group = np.repeat(np.arange(3000), count)
    values = draw.normal(0.0, 0.65, 3000)[group] + draw.normal(0.0, 0.96, group.size)
    between, within = variance_parts(group, values)
    assert between == pytest.approx(0.65, abs=0.03)
    assert within == pytest.approx(0.96, abs=0.02)


def test_jackknife_of_a_mean_is_its_standard_error() -> None:
    """With a group per customer, the jackknife of a mean is s / sqrt(n), exactly."""
    values = np.random.default_rng(2).normal(size=50)
    found, error = jackknife(50, lambda chosen: np.array([values[chosen].mean()]), groups=50)
    assert found[0] == pytest.approx(values.mean())
    assert error[0] == pytest.approx(values.std(ddof=1) / np.sqrt(50))


def test_jackknife_of_a_quantile_has_the_right_size() -> None:
    """The error of a median agrees with its spread over fresh samples."""
    draw = np.random.default_rng(3)
    samples = draw.normal(size=(200, 2000))
    errors = [
        jackknife(2000, lambda chosen, x=x: np.array([np.median(x[chosen])]))[1][0]
        for x in samples[:40]
    ]
    assert np.mean(errors) == pytest.approx(np.median(samples, axis=1).std(), rel=0.25)


def test_weighted_mean_and_its_error() -> None:
    """Weights of nought leave customers out of the mean and of its error."""
    values = np.array([1.0, 3.0, 100.0])
    mean, error = mean_error(values, np.array([1.0, 1.0, 0.0]))
    assert (mean, error) == pytest.approx((2.0, np.sqrt(2.0) / 2.0))
    assert np.isnan(mean_error(values, np.zeros(3))[0])


def test_ratio_error_vanishes_for_a_constant_ratio() -> None:
    """Where every customer has the same ratio, its estimate has no error."""
    bottom = np.arange(1.0, 20.0)
    assert ratio_error(1.2 * bottom, bottom) == pytest.approx((1.2, 0.0), abs=1e-12)
    assert np.isnan(ratio_error(bottom, np.zeros(19))[0])


def test_share_error_is_binomial() -> None:
    """A quarter of 100 has the error of a binomial share."""
    assert share_error(25, 100) == pytest.approx((0.25, np.sqrt(0.25 * 0.75 / 100)))
    assert np.isnan(share_error(0, 0)[0])
