"""Confidence intervals of off-policy estimates, with customers as the unit of sampling.

Rows of one customer are not independent, so every interval here works on sums per cluster.
None has width zero: where the log shows no spread, what bounds it must be known from elsewhere
(:func:`bounded`), or the interval is the whole line.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agents.ope.evidence import FEWEST, Evidence, RewardRange, participating
from agents.ope.terms import EstimatorAnswer, Float64, Terms
from troth.errors import InvalidArgument
from troth.statistics import Interval as Interval
from troth.statistics import check_level as check_level
from troth.statistics import quantile

_BLOCK = 4_000_000
"""Cluster indices drawn at a time by the bootstrap: 32 MB."""

MANY = 30.0
"""With fewer degrees of freedom, neither a normal quantile nor resampling is enough."""

MAX_UNSUPPORTED = 0.05
"""Of a target's probability: with more where the log is silent, its rewards bound nothing."""


UNBOUNDED = Interval(stderr=np.inf, low=-np.inf, high=np.inf)


def cluster_codes(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Labels (n,) as codes 0..G-1, int64 (n,)."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def asymptotic(
    estimate: EstimatorAnswer,
    clusters: NDArray[np.int64],
    *,
    level: float = 0.95,
    reference: Literal["student", "normal"] = "student",
    evidence: Evidence | None = None,
) -> Interval:
    """Cluster-robust interval from the influence function.

    With psi_i the influence of row i and s_g its sum over cluster g of G,

        stderr^2 = m / (m - 1) * sum_g s_g^2 / n^2,

    and the ends are value -+ quantile * stderr. For SNIPS this is the delta method. Without
    ``evidence`` m = G and Student's t has G - 1 degrees of freedom, as in a textbook. With it,
    m is the effective number of customers by weight, and the degrees of freedom are those of
    :meth:`~agents.ope.evidence.Evidence.freedom`: customers who add nothing to the spread
    make no estimate surer.

    Args:
        estimate: as an estimator answered.
        clusters: int64 (n,), codes from :func:`cluster_codes`.
        level: coverage aimed at, in (0, 1).
        reference: quantile of Student's t, or of the normal from :data:`MANY` degrees of
            freedom on.
        evidence: what the target's estimate rests on.

    Returns:
        The interval; :data:`UNBOUNDED` if nothing varies, or there are fewer than two
        clusters, or effective customers, or such with another reward than the rest.

    Raises:
        InvalidArgument: for a level out of range or clusters of another length.

    References:
        K.-Y. Liang and S. L. Zeger, "Longitudinal data analysis using generalized linear
        models", Biometrika 73 (1986).
    """
    check_level(level)
    sums = estimate.influence_by(clusters)
    groups = float(len(sums))
    own = participating(sums, size=estimate.size)
    if groups < FEWEST or own == 0.0:
        return UNBOUNDED
    freedom = groups - 1.0
    if evidence is not None:
        if not evidence.enough:
            return UNBOUNDED
        groups, freedom = evidence.customers, evidence.freedom(own)
    largest = float(np.abs(sums).max())  # weights near the largest float overflow as squares
    shares = sums / largest
    stderr = largest * float(np.sqrt(groups / (groups - 1.0) * (shares @ shares)) / len(estimate))
    few = reference == "student" or (evidence is not None and freedom < MANY)
    half = quantile(level, freedom if few else None) * stderr
    return Interval(stderr=stderr, low=estimate.value - half, high=estimate.value + half)


