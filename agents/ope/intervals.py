"""Confidence intervals of off-policy estimates, with customers as the unit of sampling.

Rows of one customer are not independent, so every interval here works on sums per cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from agents.ope.estimators import Float64, Terms
from troth.errors import InvalidArgument

_BLOCK = 4_000_000
"""Cluster indices drawn at a time by the bootstrap: 32 MB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided confidence interval.

    Attributes:
        stderr: standard error of the estimate.
        low, high: ends, low <= high; infinite where a single cluster says nothing.
    """

    stderr: float
    low: float
    high: float


def cluster_codes(labels: NDArray[Any]) -> NDArray[np.int64]:
    """Labels (n,) as codes 0..G-1, int64 (n,)."""
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def check_level(level: float) -> float:
    """Return ``level`` if it lies in (0, 1); raises :class:`InvalidArgument` otherwise."""
    if not 0.0 < level < 1.0:
        raise InvalidArgument(f"{level} is outside (0, 1)", field="level")
    return level


def asymptotic(
    terms: Terms,
    clusters: NDArray[np.int64],
    *,
    level: float = 0.95,
    reference: Literal["student", "normal"] = "student",
) -> Interval:
    """Cluster-robust interval from the influence function.

    With psi_i the influence of row i and s_g its sum over cluster g of G,

        stderr^2 = G / (G - 1) * sum_g s_g^2 / n^2,

    and the ends are value -+ quantile * stderr. For SNIPS this is the delta method.

    Args:
        terms: the estimate.
        clusters: int64 (n,), codes from :func:`cluster_codes`.
        level: coverage aimed at, in (0, 1).
        reference: quantile of Student's t with G - 1 degrees of freedom, or of the normal.

    Raises:
        InvalidArgument: for a level out of range or clusters of another length.

    References:
        K.-Y. Liang and S. L. Zeger, "Longitudinal data analysis using generalized linear
        models", Biometrika 73 (1986).
    """
    check_level(level)
    (sums,) = _cluster_sums(clusters, len(terms), terms.influence)
    groups = len(sums)
    if groups < 2:
        return Interval(stderr=np.inf, low=-np.inf, high=np.inf)
    stderr = float(np.sqrt(groups / (groups - 1) * (sums @ sums)) / len(terms))
    tail = 0.5 + level / 2
    if reference == "student":
        from scipy.special import stdtrit

        quantile = float(stdtrit(groups - 1, tail))
    else:
        quantile = NormalDist().inv_cdf(tail)
    return Interval(
        stderr=stderr, low=terms.value - quantile * stderr, high=terms.value + quantile * stderr
    )


def bootstrap(
    terms: Terms,
    clusters: NDArray[np.int64],
    *,
    rng: np.random.Generator,
    level: float = 0.95,
    resamples: int = 1000,
) -> Interval:
    """Percentile interval over resampled clusters.

    Whole customers are drawn with replacement and the *ratio* is formed anew each time:
    SNIPS resamples its denominator, and a mean its number of rows.

    Args:
        terms: the estimate.
        clusters: int64 (n,), codes from :func:`cluster_codes`.
        rng: a keyed generator, e.g. ``troth.streams.generator("ope", seed)``.
        level: coverage aimed at, in (0, 1).
        resamples: how many, >= 100.

    Raises:
        InvalidArgument: for a level or a number of resamples out of range.

    References:
        B. Efron and R. J. Tibshirani, "An Introduction to the Bootstrap", 1993, section 13.3;
        C. A. Field and A. H. Welsh, "Bootstrapping clustered data", JRSS B 69 (2007).
    """
    check_level(level)
    if resamples < 100:
        raise InvalidArgument(f"{resamples} is below 100", field="resamples")
    upper, lower = _cluster_sums(clusters, len(terms), terms.numerator, terms.denominator)
    groups = len(upper)
    if groups < 2:
        return Interval(stderr=np.inf, low=-np.inf, high=np.inf)
    values = np.empty(resamples)
    block = max(1, _BLOCK // groups)
    for start in range(0, resamples, block):
        stop = min(start + block, resamples)
        drawn = rng.integers(0, groups, size=(stop - start, groups), dtype=np.int64)
        below = lower[drawn].sum(axis=1)
        above = upper[drawn].sum(axis=1)
        values[start:stop] = np.divide(above, below, out=np.zeros_like(above), where=below > 0)
    low, high = np.quantile(values, (0.5 - level / 2, 0.5 + level / 2))
    return Interval(stderr=float(values.std(ddof=1)), low=float(low), high=float(high))


def _cluster_sums(clusters: NDArray[np.int64], n: int, *columns: Float64) -> list[Float64]:
    """Sums of each (n,) column per cluster, float64 (G,)."""
    if clusters.shape != (n,):
        raise InvalidArgument(f"shape {clusters.shape} is not ({n},)", field="clusters")
    groups = int(clusters.max()) + 1 if n else 0
    return [
        np.bincount(clusters, weights=column, minlength=groups).astype(np.float64)
        for column in columns
    ]
