"""Noise of the reward by class of customers."""

from __future__ import annotations

import numpy as np
import pytest

from agents.learners.bandits.noise import expected_takings, precision_weights


def shop(n: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Contexts, rewards and their true means: rare purchases, means over four e-folds."""
    rng = np.random.default_rng(seed)
    x = rng.uniform(-1.0, 1.0, (n, 2)).astype(np.float32)
    chance = 0.05 * np.exp(1.5 * x[:, 0])
    basket = 1000.0 * np.exp(0.5 * x[:, 1])
    return x, (rng.random(n) < chance) * basket * rng.gamma(2.0, 0.5, n), chance * basket


def test_takings_follow_the_truth() -> None:
    """The log-linear mean is found within a few per cent."""
    x, reward, mean = shop(100_000)
    np.testing.assert_allclose(expected_takings(x, reward), mean, rtol=0.2)


def test_one_large_basket_does_not_break_the_fit() -> None:
    """An outlier of a thousand baskets leaves the fit finite and bounded."""
    x, reward, _ = shop(5_000)
    reward[17] = 1e6
    found = expected_takings(x, reward)
    assert np.isfinite(found).all()
    assert found.max() < 200 * reward.mean()


def test_no_takings_at_all() -> None:
    """Where nothing was ever earned there is nothing to expect."""
    x = np.random.default_rng(0).standard_normal((50, 2))
    np.testing.assert_array_equal(expected_takings(x, np.full(50, -1.0)), 0.0)


def test_noisy_customers_weigh_less() -> None:
    """A class with nine times the variance gets about a ninth of the weight."""
    rng = np.random.default_rng(0)
    x = np.repeat([-1.0, 1.0], 20_000)[:, None].astype(np.float32)
    spread = np.where(x[:, 0] > 0, 3.0, 1.0)
    reward = 10.0 + 0.5 * x[:, 0] + spread * rng.standard_normal(40_000)
    weight = precision_weights(x, reward, 2)
    assert weight.mean() == pytest.approx(1.0)
    assert weight[0] / weight[-1] == pytest.approx(9.0, rel=0.05)


@pytest.mark.parametrize("classes", [1, 50])
def test_constant_rewards_weigh_the_same(classes: int) -> None:
    """Without any variance there is nothing to weigh by."""
    x = np.random.default_rng(0).standard_normal((500, 2)).astype(np.float32)
    np.testing.assert_array_equal(precision_weights(x, np.ones(500), classes), 1.0)


def test_fewer_rows_than_classes() -> None:
    """Empty classes do no harm."""
    x, reward, _ = shop(60)
    weight = precision_weights(x, reward + np.arange(60.0), 200)
    assert np.isfinite(weight).all()
    assert (weight > 0).all()