def bootstrap(
    estimate: EstimatorAnswer,
    clusters: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 1000,
    evidence: Evidence | None = None,
) -> Interval:
    """Percentile interval over resampled clusters.

    Whole customers are drawn with replacement and the estimate is formed anew each time: of a
    *ratio*, SNIPS resamples its denominator, and a mean its number of rows. A resample in which the
    target was never played has no value; it counts as below every low end and above every
    high one.

    Args:
        estimate: as an estimator answered.
        clusters: int64 (n,), codes from :func:`cluster_codes`.
        rng: a keyed generator, e.g. ``troth.streams.generator("ope", seed)``.
        level: coverage aimed at, in (0, 1).
        resamples: how many, >= 100.
        evidence: what the target's estimate rests on; with fewer than :data:`MANY` degrees
            of freedom, which resampling makes too sure, an end goes as far as Student's.

    Returns:
        The interval; :data:`UNBOUNDED` where :func:`asymptotic` is.

    Raises:
        InvalidArgument: for a level or a number of resamples out of range.

    References:
        B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3;
        C. A. Field and A. H. Welsh, "Bootstrapping clustered data", JRSS B 69 (2007).
    """
    check_level(level)
    if resamples < 100:
        raise InvalidArgument(f"{resamples} is below 100", field="resamples")
    student = asymptotic(estimate, clusters, level=level, evidence=evidence)
    if student == UNBOUNDED:
        return UNBOUNDED
    resampled, groups = estimate.resampler(clusters), int(clusters.max()) + 1
    values = np.empty(resamples)
    block = max(1, _BLOCK // groups)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        drawn = rng.integers(0, groups, size=(stop - start, groups), dtype=np.int64)
        values[start:stop] = resampled(drawn)
    low, high = _percentiles(values, level)
    if evidence is not None and evidence.freedom(np.inf) < MANY:
        low, high = min(low, student.low), max(high, student.high)
    return Interval(stderr=float(np.nanstd(values, ddof=1)), low=low, high=high)


def _percentiles(values: Float64, level: float) -> tuple[float, float]:
    """The ends of a percentile interval; NaN counts against both."""
    tails = (0.5 - level / 2, 0.5 + level / 2)
    none = np.isnan(values)
    if not none.any():
        low, high = np.quantile(values, tails)
        return float(low), float(high)
    # Interpolating between a number and infinity gives NaN: take the outer neighbour.
    low = np.quantile(np.where(none, -np.inf, values), tails[0], method="lower")
    high = np.quantile(np.where(none, np.inf, values), tails[1], method="higher")
    return float(low), float(high)


def bounded(
    interval: Interval,
    value: float,
    evidence: Evidence,
    *,
    level: float,
    usual: RewardRange | None = None,
    unsupported_mass: float = 0.0,
    reward_range: RewardRange | None = None,
) -> Interval:
    """An interval with what is known from elsewhere than the log's spread.

    Where the rewards seen say nothing of their spread, lie in L..H and are most commonly c_a
    after action a, at most a share d of decisions can have another
    (:meth:`~agents.ope.evidence.Evidence.others_at_most`). With C the target's mean of c_a the
    value lies within C - d (max c - L) .. C + d (H - min c): for rewards that are all 0 the rule
    of three times H. Without a range it may lie anywhere.

    Where they do say something, it is of rewards like those seen, between l and h. That larger
    ones are rarer than could be seen is no sign that there are none: E r <= E min(r, h) +
    P(r > h) (H - h), and the share of decisions beyond the largest of n is at most
    d = 1 - alpha^(1 / n) with probability 1 - alpha whatever the rewards' distribution (Wilks).
    So d (H - h) is added above and d (l - L) subtracted below, with alpha = 1 - level for the
    only side on which anything lies beyond what was seen, and half of it for each of two. An
    infinite end says as little as none, and leaves its side as it is.

    What the target would do where the log is silent, a share m of its probability, adds
    m (max(H, 0) - min(L, 0)) at each end; without a range it leaves no bound if m is above
    :data:`MAX_UNSUPPORTED`, and is not in the interval if it is below.

    Args:
        interval: from the log alone.
        value: the estimate; it always lies in the interval.
        evidence: what it rests on.
        level: coverage aimed at.
        usual: the ends of C, where ``evidence`` has most common rewards.
        unsupported_mass: m, in [0, 1].
        reward_range: L and H, either of which may be infinite; ``None`` if not known.

    References:
        S. S. Wilks, "Determination of sample sizes for setting tolerance limits", Annals of
        Mathematical Statistics 12 (1941).
    """
    low, high = interval.low, interval.high
    if reward_range is None:
        return UNBOUNDED if unsupported_mass > MAX_UNSUPPORTED else interval
    least, most = reward_range
    if not evidence.enough and evidence.common is not None and usual is not None:
        share = evidence.others_at_most(level)
        low = max(low, usual[0] - share * (np.nanmax(evidence.common) - least))
        high = min(high, usual[1] + share * (most - np.nanmin(evidence.common)))
    if evidence.enough:
        beyond = evidence.seen[0] - least, most - evidence.seen[1]
        below, above = (gap if np.isfinite(gap) else 0.0 for gap in beyond)
        sides = (below > 0.0) + (above > 0.0)
        share = evidence.unseen_at_most(1.0 - (1.0 - level) / max(sides, 1))
        low, high = low - share * below, high + share * above
    if unsupported_mass > 0.0:
        reach = unsupported_mass * (max(most, 0.0) - min(least, 0.0))
        low, high = low - reach, high + reach
    return Interval(
        stderr=interval.stderr,
        low=min(max(low, least), value),
        high=max(min(high, most), value),
    )


def mean_of_usual(
    common: tuple[float, ...],
    probability: Float64,
    clusters: NDArray[np.int64],
    *,
    level: float,
) -> RewardRange:
    """The mean of the actions' most common rewards under a policy, and how far it may be off.

    Exact where every context has the same: then both ends are equal.

    Args:
        common: K rewards, NaN for an action without one; such count for nothing.
        probability: float64 (n, K), of the actions in each row; where they are not eligible 0.
        clusters: int64 (n,), codes from :func:`cluster_codes`.
        level: coverage aimed at.
    """
    known = ~np.isnan(common)
    held = probability[:, : len(common)][:, known]
    terms = Terms(held @ np.array(common)[known], held.sum(axis=1))
    ends = asymptotic(terms, clusters, level=level)
    return (terms.value, terms.value) if ends == UNBOUNDED else (ends.low, ends.high)
