"""Fixtures: small logs with a known truth, for the tests of off-policy evaluation."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from numpy.typing import NDArray

from troth.batches import LoggedBatch
from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.policy import sample

SCHEMA = FeatureSchema(
    tuple(
        Feature(name=name, kind=FeatureKind.NUMERIC, low=-10.0, high=10.0) for name in ("x0", "x1")
    )
)


def catalogue(actions: int) -> Catalogue:
    """*No contact* and ``actions`` - 1 e-mails that differ by discount."""
    none = Action(
        action_id="none",
        journey="none",
        step=0,
        offer="none",
        kind=OfferKind.NONE,
        channel=Channel.NONE,
    )
    rest = (
        Action(
            action_id=f"mail-{k}",
            journey="welcome",
            step=1,
            offer=f"offer {k}",
            kind=OfferKind.DISCOUNT,
            channel=Channel.EMAIL,
            discount=0.05 * k,
        )
        for k in range(1, actions)
    )
    return Catalogue(actions=(none, *rest), journeys=("welcome",))


def log_of(
    *,
    action: NDArray[np.int64],
    propensity: NDArray[np.float64],
    reward: NDArray[np.float64],
    actions: int,
    customer: NDArray[np.int64] | None = None,
    raw: NDArray[np.floating] | None = None,
    mask: NDArray[np.bool_] | None = None,
    censored: NDArray[np.bool_] | None = None,
) -> LoggedBatch:
    """A log of n rows with everything else filled in."""
    n = len(action)
    who = np.arange(n) if customer is None else customer
    return LoggedBatch(
        contexts=ContextBatch(
            SCHEMA, np.zeros((n, 2), np.float32) if raw is None else raw.astype(np.float32)
        ),
        catalogue=catalogue(actions),
        mask=np.ones((n, actions), dtype=bool) if mask is None else mask,
        action=action.astype(np.int64),
        propensity=propensity,
        reward_minor=reward,
        censored=np.zeros(n, dtype=bool) if censored is None else censored,
        customer_id=np.array([f"C{c:08d}" for c in who], dtype=np.str_),
        episode=np.zeros(n, dtype=np.int64),
        step=np.arange(n, dtype=np.int64),
        decided_at=np.full(n, np.datetime64("2025-01-01T09:00:00", "us")),
        decision_id=np.array([f"D{row:08d}" for row in range(n)], dtype=np.str_),
        policy_digest=np.full(n, "0" * 64),
    )


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
