"""Prior variances from the evidence: recovered where they are known."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners.evidence import FLAT, Posterior, maximise_evidence


def fit(
    x: np.ndarray, y: np.ndarray, groups: list[int], sparsity: float = 0.0, iterations: int = 100
) -> Posterior:
    """Fit y on the columns of x."""
    return maximise_evidence(
        x.T @ x,
        x.T @ y,
        float(y @ y),
        float(len(y)),
        np.array(groups),
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
    np.testing.assert_allclose(found.mean, expected, rtol=1e-6)
    assert found.noise == pytest.approx(residual[0] / 197, rel=1e-5)
    covariance = np.linalg.inv(found.factor @ found.factor.T)
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
    assert (found.mean**2).sum() < 0.1 * (least_squares**2).sum()
    assert found.effective < 40


def test_heavy_tails_keep_the_few_that_matter() -> None:
    """With three true weights among 300, the t prior errs less than one ridge for all."""
    rng = np.random.default_rng(3)
    truth = np.zeros(300)
    truth[[5, 50, 200]] = 1.0, -1.0, 0.7
    x = rng.standard_normal((1_500, 300))
    y = x @ truth + 3.0 * rng.standard_normal(1_500)
    ridge, sparse = (fit(x, y, [0] * 300, s).mean - truth for s in (0.0, 0.5))
    assert (sparse**2).sum() < 0.5 * (ridge**2).sum()


def test_a_weight_without_data_gets_the_others_prior() -> None:
    """A column of zeros is not determined, not refused and not given a boundless variance."""
    rng = np.random.default_rng(4)
    x = rng.standard_normal((5_000, 50))
    x[:, 7] = 0.0
    y = x @ rng.standard_normal(50) + rng.standard_normal(5_000)
    found = fit(x, y, [0] * 50)
    assert found.mean[7] == 0.0
    assert found.precision[7] == pytest.approx(found.precision[0], rel=1e-6)


def test_draws_have_the_posterior_covariance() -> None:
    """Sample mean and covariance of many draws are those of the posterior."""
    rng = np.random.default_rng(5)
    x = rng.standard_normal((50, 3)) @ np.array([[1, 0.9, 0], [0, 1, 0], [0, 0, 1.0]])
    found = fit(x, x @ [1.0, 0.0, 2.0] + rng.standard_normal(50), [FLAT] * 3)
    draws = found.draw(rng.standard_normal((200_000, 3)))
    covariance = np.linalg.inv(found.factor @ found.factor.T)
    np.testing.assert_allclose(draws.mean(axis=0), found.mean, atol=0.005)
    np.testing.assert_allclose(np.cov(draws.T), covariance, atol=0.03 * covariance.max())
