"""Evaluate a policy on logged decisions: estimates with intervals, and how far to trust them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from agents.ope import estimators as forms
from agents.ope.cautions import Trust
from agents.ope.data import OpeData
from agents.ope.diagnostics import Diagnostics, diagnose
from agents.ope.estimators import Float64, Terms
from agents.ope.evidence import Evidence, RewardRange, check_range, gather
from agents.ope.intervals import (
    Interval,
    asymptotic,
    bootstrap,
    bounded,
    check_level,
    mean_of_usual,
)
from agents.ope.reward_model import cross_fit
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution, check_distribution

ESTIMATORS = ("ips", "snips", "dm", "dr")
IntervalKind = Literal["student", "normal", "bootstrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyEstimate:
    """One estimator's answer, in the unit of the log's reward per decision.

    Attributes:
        estimator: ``ips``, ``snips``, ``dm`` or ``dr``.
        value: the estimate; ``None`` if the log holds nothing to make one of.
        stderr: its cluster-robust standard error; ``None`` without an interval, infinite
            where the log does not say how large it is.
        low, high: the ends of its interval, low < high; infinite where nothing bounds it,
            ``None`` if there is no interval: there is no estimate, or a model alone made it.
    """

    estimator: str
    value: float | None
    stderr: float | None
    low: float | None
    high: float | None

    @property
    def has_interval(self) -> bool:
        """Whether anything is said of the estimate's error."""
        return self.low is not None

    @property
    def is_bounded(self) -> bool:
        """Whether both ends of its interval are finite."""
        ends = (self.low, self.high)
        return all(end is not None and bool(np.isfinite(end)) for end in ends)

    def covers(self, truth: float) -> bool | None:
        """Whether ``truth`` lies in the interval; ``None`` if there is none."""
        if self.low is None or self.high is None:
            return None
        return self.low <= truth <= self.high

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON: an end that is not finite becomes None.

        ``has_interval`` tells an infinite end from one that is not there.
        """
        ends = {name: getattr(self, name) for name in ("value", "stderr", "low", "high")}
        return {
            "estimator": self.estimator,
            "has_interval": self.has_interval,
            **{
                name: value if value is not None and np.isfinite(value) else None
                for name, value in ends.items()
            },
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What a log says of a policy.

    Attributes:
        estimates: in the order asked for.
        diagnostics: weights, overlap, support and warnings.
        level: nominal coverage of the intervals.
        interval: how they were made.
        reward_range: the least and the largest reward there can be, if that was said.
    """

    estimates: tuple[OffPolicyEstimate, ...]
    diagnostics: Diagnostics
    level: float
    interval: IntervalKind
    reward_range: RewardRange | None = None

    @property
    def verdict(self) -> Trust:
        """How far to trust the estimates, by the diagnostics."""
        return self.diagnostics.verdict

    def __getitem__(self, estimator: str) -> OffPolicyEstimate:
        """The estimate of that name; raises :class:`InvalidArgument` if it was not asked for."""
        for estimate in self.estimates:
            if estimate.estimator == estimator:
                return estimate
        raise InvalidArgument(f"{estimator!r} was not computed", field="estimator")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "level": self.level,
            "interval": self.interval,
            "reward_range": (
                None
                if self.reward_range is None
                else [end if np.isfinite(end) else None for end in self.reward_range]
            ),
            "verdict": str(self.verdict),
            "estimates": [estimate.to_dict() for estimate in self.estimates],
            "diagnostics": self.diagnostics.to_dict(),
        }


