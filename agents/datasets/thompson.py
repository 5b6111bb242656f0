"""Production's Thompson policy, judged from the uniform log and by its own clicks."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from agents.datasets.open_bandit import (
    Campaign,
    item_features,
    marginal_policy,
    read_logs,
    visitor_features,
)
from agents.ope.data import OpeData
from agents.ope.evaluate import (
    Evaluation,
    IntervalKind,
    OffPolicyEstimate,
    evaluate_policy,
    on_policy,
)
from agents.ope.reward_model import cross_fit
from troth.streams import generator

CLICK = (0.0, 1.0)
"""The least and the largest reward there can be."""
STAGES = ("read both logs", "fit the reward model", "estimate")


@dataclass(frozen=True, slots=True, kw_only=True)
class ThompsonTrial:
    """Off-policy estimates of one policy next to what it did.

    Attributes:
        campaign: ``men`` or ``women``.
        evaluation: from the uniform policy's log.
        logging: the uniform policy's own click rate.
        logging_clicks: the clicks that rests on, and so do all estimates.
        truth: the Thompson policy's own click rate, an estimate itself.
        truth_rows, truth_clicks: what that rests on.
    """

    campaign: str
    evaluation: Evaluation
    logging: OffPolicyEstimate
    logging_clicks: int
    truth: OffPolicyEstimate
    truth_rows: int
    truth_clicks: int

    def gap(self, estimate: OffPolicyEstimate) -> float:
        """(estimate - truth) in standard errors of the difference of the two logs.

        NaN where one of the two is not there, or its error is not known.
        """
        figures = (estimate.value, self.truth.value, estimate.stderr, self.truth.stderr)
        value, truth, *errors = (math.nan if figure is None else figure for figure in figures)
        noise = math.hypot(*errors)
        return (value - truth) / noise if 0 < noise < math.inf else math.nan

    def covered(self, estimate: OffPolicyEstimate) -> bool | None:
        """Whether the interval holds the truth; ``None`` if one of the two is not there."""
        return None if self.truth.value is None else estimate.covers(self.truth.value)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        document = self.evaluation.to_dict()
        for row, estimate in zip(document["estimates"], self.evaluation.estimates, strict=True):
            gap = self.gap(estimate)
            row["covers_truth"] = self.covered(estimate)
            row["gap_in_stderrs"] = gap if math.isfinite(gap) else None
        return {
            "campaign": self.campaign,
            "policy": "bts",
            "unit": "clicks per row",
            "logging": {**self.logging.to_dict(), "clicks": self.logging_clicks},
            **document,
            "truth": {
                **self.truth.to_dict(),
                "rows": self.truth_rows,
                "clicks": self.truth_clicks,
            },
        }


def evaluate_thompson(
    root: Path,
    campaign: Campaign | str,
    *,
    level: float = 0.95,
    interval: IntervalKind = "student",
    seed: int = 0,
    on_stage: Callable[[str], None] | None = None,
) -> ThompsonTrial:
    """Evaluate the Thompson policy on the uniform log of the same week.

    Args:
        root: the Open Bandit Dataset's folder.
        campaign: ``men`` or ``women``.
        level: nominal coverage of all intervals, in (0, 1).
        interval: as in :func:`~agents.ope.evaluate.evaluate_policy`.
        seed: of the bootstrap, if that is the interval.
        on_stage: called with each of :data:`STAGES` as it begins.

    Raises:
        InvalidArgument, NotFound, DataLoss: as reading and evaluating do.
    """
    announce = on_stage or (lambda _: None)
    announce(STAGES[0])
    uniform, thompson = read_logs(root, campaign)
    distribution = marginal_policy(thompson, uniform.contexts)
    announce(STAGES[1])
    data = OpeData.of(uniform)
    q_hat = cross_fit(
        uniform,
        contexts=visitor_features(uniform.contexts),
        action_features=item_features(uniform.catalogue),
    )
    announce(STAGES[2])
    return ThompsonTrial(
        campaign=str(campaign),
        evaluation=evaluate_policy(
            data,
            distribution,
            q_hat=q_hat,
            level=level,
            interval=interval,
            rng=generator("evaluate open-bandit", str(campaign), seed),
            reward_range=CLICK,
        ),
        logging=on_policy(data, level=level, reward_range=CLICK),
        logging_clicks=int(np.count_nonzero(uniform.reward_minor)),
        truth=on_policy(thompson, level=level, reward_range=CLICK),
        truth_rows=len(thompson),
        truth_clicks=int(np.count_nonzero(thompson.reward_minor)),
    )
