"""Estimates with their errors and intervals: means by customer, by cluster, over repetitions.

Customers are drawn independently of each other, a customer's days and alternative futures are
not: whatever is averaged, one customer is one independent observation (Liang & Zeger 1986,
Biometrika 73(1)). What all customers share, such as weather or an outage, is taken as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

from troth.errors import InvalidArgument

Float = NDArray[np.float64]


def check_level(level: float) -> float:
    """Return ``level`` if it lies in (0, 1); raises :class:`InvalidArgument` otherwise."""
    if not 0.0 < level < 1.0:
        raise InvalidArgument(f"{level} is outside (0, 1)", field="level")
    return level


def quantile(level: float, freedom: float | None = None) -> float:
    """How many standard errors a two-sided interval reaches to each side.

    Args:
        level: coverage aimed at, in (0, 1).
        freedom: degrees of freedom of Student's t, > 0; ``None`` for the normal.

    Raises:
        InvalidArgument: for a level out of range.
    """
    tail = 0.5 + check_level(level) / 2.0
    if freedom is None:
        return NormalDist().inv_cdf(tail)
    from scipy.special import stdtrit  # the light installation has none

    return float(stdtrit(freedom, tail))


@dataclass(frozen=True, slots=True, kw_only=True)
class Interval:
    """A two-sided confidence interval.

    Attributes:
        stderr: standard error of the estimate; infinite where nothing says how large it is.
        low, high: ends; infinite where nothing bounds the value.
    """

    stderr: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """True if the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class MeanInterval(Interval):
    """The same, with the mean that it is of."""

    mean: float


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimated mean.

    Attributes:
        mean: in the unit of what was averaged.
        stderr: its standard error, >= 0; NaN if there was only one cluster.
        clusters: independent observations, >= 1.
    """

    mean: float
    stderr: float
    clusters: int

    def interval(self, level: float = 0.95) -> tuple[float, float]:
        """Two-sided normal confidence interval.

        Raises:
            InvalidArgument: if ``level`` is outside (0, 1).
        """
        half = quantile(level) * self.stderr
        return self.mean - half, self.mean + half


def over_customers(values: Float) -> Estimate:
    """The mean of ``values``, float64 (n,) or (replicates, n): one cluster per customer.

    Replicates of one customer are averaged first: they share that customer's traits.

    Raises:
        InvalidArgument: if there is no value.
    """
    if values.size == 0:
        raise InvalidArgument("no values", field="values")
    each = values.mean(axis=0) if values.ndim == 2 else values
    n = each.size
    stderr = float(each.std(ddof=1) / np.sqrt(n)) if n > 1 else float("nan")
    return Estimate(float(each.mean()), stderr, n)


def clustered(values: Float, cluster: NDArray[np.int64]) -> Estimate:
    """The mean of ``values`` over rows, with clusters of any size.

    The variance is that of a ratio of cluster sums, G / (G - 1) sum_g (sum_i (x_i - mean))^2
    / n^2 (Cochran 1977, Sampling Techniques, section 2.11 with clusters as units).

    Args:
        values: float64 (n,), n >= 1.
        cluster: int64 (n,) in [0, G), each number in use.
    """
    if values.size == 0:
        raise InvalidArgument("no values", field="values")
    mean = float(values.mean())
    sums = np.bincount(cluster, weights=values - mean)
    groups = sums.size
    if groups < 2:
        return Estimate(mean, float("nan"), groups)
    variance = groups / (groups - 1.0) * float((sums**2).sum()) / values.size**2
    return Estimate(mean, float(np.sqrt(variance)), groups)


def student(values: ArrayLike, level: float) -> MeanInterval:
    """Student's t interval of the mean of independent repetitions.

    Give it paired differences to compare two policies on the same seeds.

    Args:
        values: float (s,), one per seed, s >= 2.
        level: confidence level in (0, 1).

    Raises:
        InvalidArgument: for fewer than two values or a non-finite one.
    """
    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size < 2:
        raise InvalidArgument("an interval needs two values or more", field="values")
    if not np.isfinite(sample).all():
        raise InvalidArgument("not finite", field="values")
    found = over_customers(sample)
    half = quantile(level, sample.size - 1) * found.stderr
    return MeanInterval(
        mean=found.mean, stderr=found.stderr, low=found.mean - half, high=found.mean + half
    )


def counted(counts: ArrayLike, level: float) -> MeanInterval:
    """Interval of the mean of counts per customer, never below zero and never of width zero.

    Garwood's exact interval of a Poisson total, for counts that vary phi times as much as
    Poisson's: with total T over n customers, phi = variance / mean and k = T / phi, it runs
    from chi2(alpha / 2; 2 k) / 2 to chi2(1 - alpha / 2; 2 k + 2) / 2, times phi / n. Half of a
    chi-square quantile with 2 k degrees of freedom is the quantile of a gamma variable of shape
    k. Where all counts are alike, phi is taken for 1: that nothing was seen does not say that
    nothing is.

    Reference: F. Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28.

    Args:
        counts: non-negative numbers (n,), one per customer, n >= 2.
        level: confidence level in (0, 1).

    Raises:
        InvalidArgument: for fewer than two counts, or one that is negative or not finite.
    """
    from scipy.special import gammaincinv  # scipy.stats takes a second to import

    sample = np.asarray(counts, dtype=np.float64)
    if sample.ndim != 1 or sample.size < 2:
        raise InvalidArgument("an interval needs two counts or more", field="counts")
    if not np.isfinite(sample).all() or sample.min() < 0.0:
        raise InvalidArgument("negative or not finite", field="counts")
    mean, variance = float(sample.mean()), float(sample.var(ddof=1))
    phi = variance / mean if variance > 0.0 else 1.0
    k, alpha = float(sample.sum()) / phi, 1.0 - check_level(level)
    low = float(gammaincinv(k, alpha / 2.0)) if k > 0.0 else 0.0
    high = float(gammaincinv(k + 1.0, 1.0 - alpha / 2.0))
    return MeanInterval(
        mean=mean,
        stderr=float(np.sqrt(variance / sample.size)),
        low=low * phi / sample.size,
        high=high * phi / sample.size,
    )


class Moments:
    """Means and standard errors over replicates, added one replicate at a time.

    Welford's update (Technometrics 1962, 4(3)): no replicate is kept, and nothing cancels.

    Attributes:
        count: replicates so far.
        mean: float64 of the replicates' shape.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.count = 0
        self.mean = np.zeros(shape)
        self._squares = np.zeros(shape)

    def add(self, values: Float) -> None:
        """One more replicate."""
        self.count += 1
        off = values - self.mean
        self.mean += off / self.count
        self._squares += off * (values - self.mean)

    @property
    def stderr(self) -> Float:
        """Standard error of :attr:`mean`; NaN after a single replicate."""
        if self.count < 2:
            return np.full(self.mean.shape, np.nan)
        return np.asarray(np.sqrt(self._squares / (self.count - 1) / self.count))
