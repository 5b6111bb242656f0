"""Whether an off-policy estimate can be trusted: weights, overlap and support, in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.ope.copies import Copies
from agents.ope.estimators import Float64, Terms
from agents.ope.evidence import Evidence, RewardRange, differing, most_common
from agents.ope.intervals import MANY, MAX_UNSUPPORTED, asymptotic
from agents.ope.propensities import TOLERANCE, Misfit
from troth.catalogue import Catalogue
from troth.log_ids import AlikeIds
from troth.policy import Distribution, Mask

QUANTILES = (0.0, 0.25, 0.5, 0.75, 0.9, 0.99, 1.0)
"""Levels at which the importance weights are reported."""

MIN_EFFECTIVE_ROWS = 100.0
MIN_EFFECTIVE_SHARE = 0.01
MAX_WEIGHT_SHARE = 0.05
MAX_MEAN_WEIGHT_Z = 3.0
FEW_CUSTOMERS = 10.0
MIN_CUSTOMERS = MANY
FEW_EVENTS = 10
MIN_EVENTS = 100
MIN_MASS = 1e-9


class Trust(StrEnum):
    """How far to trust an evaluation; worse ones later."""

    FULL = "trust"
    WITH_CARE = "with_care"
    NONE = "do_not_trust"

    @property
    def words(self) -> str:
        """For people: ``do not trust``."""
        return self.value.replace("_", " ")


class Caution(StrEnum):
    """What can be wrong with an evaluation."""

    NEVER_PLAYED = "never_played"
    ALIKE_REWARDS = "alike_rewards"
    FEW_TELLING = "few_telling"
    UNBOUNDED = "unbounded"
    EFFECTIVE_SAMPLE_SIZE = "effective_sample_size"
    DOMINANT_ROW = "dominant_row"
    MISSING_SUPPORT = "missing_support"
    MEAN_WEIGHT = "mean_weight"
    PROPENSITIES = "propensities"
    COPIES = "copies"
    ALIKE_IDS = "alike_ids"
    FEW_CUSTOMERS = "few_customers"
    FEW_REWARDS = "few_rewards"
    CENSORED = "censored"


@dataclass(frozen=True, slots=True)
class Warned:
    """One caution with its reason, a sentence that gives the figure.

    Attributes:
        caution: what stands out.
        message: the sentence.
        verdict: the best verdict that it allows.
    """

    caution: Caution
    message: str
    verdict: Trust


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
        return replace(self, warnings=_gravest_first([*self.warnings, warned]))

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
        alike_ids: what :func:`~troth.log_ids.alike` found, by column.
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
    warnings = _warnings(plain, evidence, level, reward_range, unexplained=unexplained)
    warnings += _about_ids(copies, alike_ids)
    if misfit is not None:
        said = f"the propensities do not fit the actions served: {misfit.what}"
        by = f"{misfit.errors:,.1f} standard errors" if np.isfinite(misfit.errors) else "for sure"
        warnings.append(Warned(Caution.PROPENSITIES, f"{said} ({by})", Trust.NONE))
    return Diagnostics(**figures, warnings=_gravest_first(warnings))


def _gravest_first(warnings: Iterable[Warned]) -> tuple[Warned, ...]:
    return tuple(sorted(warnings, key=lambda w: -list(Trust).index(w.verdict)))


def _mean_weight_error(weight: Float64, clusters: NDArray[np.int64]) -> float:
    """Its standard error: 0 if all weights are the same, infinite for one customer's."""
    if not clusters.any():
        return np.inf
    error = asymptotic(Terms("mean weight", weight, np.ones_like(weight)), clusters).stderr
    return error if np.isfinite(error) else 0.0


def _in_errors(excess: float, error: float) -> float:
    """A distance beyond rounding in standard errors; infinite where there is one and no error."""
    beyond = float(np.copysign(max(abs(excess) - TOLERANCE, 0.0), excess))
    if error > 0.0:
        return beyond / error
    return beyond * np.inf if beyond else 0.0