def evaluate_policy(
    log: LoggedBatch | OpeData,
    distribution: Distribution,
    *,
    estimators: Sequence[str] = ESTIMATORS,
    q_hat: Float64 | None = None,
    level: float = 0.95,
    interval: IntervalKind = "student",
    rng: np.random.Generator | None = None,
    resamples: int = 1000,
    reward_range: RewardRange | None = None,
) -> Evaluation:
    """The value per decision that a policy would have had on this log's contexts.

    Rows whose outcome window is open are left out and counted. Probability that the target
    puts on actions the log cannot speak of is reported, not refused: see
    :class:`~agents.ope.diagnostics.Diagnostics`. Where no action that the target plays was
    served, IPS, SNIPS and DR have no estimate. The direct method is a point without an
    interval: nothing here measures its model's error.

    Args:
        log: n logged decisions; :meth:`OpeData.of <agents.ope.data.OpeData.of>` them for several
            policies, so that what they say of all is found once.
        distribution: float64 (n, K), the target policy at the log's contexts and masks, after
            guardrails if it is to be served behind them; rows sum to 1.
        estimators: any of :data:`ESTIMATORS`.
        q_hat: float64 (n, K), predicted rewards; cross-fitted from the log if DM or DR are
            asked for and it is absent.
        level: nominal coverage, in (0, 1).
        interval: ``student`` or ``normal`` from influence functions, or ``bootstrap``; all
            clustered by customer. Where few customers carry the weight or the rewards, each
            is at least as wide as Student's with so many.
        rng: a keyed generator; needed by, and only by, the bootstrap.
        resamples: of the bootstrap.
        reward_range: the least and the largest reward a decision can bring, if that is known
            of the business and not read off this log, e.g. (0, 1) for a click; either may be
            infinite. It bounds the intervals where the log alone cannot, as where all
            rewards are 0.

    Raises:
        InvalidArgument: for an unknown estimator or interval, a distribution that is none,
            shapes that do not fit, a bootstrap without ``rng``, or a reward out of its range.
        FailedPrecondition: if no uncensored row is left.
    """
    _check_request(estimators, interval, rng)
    check_level(level)
    logged = log.logged if isinstance(log, OpeData) else log
    check_distribution(distribution, np.ones((len(logged), len(logged.catalogue)), dtype=bool))
    if q_hat is not None and q_hat.shape != distribution.shape:
        raise InvalidArgument(f"shape {q_hat.shape} is not {distribution.shape}", field="q_hat")
    if reward_range is not None:
        reward_range = check_range(reward_range, logged.reward_minor, ~logged.censored)
    data = log if isinstance(log, OpeData) else OpeData.of(log)
    log, clusters, distribution = data.log, data.clusters, data.closed(distribution)
    weight = forms.importance_weights(distribution, log.action, log.propensity)
    evidence = gather(weight, log.reward_minor, clusters, log.action)
    if q_hat is not None:
        q_hat = data.closed(q_hat)
    elif {"dm", "dr"} & set(estimators):
        q_hat = cross_fit(log)
    diagnostics = diagnose(
        weight=weight,
        reward=log.reward_minor,
        clusters=clusters,
        evidence=evidence,
        distribution=distribution,
        action=log.action,
        mask=log.mask,
        catalogue=log.catalogue,
        misfit=data.propensities.misfit(distribution, q_hat),
        copies=data.copies,
        alike_ids=data.alike_ids,
        censored_rows=data.open_rows,
        level=level,
        reward_range=reward_range,
    )
    usual = (
        None
        if evidence.common is None
        else mean_of_usual(evidence.common, distribution * log.mask, clusters, level=level)
    )
    estimates = []
    for terms in _terms(log, distribution, weight, estimators, q_hat):
        ends = _interval(terms, clusters, evidence, interval, level, rng, resamples)
        if ends is not None:
            ends = bounded(
                ends,
                terms.value,
                evidence,
                level=level,
                usual=usual,
                unsupported_mass=diagnostics.unsupported_mass,
                reward_range=reward_range,
            )
        estimates.append(_estimate(terms, evidence, ends))
    unbounded = [e.estimator for e in estimates if e.has_interval and not e.is_bounded]
    return Evaluation(
        estimates=tuple(estimates),
        diagnostics=diagnostics.with_unbounded(unbounded),
        level=level,
        interval=interval,
        reward_range=reward_range,
    )


