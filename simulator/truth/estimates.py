"""A mean with its standard error, clustered by customer.

Customers are drawn independently of each other, a customer's days and alternative futures are
not: whatever is averaged, one customer is one independent observation (Liang & Zeger 1986,
Biometrika 73(1)). What all customers share, such as weather or an outage, is taken as given.
"""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument

Float = NDArray[np.float64]


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
        if not 0.0 < level < 1.0:
            raise InvalidArgument(f"{level} is outside (0, 1)", field="level")
        half = NormalDist().inv_cdf(0.5 + level / 2.0) * self.stderr
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
