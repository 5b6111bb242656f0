"""Fixtures: small logs with a known truth, for the tests of off-policy evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from tests.support.logs import log_of
from troth.logs.batches import LoggedBatch
from troth.policy import sample


class Bandit:
    """A contextual bandit whose customers differ, with its exact value under any policy.

    A customer has a context and a luck of its own, shared by its rows: rows of one customer
    are correlated, and only cluster-robust intervals know it.
    """

    actions = 4

    def __init__(self, rng: np.random.Generator, customers: int, rows_each: int) -> None:
        self.customer = np.repeat(np.arange(customers), rows_each)
        raw = rng.normal(size=(customers, 2))[self.customer]
        luck = rng.normal(scale=2.0, size=customers)[self.customer]
        self.raw = np.clip(raw, -10, 10)
        n, rng_uniforms = len(self.customer), rng.random(len(self.customer))
        logging = self.softmax(self.raw, slope=0.5)
        action = sample(logging, rng_uniforms)
        noise = rng.normal(size=n)
        reward = self.means(self.raw)[np.arange(n), action] + luck + noise
        self.log = log_of(
            action=action,
            propensity=logging[np.arange(n), action],
            reward=reward,
            actions=self.actions,
            customer=self.customer,
            raw=self.raw,
        )
        self.target = self.softmax(self.raw, slope=-1.0)

    @classmethod
    def means(cls, raw: NDArray[np.float64]) -> NDArray[np.float64]:
        """E[r | x, a], float64 (n, K): not bilinear, so that the reward model is wrong."""
        k = np.arange(cls.actions)
        return 1.0 + 0.5 * k + np.sin(raw[:, :1] * k) + 0.3 * raw[:, 1:2] ** 2

    @classmethod
    def softmax(cls, raw: NDArray[np.float64], slope: float) -> NDArray[np.float64]:
        """A policy that leans by ``slope`` on x0, float64 (n, K)."""
        scores = np.exp(slope * np.tanh(raw[:, :1]) * np.arange(cls.actions))
        return scores / scores.sum(axis=1, keepdims=True)

    @classmethod
    def truth(cls) -> float:
        """E over contexts of sum_a pi(a | x) E[r | x, a], by quadrature."""
        nodes, weights = np.polynomial.hermite_e.hermegauss(60)
        weights = weights / weights.sum()
        x0, x1 = np.meshgrid(nodes, nodes, indexing="ij")
        raw = np.clip(np.column_stack((x0.ravel(), x1.ravel())), -10, 10)
        values = (cls.softmax(raw, slope=-1.0) * cls.means(raw)).sum(axis=1)
        return float(values @ np.outer(weights, weights).ravel())


@pytest.fixture
def make_log() -> Callable[..., LoggedBatch]:
    """Builds a log from its columns."""
    return log_of


@pytest.fixture
def bandit() -> type[Bandit]:
    """Builds logs of a bandit whose truth is known."""
    return Bandit
