"""Whether an off-policy estimate can be trusted: weights, overlap and support, in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.ope.cautions import (
    MAX_MEAN_WEIGHT_Z,
    MIN_MASS,
    Caution,
    Trust,
    Warned,
    about_ids,
    about_propensities,
    gravest_first,
    warnings_of,
)
from agents.ope.copies import Copies
from agents.ope.evidence import Evidence, RewardRange, differing, most_common
from agents.ope.intervals import asymptotic
from agents.ope.propensities import TOLERANCE, Misfit
from agents.ope.terms import Float64, Terms
from troth.catalogue import Catalogue
from troth.logs.ids import AlikeIds
from troth.policy import Distribution, Mask

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Levels at which the importance weights are reported."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """What the weights and the support say.

    Attributes:
        rows, customers: how many were used.
        censored_rows: rows left out, their outcome window still being open.
        copied_rows: rows that repeat others under other ids, where chance does not explain them.
        rewarded_rows: rows whose reward is not the most common one of their action.
        rewarded_rows_played: those of them that the target may have played.
        effective_sample_size: Kish's (sum w)^2 / sum w^2, in rows.
        effective_share: that over ``rows``, in [0, 1].
        effective_customers: the same of customers, by the sums of their weights.
        telling_customers: how many customers the spread of the rewards rests on (see
            :class:`~agents.ope.evidence.Evidence`).
        other_rewards_at_most: where that is fewer than two: upper bound, at the level of the
            intervals, of the share of decisions with another reward than the most common.
        max_weight: the largest weight.
        max_weight_share: its share of all weight, in [0, 1].
        mean_weight: expected to be 1 where the log supports the target.
        mean_weight_z: its distance from 1, less what propensities may be rounded by
            (:data:`~agents.ope.propensities.TOLERANCE`), in cluster-robust standard errors;
            infinite if all weights are the same, and not 1.
        weight_quantiles: weights at :data:`QUANTILES`.
        unsupported_rows: share of rows where the target may play an action that the log
            cannot speak of: not eligible in that row, or never served in any.
        unsupported_mass: mean probability the target puts on such actions.
        unsupported_actions: action ids of the never-served ones that the target plays.
        warnings: what to know before believing the estimates; empty if nothing stands out.
    """

    rows: int
    customers: int
    censored_rows: int
    copied_rows: int
    rewarded_rows: int
    rewarded_rows_played: int
    effective_sample_size: float
    effective_share: float
    effective_customers: float
    telling_customers: float
    other_rewards_at_most: float | None
    max_weight: float
    max_weight_share: float
    mean_weight: float
    mean_weight_z: float
    weight_quantiles: tuple[float, ...]
    unsupported_rows: float
    unsupported_mass: float
    unsupported_actions: tuple[str, ...]
    warnings: tuple[Warned, ...]

    @property
    def verdict(self) -> Trust:
        """The worst of what the warnings allow; *trust* without any."""
        return max((w.verdict for w in self.warnings), key=list(Trust).index, default=Trust.FULL)

    def with_unbounded(self, estimators: Sequence[str]) -> Diagnostics:
        """These, with a caution that the intervals of ``estimators`` have no bound, if any."""
        if not estimators:
            return self
        names = ", ".join(name.upper() for name in estimators)
        warned = Warned(
            Caution.UNBOUNDED, f"nothing here bounds what {names} may be off by", Trust.WITH_CARE
        )
        return replace(self, warnings=gravest_first([*self.warnings, warned]))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON; quantiles and warnings by name, an infinite z as None."""
        values = asdict(self)
        values["weight_quantiles"] = {
            f"{level:g}": value
            for level, value in zip(QUANTILES, self.weight_quantiles, strict=True)
        }
        if not np.isfinite(self.mean_weight_z):
            values["mean_weight_z"] = None
        values["unsupported_actions"] = list(self.unsupported_actions)
        values["verdict"] = str(self.verdict)
        values["warnings"] = [
            {"caution": str(w.caution), "message": w.message, "verdict": str(w.verdict)}
            for w in self.warnings
        ]
        return values


