"""Whether an off-policy estimate can be trusted: weights, overlap and support, in words."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.ope.estimators import Float64, Terms
from agents.ope.intervals import asymptotic
from troth.catalogue import Catalogue
from troth.policy import Distribution, Mask

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Levels at which the importance weights are reported."""

MIN_EFFECTIVE_ROWS = 100.0
MIN_EFFECTIVE_SHARE = 0.01
MAX_WEIGHT_SHARE = 0.05
MAX_MEAN_WEIGHT_Z = 3.0
MIN_CUSTOMERS = 30
MIN_EVENTS = 100
MIN_MASS = 1e-9


class Caution(StrEnum):
    """What can be wrong with an evaluation."""

    EFFECTIVE_SAMPLE_SIZE = "effective_sample_size"
    DOMINANT_ROW = "dominant_row"
    MISSING_SUPPORT = "missing_support"
    MEAN_WEIGHT = "mean_weight"
    FEW_CUSTOMERS = "few_customers"
    FEW_REWARDS = "few_rewards"
    CENSORED = "censored"


@dataclass(frozen=True, slots=True)
class Warned:
    """One caution with its reason, a sentence that gives the figure."""

    caution: Caution
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostics:
    """What the weights and the support say.

    Attributes:
        rows, customers: how many were used.
        censored_rows: rows left out, their outcome window still being open.
        rewarded_rows: rows whose reward is not zero.
        effective_sample_size: Kish's (sum w)^2 / sum w^2, in rows.
        effective_share: that over ``rows``, in [0, 1].
        max_weight: the largest weight.
        max_weight_share: its share of all weight, in [0, 1].
        mean_weight: expected to be 1 where the log supports the target.
        mean_weight_z: its distance from 1 in cluster-robust standard errors; infinite if
            all weights are the same, and not 1.
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
    rewarded_rows: int
    effective_sample_size: float
    effective_share: float
    max_weight: float
    max_weight_share: float
    mean_weight: float
    mean_weight_z: float
    weight_quantiles: tuple[float, ...]
    unsupported_rows: float
    unsupported_mass: float
    unsupported_actions: tuple[str, ...]
    warnings: tuple[Warned, ...]

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
        values["warnings"] = [
            {"caution": str(w.caution), "message": w.message} for w in self.warnings
        ]
        return values


def effective_sample_size(weight: Float64) -> float:
    """Kish's effective sample size, (sum w)^2 / sum w^2; 0 if all weights are 0.

    References:
        L. Kish, "Survey Sampling", 1965.
    """
    squares = float(weight @ weight)
    return float(weight.sum()) ** 2 / squares if squares > 0 else 0.0


def diagnose(
    *,
    weight: Float64,
    reward: Float64,
    clusters: NDArray[np.int64],
    distribution: Distribution,
    action: NDArray[np.int64],
    mask: Mask,
    catalogue: Catalogue,
    censored_rows: int = 0,
) -> Diagnostics:
    """Diagnostics of n >= 1 rows.

    Args:
        weight: float64 (n,), importance weights.
        reward: float64 (n,).
        clusters: int64 (n,), customer codes 0..G-1.
        distribution: float64 (n, K), the target.
        action: int64 (n,), as logged.
        mask: bool (n, K), as logged.
        catalogue: names the K actions.
        censored_rows: how many rows were left out before.
    """
    n = len(weight)
    served = np.bincount(action, minlength=len(catalogue)) > 0
    # The log holds the propensity of the action served only, so support is judged by what
    # was eligible and by what was ever served.
    lost = np.where(mask & served, 0.0, distribution).sum(axis=1)
    played = (distribution > MIN_MASS).any(axis=0)
    total = float(weight.sum())
    interval = asymptotic(Terms("mean weight", weight, np.ones(n)), clusters)
    excess = total / n - 1.0
    if interval.stderr > 0:
        z = excess / interval.stderr
    else:
        z = 0.0 if abs(excess) < 1e-12 else float(np.copysign(np.inf, excess))
    size = effective_sample_size(weight)
    figures: dict[str, Any] = {
        "rows": n,
        "customers": int(clusters.max()) + 1,
        "censored_rows": censored_rows,
        "rewarded_rows": int(np.count_nonzero(reward)),
        "effective_sample_size": size,
        "effective_share": size / n,
        "max_weight": float(weight.max()),
        "max_weight_share": float(weight.max()) / total if total > 0 else 0.0,
        "mean_weight": total / n,
        "mean_weight_z": float(z),
        "weight_quantiles": tuple(float(q) for q in np.quantile(weight, QUANTILES)),
        "unsupported_rows": float((lost > MIN_MASS).mean()),
        "unsupported_mass": float(lost.mean()),
        "unsupported_actions": tuple(
            catalogue.actions[k].action_id for k in np.flatnonzero(played & ~served)
        ),
    }
    plain = Diagnostics(**figures, warnings=())
    return Diagnostics(**figures, warnings=tuple(_warnings(plain)))


def _warnings(d: Diagnostics) -> list[Warned]:
    """The cautions that apply, gravest first."""
    trust = "do not trust" if d.effective_sample_size < MIN_EFFECTIVE_ROWS else "treat with care"
    checks = (
        (
            d.effective_sample_size < MIN_EFFECTIVE_ROWS or d.effective_share < MIN_EFFECTIVE_SHARE,
            Caution.EFFECTIVE_SAMPLE_SIZE,
            f"effective sample size {d.effective_sample_size:,.1f} of {d.rows:,} rows: {trust}",
        ),
        (
            d.unsupported_mass > MIN_MASS,
            Caution.MISSING_SUPPORT,
            f"the target puts {d.unsupported_mass:.2%} of its probability, in "
            f"{d.unsupported_rows:.2%} of the rows, on actions this log cannot speak of: "
            "IPS counts them as worth 0, SNIPS as worth the average, DM and DR extrapolate",
        ),
        (
            abs(d.mean_weight_z) > MAX_MEAN_WEIGHT_Z,
            Caution.MEAN_WEIGHT,
            f"mean weight {d.mean_weight:.3f} is {abs(d.mean_weight_z):.1f} standard errors "
            "from 1: the propensities, or the target, do not belong to this log",
        ),
        (
            d.max_weight_share > MAX_WEIGHT_SHARE,
            Caution.DOMINANT_ROW,
            f"one row carries {d.max_weight_share:.1%} of all weight",
        ),
        (
            d.customers < MIN_CUSTOMERS,
            Caution.FEW_CUSTOMERS,
            f"only {d.customers} customers: the intervals are too narrow",
        ),
        (
            d.rewarded_rows < MIN_EVENTS,
            Caution.FEW_REWARDS,
            f"only {d.rewarded_rows} of {d.rows:,} rows have a reward other than 0",
        ),
        (
            d.censored_rows > 0,
            Caution.CENSORED,
            f"{d.censored_rows:,} rows with an open outcome window were left out: the value "
            "is that of the older decisions",
        ),
    )
    return [Warned(caution, message) for applies, caution, message in checks if applies]
