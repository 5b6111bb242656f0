"""A policy on a log both ways: behind guardrails, as it would be served, and without them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.ope.data import OpeData
from agents.ope.evaluate import Evaluation, IntervalKind, evaluate_policy
from agents.ope.evidence import RewardRange
from agents.ope.target import OnRows, guarded_target, target_distribution, unguardable
from agents.ope.terms import Float64
from troth.features import FeatureSchema
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.guarded import Took
from troth.logs.batches import LoggedBatch
from troth.policy import Policy


@dataclass(frozen=True, slots=True, kw_only=True)
class BothWays:
    """What a log says of one policy, without guardrails and behind them.

    Attributes:
        unguarded: of the policy as it stands, under the masks the logging policy saw.
        guarded: of what would have been served; ``None`` if the log does not allow it.
        guardrails_digest: of the guardrails' configuration.
        took: what each guardrail took; empty without ``guarded``.
        unguarded_because: why there is no ``guarded``, in words; ``None`` if there is.
    """

    unguarded: Evaluation
    guarded: Evaluation | None
    guardrails_digest: str
    took: tuple[Took, ...]
    unguarded_because: str | None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; what is unguarded stands at the top."""
        guarded = None
        if self.guarded is not None:
            guarded = {**self.guarded.to_dict(), "took": [row.to_dict() for row in self.took]}
        return {
            **self.unguarded.to_dict(),
            "guardrails_digest": self.guardrails_digest,
            "guarded": guarded,
            "unguarded_because": self.unguarded_because,
        }


def evaluate_both_ways(
    policy: Policy,
    log: LoggedBatch | OpeData,
    engine: GuardrailEngine,
    *,
    schema: FeatureSchema | None = None,
    catalogue_digest: str | None = None,
    on_rows: OnRows | None = None,
    estimators: Sequence[str] | None = None,
    level: float = 0.95,
    interval: IntervalKind = "student",
    rng: Callable[[], np.random.Generator] | None = None,
    reward_range: RewardRange | None = None,
) -> BothWays:
    """Evaluate ``policy`` without guardrails and, if the log has the facts for it, behind them.

    Args:
        policy: any policy.
        log: n logged decisions, or the :class:`~agents.ope.data.OpeData` of them.
        engine: the guardrails.
        schema: what the policy was trained on, if it is to be compared.
        catalogue_digest: the same of its catalogue.
        on_rows: hears of progress in asking the policy.
        estimators: as :func:`agents.ope.evaluate.evaluate_policy` takes them.
        level: nominal coverage, in (0, 1).
        interval: as :func:`agents.ope.evaluate.evaluate_policy` takes it.
        rng: makes a keyed generator, the same for both ways; needed by the bootstrap.
        reward_range: the least and the largest reward there can be, if that is known.

    Raises:
        InvalidArgument, FailedPrecondition: as :func:`agents.ope.target.target_distribution`
            and :func:`agents.ope.evaluate.evaluate_policy` do.
    """
    data = log if isinstance(log, OpeData) else OpeData.of(log)
    logged = data.logged
    why_not = unguardable(logged, engine)
    same: dict[str, Any] = {
        "schema": schema,
        "catalogue_digest": catalogue_digest,
        "on_rows": on_rows,
    }
    target = guarded_target(policy, logged, engine, **same) if why_not is None else None
    proposed = target_distribution(policy, logged, **same) if target is None else target.unguarded

    def estimate(distribution: Float64) -> Evaluation:
        return evaluate_policy(
            data,
            distribution,
            estimators=estimators,
            level=level,
            interval=interval,
            rng=None if rng is None else rng(),
            reward_range=reward_range,
        )

    return BothWays(
        unguarded=estimate(proposed),
        guarded=None if target is None else estimate(target.guarded),
        guardrails_digest=engine.digest,
        took=() if target is None else target.took,
        unguarded_because=why_not,
    )