def diagnose(
    *,
    weight: Float64,
    reward: Float64,
    clusters: NDArray[np.int64],
    evidence: Evidence,
    distribution: Distribution,
    action: NDArray[np.int64],
    mask: Mask,
    catalogue: Catalogue,
    misfit: Misfit | None = None,
    copies: Copies | None = None,
    alike_ids: Sequence[AlikeIds] = (),
    censored_rows: int = 0,
    level: float = 0.95,
    reward_range: RewardRange | None = None,
) -> Diagnostics:
    """Diagnostics of n >= 1 rows.

    Args:
        weight: float64 (n,), importance weights.
        reward: float64 (n,).
        clusters: int64 (n,), customer codes 0..G-1.
        evidence: what :func:`~agents.ope.evidence.gather` found in these three.
        distribution: float64 (n, K), the target.
        action: int64 (n,), as logged.
        mask: bool (n, K), as logged.
        catalogue: names the K actions.
        misfit: what :class:`~agents.ope.propensities.LoggedPropensities` found.
        copies: what :func:`~agents.ope.copies.find_copies` found; its clusters are ``clusters``.
        alike_ids: what :func:`~troth.logs.ids.alike` found, by column.
        censored_rows: how many rows were left out before.
        level: of the intervals.
        reward_range: the least and the largest reward there can be, if known.
    """
    n = len(weight)
    served = np.bincount(action, minlength=len(catalogue)) > 0
    # The log holds the propensity of the action served only, so support is judged by what
    # was eligible and by what was ever served.
    lost = np.where(mask & served, 0.0, distribution).sum(axis=1)
    played = (distribution > MIN_MASS).any(axis=0)
    total = float(weight.sum())
    error = _mean_weight_error(weight, clusters)
    rewarded = differing(reward, action, most_common(reward, action, np.ones(n)))
    figures: dict[str, Any] = {
        "rows": n,
        "customers": int(clusters.max()) + 1,
        "censored_rows": censored_rows,
        "copied_rows": 0 if copies is None else copies.rows,
        "rewarded_rows": int(np.count_nonzero(rewarded)),
        "rewarded_rows_played": int(np.count_nonzero(rewarded[weight > 0])),
        "effective_sample_size": evidence.rows,
        "effective_share": evidence.rows / n,
        "effective_customers": evidence.customers,
        "telling_customers": evidence.telling,
        "other_rewards_at_most": (
            None if evidence.common is None else evidence.others_at_most(level)
        ),
        "max_weight": float(weight.max()),
        "max_weight_share": float(weight.max()) / total if total > 0 else 0.0,
        "mean_weight": total / n,
        "mean_weight_z": _in_errors(total / n - 1.0, error),
        "weight_quantiles": tuple(float(q) for q in np.quantile(weight, QUANTILES)),
        "unsupported_rows": float((lost > MIN_MASS).mean()),
        "unsupported_mass": float(lost.mean()),
        "unsupported_actions": tuple(
            catalogue.actions[k].action_id for k in np.flatnonzero(played & ~served)
        ),
    }
    plain = Diagnostics(**figures, warnings=())
    excess = total / n - 1.0 + plain.unsupported_mass
    unexplained = abs(_in_errors(excess, error)) > MAX_MEAN_WEIGHT_Z
    warnings = [
        *warnings_of(plain, evidence, level, reward_range, unexplained=unexplained),
        *about_ids(copies, alike_ids),
        *about_propensities(misfit),
    ]
    return Diagnostics(**figures, warnings=gravest_first(warnings))


def _mean_weight_error(weight: Float64, clusters: NDArray[np.int64]) -> float:
    """Its standard error: 0 if all weights are the same, infinite for one customer's."""
    if not clusters.any():
        return np.inf
    error = asymptotic(Terms(weight, np.ones_like(weight)), clusters).stderr
    return error if np.isfinite(error) else 0.0


def _in_errors(excess: float, error: float) -> float:
    """A distance beyond rounding in standard errors; infinite where there is one and no error."""
    beyond = float(np.copysign(max(abs(excess) - TOLERANCE, 0.0), excess))
    if error > 0.0:
        return beyond / error
    return beyond * np.inf if beyond else 0.0