def _warnings(
    d: Diagnostics,
    evidence: Evidence,
    level: float,
    reward_range: RewardRange | None,
    *,
    unexplained: bool,
) -> list[Warned]:
    """The cautions that apply.

    ``unexplained`` is whether missing support leaves the mean weight far from what it should be.
    """
    care, grave = Trust.WITH_CARE, Trust.NONE
    found: list[Warned] = []

    def check(caution: Caution, applies: bool, verdict: Trust, message: str) -> None:
        if applies:
            found.append(Warned(caution, message, verdict))

    if evidence.customers == 0.0:
        check(
            Caution.NEVER_PLAYED,
            True,
            grave,
            f"in none of {d.rows:,} rows was an action served that the target plays: IPS, "
            "SNIPS and DR have no estimate, and DM is a guess of its model",
        )
    else:
        few = d.effective_sample_size < MIN_EFFECTIVE_ROWS
        check(
            Caution.EFFECTIVE_SAMPLE_SIZE,
            few or d.effective_share < MIN_EFFECTIVE_SHARE,
            grave if few else care,
            f"effective sample size {d.effective_sample_size:,.1f} of {d.rows:,} rows: "
            + (grave.words if few else "treat with care"),
        )
        found += _about_rewards(d, evidence, level, reward_range)
    check(
        Caution.MISSING_SUPPORT,
        d.unsupported_mass > MIN_MASS,
        grave if d.unsupported_mass > MAX_UNSUPPORTED else care,
        f"the target puts {d.unsupported_mass:.2%} of its probability, in "
        f"{d.unsupported_rows:.2%} of the rows, on actions this log cannot speak of: "
        "IPS counts them as worth 0, SNIPS as worth the average, DM and DR extrapolate",
    )
    check(
        Caution.MEAN_WEIGHT,
        # Where the target was never played, that is the reason, and it has been given.
        evidence.customers > 0.0 and abs(d.mean_weight_z) > MAX_MEAN_WEIGHT_Z,
        grave if unexplained else care,
        f"mean weight {d.mean_weight:.3f} is {abs(d.mean_weight_z):.1f} standard errors "
        "from 1: the propensities, or the target, do not belong to this log",
    )
    check(
        Caution.DOMINANT_ROW,
        d.max_weight_share > MAX_WEIGHT_SHARE,
        care,
        f"one row carries {d.max_weight_share:.1%} of all weight",
    )
    check(
        Caution.FEW_CUSTOMERS,
        0.0 < d.effective_customers < MIN_CUSTOMERS,
        grave if d.effective_customers < FEW_CUSTOMERS else care,
        f"only {d.effective_customers:,.1f} effective customers of {d.customers:,}",
    )
    check(
        Caution.CENSORED,
        d.censored_rows > 0,
        care,
        f"{d.censored_rows:,} rows with an open outcome window were left out: the value "
        "is that of the older decisions",
    )
    return found


def _about_ids(copies: Copies | None, alike_ids: Sequence[AlikeIds]) -> Iterator[Warned]:
    """Whether decisions or customers are there more than once under several ids."""
    if copies is not None:
        later, earlier = copies.first
        yield Warned(
            Caution.COPIES,
            f"{copies.rows:,} rows repeat another row in all but ids (the first is row {later}, "
            f"which repeats row {earlier}), where by their propensities about "
            f"{copies.by_chance:,.0f} would: the same decisions under other ids, or decisions that "
            "were not drawn one by one; "
            "customers who share such rows are counted as one",
            Trust.NONE,
        )
    for found in alike_ids:
        (name, row), (other, there) = found.example
        yield Warned(
            Caution.ALIKE_IDS,
            f"{found.ids:,} ids in {found.field} differ from others only in capitals, zeros in "
            f"front or blanks: {name!r} in row {row} and {other!r} in row {there}"
            + ("; such customers are counted as one" if found.field == "customer_id" else ""),
            Trust.WITH_CARE,
        )


def _about_rewards(
    d: Diagnostics, evidence: Evidence, level: float, reward_range: RewardRange | None
) -> Iterator[Warned]:
    """Whether the rewards of the rows with weight say anything of their spread."""
    care, grave = Trust.WITH_CARE, Trust.NONE
    bound = reward_range is not None and bool(np.isfinite(reward_range).all())
    if evidence.common is not None and evidence.others < 0.5:
        most = evidence.others_at_most(level)
        known = "" if bound else "; how much that is, nothing here bounds"
        values = sorted({value for value in evidence.common if not np.isnan(value)})
        usual, what = f"{values[0]:g}", f"anything but {values[0]:g}"
        if len(values) > 1:
            usual = f"the same after each action ({values[0]:g} to {values[-1]:g})"
            what = "another"
        elif values[0] == 0.0:
            what = "anything"
        rows = (
            f"all rewards of what the target plays are {usual}"
            if evidence.telling == 0.0
            else f"all but {evidence.others:.2%} of the weighted rewards are {usual}"
        )
        yield Warned(
            Caution.ALIKE_REWARDS,
            f"{rows}: at {100 * level:g} % at most {most:.2%} of decisions "
            f"({most * d.effective_customers:.1f} in "
            f"{d.effective_customers:,.0f} effective customers) bring {what}{known}",
            care if bound else grave,
        )
    elif d.telling_customers < MIN_CUSTOMERS:
        yield Warned(
            Caution.FEW_TELLING,
            f"the spread of the rewards rests on {d.telling_customers:,.1f} of "
            f"{d.effective_customers:,.1f} effective customers: the rewards of so few differ much "
            "from what their action usually brings that some more or less would move the "
            "estimate and its interval",
            grave if d.telling_customers < FEW_CUSTOMERS else care,
        )
    if d.rewarded_rows_played < MIN_EVENTS:
        yield Warned(
            Caution.FEW_REWARDS,
            f"only {d.rewarded_rows_played:,} of {d.rows:,} rows have a reward other than "
            "their action's most common, and an action that the target plays",
            grave if d.rewarded_rows_played < FEW_EVENTS and not bound else care,
        )