def on_policy(
    log: LoggedBatch | OpeData, *, level: float = 0.95, reward_range: RewardRange | None = None
) -> OffPolicyEstimate:
    """The mean reward of the policy that wrote the log, with its own interval.

    Raises:
        InvalidArgument: for a level or a reward out of range.
        FailedPrecondition: if no uncensored row is left.
    """
    data = log if isinstance(log, OpeData) else OpeData.of(log)
    logged, log, clusters = data.logged, data.log, data.clusters
    if reward_range is not None:
        reward_range = check_range(reward_range, logged.reward_minor, ~logged.censored)
    reward, action, ones = log.reward_minor, log.action, np.ones(len(log))
    evidence = gather(ones, reward, clusters, action)
    terms = Terms("on_policy", reward, ones)
    ends = asymptotic(terms, clusters, level=level, evidence=evidence)
    usual = None
    if evidence.common is not None:
        played = np.eye(len(log.catalogue))[action]
        usual = mean_of_usual(evidence.common, played, clusters, level=level)
    ends = bounded(ends, terms.value, evidence, level=level, usual=usual, reward_range=reward_range)
    return _estimate(terms, evidence, ends)


def _check_request(
    estimators: Sequence[str], interval: str, rng: np.random.Generator | None
) -> None:
    if not estimators:
        raise InvalidArgument("names no estimator", field="estimators")
    for name in estimators:
        if name not in ESTIMATORS:
            raise InvalidArgument(
                f"{name!r} is not one of {', '.join(ESTIMATORS)}", field="estimators"
            )
    if interval not in get_args(IntervalKind):
        raise InvalidArgument(
            f"{interval!r} is not one of {', '.join(get_args(IntervalKind))}", field="interval"
        )
    if interval == "bootstrap" and rng is None:
        raise InvalidArgument("the bootstrap needs a keyed generator", field="rng")


def _terms(
    log: LoggedBatch,
    distribution: Distribution,
    weight: Float64,
    estimators: Sequence[str],
    q_hat: Float64 | None,
) -> list[Terms]:
    reward = log.reward_minor
    builders: dict[str, Callable[[], Terms]] = {
        "ips": lambda: forms.ips(weight, reward),
        "snips": lambda: forms.snips(weight, reward),
    }
    if q_hat is not None:
        expected = forms.expected_prediction(distribution, q_hat)
        predicted = q_hat[np.arange(len(log)), log.action]
        builders["dm"] = lambda: forms.dm(expected)
        builders["dr"] = lambda: forms.dr(weight, reward, expected, predicted)
    return [builders[name]() for name in estimators]


def _interval(
    terms: Terms,
    clusters: NDArray[np.int64],
    evidence: Evidence,
    kind: IntervalKind,
    level: float,
    rng: np.random.Generator | None,
    resamples: int,
) -> Interval | None:
    """What the log alone says; ``None`` if it says nothing of the estimate's error."""
    if terms.modelled or evidence.customers == 0.0:
        return None
    if kind == "bootstrap" and rng is not None:
        return bootstrap(
            terms, clusters, rng=rng, level=level, resamples=resamples, evidence=evidence
        )
    reference: Literal["normal", "student"] = "normal" if kind == "normal" else "student"
    return asymptotic(terms, clusters, level=level, reference=reference, evidence=evidence)


def _estimate(terms: Terms, evidence: Evidence, ends: Interval | None) -> OffPolicyEstimate:
    if ends is not None:
        return OffPolicyEstimate(
            estimator=terms.estimator,
            value=terms.value,
            stderr=ends.stderr,
            low=ends.low,
            high=ends.high,
        )
    known = terms.modelled or evidence.customers > 0.0
    return OffPolicyEstimate(
        estimator=terms.estimator,
        value=terms.value if known else None,
        stderr=None,
        low=None,
        high=None,
    )
