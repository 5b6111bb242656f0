"""Prior variances from the evidence: recovered where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners.bandits.empirical_bayes import FLAT, Expectation, Posterior, maximise_evidence
from tests.support.dense import DenseSolution, DenseSystem


def fit(
    x: np.ndarray,
    y: np.ndarray,
    groups: list[int],
    sparsity: float = 0.0,
    iterations: int = 100,
    expectation: Expectation | None = None,
) -> Posterior[DenseSolution]:
    """Fit y on the columns of x."""
    return maximise_evidence(
        DenseSystem(x, y),
        float(len(y)),
        float(y @ y),
        np.array(groups),
        expectation=expectation,
        iterations=iterations,
        sparsity=sparsity,
    )


def test_flat_weights_are_least_squares() -> None:
    """Without shrinkage it is ordinary least squares, noise and all."""
    rng = np.random.default_rng(0)
    x = rng.standard_normal((200, 3))
    y = x @ [1.0, -2.0, 0.5] + rng.standard_normal(200)
    found = fit(x, y, [FLAT] * 3)
    expected, residual, *_ = np.linalg.lstsq(x, y, rcond=None)
    np.testing.assert_allclose(found.solution.mean, expected, rtol=1e-6)
    assert found.noise == pytest.approx(residual[0] / 197, rel=1e-5)
    covariance = found.solution.covariance
    np.testing.assert_allclose(covariance, found.noise * np.linalg.inv(x.T @ x), rtol=1e-5)


def test_finds_the_variance_of_each_group() -> None:
    """Two groups of 300 weights, of variances 4 and 0.01, and noise of variance 9."""
    rng = np.random.default_rng(1)
    truth = rng.standard_normal(600) * np.repeat([2.0, 0.1], 300)
    x = rng.standard_normal((20_000, 600))
    y = x @ truth + 3.0 * rng.standard_normal(20_000)
    found = fit(x, y, [0] * 300 + [1] * 300)
    assert found.noise == pytest.approx(9.0, rel=0.03)
    assert 1.0 / found.precision[0] == pytest.approx(4.0, rel=0.2)
    assert 1.0 / found.precision[-1] == pytest.approx(0.01, rel=0.25)


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_pure_noise_is_shrunk_away(sparsity: float) -> None:
    """Where there is nothing to find, next to nothing is found."""
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((2_000, 200)), rng.standard_normal(2_000)
    found = fit(x, y, [0] * 200, sparsity)
    least_squares = np.linalg.lstsq(x, y, rcond=None)[0]
    assert (found.solution.mean**2).sum() < 0.1 * (least_squares**2).sum()
    assert found.effective < 40


def test_heavy_tails_keep_the_few_that_matter() -> None:
    """With three true weights among 300, the t prior errs less than one ridge for all."""
    rng = np.random.default_rng(3)
    truth = np.zeros(300)
    truth[[5, 50, 200]] = 1.0, -1.0, 0.7
    x = rng.standard_normal((1_500, 300))
    y = x @ truth + 3.0 * rng.standard_normal(1_500)
    ridge, sparse = (fit(x, y, [0] * 300, s).solution.mean - truth for s in (0.0, 0.5))
    assert (sparse**2).sum() < 0.5 * (ridge**2).sum()


def test_a_weight_without_data_gets_the_others_prior() -> None:
    """A column of zeros is not determined, not refused and not given a boundless variance."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((5_000, 50))
    x[:, 7] = 0.0
    y = x @ rng.standard_normal(50) + rng.standard_normal(5_000)
    found = fit(x, y, [0] * 50)
    assert found.solution.mean[7] == 0.0
    assert found.precision[7] == pytest.approx(found.precision[0], rel=1e-6)


def test_a_weight_without_data_gets_the_prior_of_its_group() -> None:
    """Of two groups of unlike size it is its own that speaks for it."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((5_000, 60))
    x[:, 7] = 0.0
    y = x @ (rng.standard_normal(60) * np.repeat([3.0, 0.1], 30)) + rng.standard_normal(5_000)
    found = fit(x, y, [0] * 30 + [1] * 30)
    assert found.precision[7] == pytest.approx(found.precision[0], rel=1e-6)
    assert found.precision[7] < 0.1 * found.precision[-1]


def test_a_group_without_data_gets_the_prior_of_all() -> None:
    """Its variance is the mean variance of the weights that have data."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((5_000, 40))
    x[:, 30:] = 0.0
    y = x @ rng.standard_normal(40) + rng.standard_normal(5_000)
    found = fit(x, y, [0] * 15 + [1] * 15 + [2] * 10)
    variance = 1.0 / found.precision
    assert variance[35] == pytest.approx(variance[:30].mean(), rel=1e-6)


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_an_expected_variance_decides_where_weights_are_few(sparsity: float) -> None:
    """Of ten weights, all zero, in a group expected at a quarter of the other's variance."""
    rng = np.random.default_rng(7)
    x = rng.standard_normal((20_000, 40))
    y = x[:, :30] @ rng.standard_normal(30) + rng.standard_normal(20_000)
    groups = [0] * 30 + [1] * 10
    alone = 1.0 / fit(x, y, groups, sparsity).precision
    for weights, share in ((10.0, 0.125), (30.0, 0.1875)):
        expected = Expectation(group=1, others=frozenset({0}), share=0.25, weights=weights)
        found = 1.0 / fit(x, y, groups, sparsity, expectation=expected).precision
        np.testing.assert_allclose(found[:30], alone[:30], rtol=0.05)
        if sparsity == 0.0:
            assert found[-1] == pytest.approx(share * found[0], rel=0.05)
        assert found[-1] > 100.0 * alone[-1]


def test_rewards_that_are_all_zero_have_an_answer() -> None:
    """Nothing is found, and no division by the noise that is not there."""
    x = np.random.default_rng(6).standard_normal((200, 5))
    found = fit(x, np.zeros(200), [FLAT, 0, 0, 1, 1])
    np.testing.assert_array_equal(found.solution.mean, np.zeros(5))
    assert np.isfinite(found.precision).all()
