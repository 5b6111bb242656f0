"""A problem with a known answer, small enough to be mastered in seconds."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.logs.batches import LoggedBatch
from troth.policy import Mask, Policy

Float64 = NDArray[np.float64]

_ROWS = (
    ("none", OfferKind.NONE, Channel.NONE, 0.0),
    ("welcome", OfferKind.CONTENT, Channel.EMAIL, 0.0),
    ("welcome", OfferKind.DISCOUNT, Channel.EMAIL, 0.1),
    ("welcome", OfferKind.CONTENT, Channel.PUSH, 0.0),
    ("rescue", OfferKind.DISCOUNT, Channel.PUSH, 0.2),
    ("rescue", OfferKind.POINTS, Channel.EMAIL, 0.0),
    ("rescue", OfferKind.POINTS, Channel.SMS, 0.0),
    ("rescue", OfferKind.DISCOUNT, Channel.SMS, 0.1),
)


@dataclass(frozen=True)
class Problem:
    """A bilinear bandit with noise that depends on the customer.

    Attributes:
        schema: six standardised features.
        catalogue: eight actions of two journeys.
        theta: float64 (7, A+1), the truth.
    """

    schema: FeatureSchema
    catalogue: Catalogue
    theta: Float64

    def contexts(self, n: int, rng: np.random.Generator) -> ContextBatch:
        """Draw n customers."""
        return ContextBatch(self.schema, rng.standard_normal((n, 6)).astype(np.float32))

    def mask(self, n: int, rng: np.random.Generator) -> Mask:
        """Each journey is triggered for two customers in three."""
        return self.catalogue.candidates(rng.random((n, 2)) < 2 / 3)

    def expected(self, contexts: ContextBatch, catalogue: Catalogue | None = None) -> Float64:
        """True mean reward of every action, float64 (n, K)."""
        features = (catalogue or self.catalogue).features
        x: Float64 = np.column_stack((np.ones(len(contexts)), contexts.encoded))
        means: Float64 = x @ self.theta @ np.column_stack((np.ones(len(features)), features)).T
        return means

    def noise(self, contexts: ContextBatch) -> Float64:
        """Standard deviation of the reward, (n,): those who spend more vary more."""
        spend = self.expected(contexts)[:, 0]
        deviation: Float64 = 100.0 * 10.0 ** np.clip(spend / 600.0, -1, 1)
        return deviation

    def log(self, n: int, rng: np.random.Generator) -> LoggedBatch:
        """Log n decisions of the uniform policy."""
        contexts, mask = self.contexts(n, rng), self.mask(n, rng)
        eligible = mask.sum(axis=1)
        rank = (mask.cumsum(axis=1) - 1).astype(np.int64)
        pick = rng.integers(0, eligible)
        action = ((rank == pick[:, None]) & mask).argmax(axis=1)
        mean = self.expected(contexts)[np.arange(n), action]
        # Heavy tails: a rare payment of many times the mean effect, centred on zero.
        shock = (rng.random(n) < 0.1) / 0.1 - 1.0
        return LoggedBatch(
            contexts=contexts,
            catalogue=self.catalogue,
            mask=mask,
            action=action.astype(np.int64),
            propensity=1.0 / eligible,
            reward_minor=mean + self.noise(contexts) * shock / 3.0,
            censored=np.zeros(n, dtype=bool),
            customer_id=np.array([f"C{i:08d}" for i in range(n)]),
            episode=np.arange(n, dtype=np.int64),
            step=np.zeros(n, dtype=np.int64),
            decided_at=np.full(n, np.datetime64("2025-01-01", "us")),
            decision_id=np.array([str(i) for i in range(n)]),
            policy_digest=np.full(n, "0" * 64),
        )

    def closed(self, policy: Policy, n: int = 4_000, seed: int = 99) -> float:
        """Share of the gap between uniform and best that ``policy`` closes."""
        rng = np.random.default_rng(seed)
        contexts, mask = self.contexts(n, rng), self.mask(n, rng)
        value = np.where(mask, self.expected(contexts), -np.inf)
        best = value.max(axis=1).mean()
        value[~mask] = 0.0
        uniform = (value.sum(axis=1) / mask.sum(axis=1)).mean()
        answer = policy.distribution(contexts, self.catalogue, mask)
        return float(((answer * value).sum(axis=1).mean() - uniform) / (best - uniform))


def toy() -> Problem:
    """The problem, the same in every run."""
    actions = tuple(
        Action(
            action_id=f"action_{at}",
            journey=journey,
            step=0,
            offer="offer",
            kind=kind,
            channel=channel,
            discount=discount,
        )
        for at, (journey, kind, channel, discount) in enumerate(_ROWS)
    )
    catalogue = Catalogue(actions, ("welcome", "rescue"))
    names = ("noise", "age", "spend", "visits", "mood", "season")
    schema = FeatureSchema(
        tuple(Feature(name=n, kind=FeatureKind.NUMERIC, low=-9, high=9) for n in names)
    )
    theta = 30.0 * np.random.default_rng(3).standard_normal((7, len(catalogue.feature_names) + 1))
    # What customers spend in any case is far more than any action adds.
    theta[:, 0] *= 10.0
    return Problem(schema, catalogue, theta)
