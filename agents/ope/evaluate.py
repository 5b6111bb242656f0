"""Evaluate a policy on logged decisions: estimates with intervals, and how far to trust them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from agents.ope.cautions import Trust
from agents.ope.data import OpeData
from agents.ope.diagnostics import Diagnostics, diagnose
from agents.ope.estimator import Estimator, Need
from agents.ope.evidence import Evidence, RewardRange, check_range, gather
from agents.ope.intervals import (
    Interval,
    asymptotic,
    bootstrap,
    bounded,
    check_level,
    mean_of_usual,
)
from agents.ope.registry import ESTIMATORS
from agents.ope.terms import EstimatorAnswer, Float64, Terms
from agents.ope.weighed import WeighedLog
from troth.errors import FailedPrecondition, InvalidArgument, TrothError
from troth.extensions import Extension
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution, check_distribution
from troth.registry import Registered
from troth.text import exception_text

IntervalKind = Literal["student", "normal", "bootstrap"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OffPolicyEstimate:
    """One estimator's answer, in the unit of the log's reward per decision.

    Attributes:
        estimator: a name of :data:`agents.ope.registry.ESTIMATORS`.
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
        extensions: the packages of those estimators that are not Troth's own.
    """

    estimates: tuple[OffPolicyEstimate, ...]
    diagnostics: Diagnostics
    level: float
    interval: IntervalKind
    reward_range: RewardRange | None = None
    extensions: tuple[Extension, ...] = ()

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
            **(
                {"extensions": {each.name: each.to_dict() for each in self.extensions}}
                if self.extensions
                else {}
            ),
        }


def evaluate_policy(
    log: LoggedBatch | OpeData,
    distribution: Distribution,
    *,
    estimators: Sequence[str] | None = None,
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
        estimators: names of :data:`agents.ope.registry.ESTIMATORS`; all of Troth's own if
            ``None``.
        q_hat: float64 (n, K), predicted rewards; cross-fitted from the log if an estimator
            needs them and they are absent.
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
        FailedPrecondition: if no uncensored row is left, or an estimator of a package fails.
    """
    asked = _asked(estimators, interval, rng)
    check_level(level)
    logged = log.logged if isinstance(log, OpeData) else log
    check_distribution(distribution, np.ones((len(logged), len(logged.catalogue)), dtype=bool))
    if q_hat is not None and q_hat.shape != distribution.shape:
        raise InvalidArgument(f"shape {q_hat.shape} is not {distribution.shape}", field="q_hat")
    if reward_range is not None:
        reward_range = check_range(reward_range, logged.reward_minor, ~logged.censored)
    data = log if isinstance(log, OpeData) else OpeData.of(log)
    needs_model = any(Need.REWARD_MODEL in each.thing.needs for each in asked)
    if q_hat is not None:
        q_hat = data.closed(q_hat)
    elif needs_model:
        q_hat = data.q_hat
    weighed = WeighedLog(data, data.closed(distribution), q_hat)
    log, clusters, distribution = data.log, data.clusters, weighed.distribution
    evidence = gather(weighed.weight, log.reward_minor, clusters, log.action)
    diagnostics = diagnose(
        weight=weighed.weight,
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
    for each in asked:
        answer = _answer(each, weighed)
        ends = _interval(answer, clusters, evidence, interval, level, rng, resamples)
        if ends is not None:
            ends = bounded(
                ends,
                answer.value,
                evidence,
                level=level,
                usual=usual,
                unsupported_mass=diagnostics.unsupported_mass,
                reward_range=reward_range,
            )
        estimates.append(_estimate(each.name, answer, evidence, ends))
    unbounded = [e.estimator for e in estimates if e.has_interval and not e.is_bounded]
    return Evaluation(
        estimates=tuple(estimates),
        diagnostics=diagnostics.with_unbounded(unbounded),
        level=level,
        interval=interval,
        reward_range=reward_range,
        extensions=tuple(each.extension for each in asked if each.extension is not None),
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
    terms = Terms(reward, ones)
    ends = asymptotic(terms, clusters, level=level, evidence=evidence)
    usual = None
    if evidence.common is not None:
        played = np.eye(len(log.catalogue))[action]
        usual = mean_of_usual(evidence.common, played, clusters, level=level)
    ends = bounded(ends, terms.value, evidence, level=level, usual=usual, reward_range=reward_range)
    return _estimate("on_policy", terms, evidence, ends)


def _asked(
    estimators: Sequence[str] | None, interval: str, rng: np.random.Generator | None
) -> list[Registered[Estimator]]:
    names = tuple(ESTIMATORS.own) if estimators is None else tuple(estimators)
    if not names:
        raise InvalidArgument("names no estimator", field="estimators")
    found = [ESTIMATORS.find(name, at="estimators") for name in names]
    if interval not in get_args(IntervalKind):
        raise InvalidArgument(
            f"{interval!r} is not one of {', '.join(get_args(IntervalKind))}", field="interval"
        )
    if interval == "bootstrap" and rng is None:
        raise InvalidArgument("the bootstrap needs a keyed generator", field="rng")
    return found


def _answer(each: Registered[Estimator], weighed: WeighedLog) -> EstimatorAnswer:
    """What the estimator says; a fault of a package's is told as one."""
    if each.extension is None:
        return each.thing.answer(weighed)
    who = f"{each.name!r} of {each.extension.distribution} {each.extension.version}"
    try:
        answer: object = each.thing.answer(weighed)
        if not isinstance(answer, EstimatorAnswer):
            raise FailedPrecondition(
                f"{who} answered with a {type(answer).__name__}, "
                "no agents.ope.terms.EstimatorAnswer",
                field="estimators",
            )
        found = np.append(answer.influence_by(weighed.clusters), answer.value)
        if not np.isfinite(found).all():
            raise FailedPrecondition(
                f"{who} answered with a value or an influence that is not finite",
                field="estimators",
            )
    except TrothError as error:
        raise FailedPrecondition(
            error.message if error.message.startswith(who) else f"{who} failed: {error}",
            field="estimators",
        ) from error
    except (Exception, SystemExit) as error:  # whatever the code of others raises
        raise FailedPrecondition(
            f"{who} failed: {exception_text(error)}", field="estimators"
        ) from error
    return answer


def _interval(
    answer: EstimatorAnswer,
    clusters: NDArray[np.int64],
    evidence: Evidence,
    kind: IntervalKind,
    level: float,
    rng: np.random.Generator | None,
    resamples: int,
) -> Interval | None:
    """What the log alone says; ``None`` if it says nothing of the estimate's error."""
    if answer.modelled or evidence.customers == 0.0:
        return None
    if kind == "bootstrap" and rng is not None:
        return bootstrap(
            answer, clusters, rng=rng, level=level, resamples=resamples, evidence=evidence
        )
    reference: Literal["normal", "student"] = "normal" if kind == "normal" else "student"
    return asymptotic(answer, clusters, level=level, reference=reference, evidence=evidence)


def _estimate(
    name: str, answer: EstimatorAnswer, evidence: Evidence, ends: Interval | None
) -> OffPolicyEstimate:
    known = answer.modelled or evidence.customers > 0.0
    return OffPolicyEstimate(
        estimator=name,
        value=answer.value if known else None,
        stderr=None if ends is None else ends.stderr,
        low=None if ends is None else ends.low,
        high=None if ends is None else ends.high,
    )
