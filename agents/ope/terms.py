"""What an estimator answers: a value, and what each customer adds to its error.

Intervals need no more of an estimate than that (:class:`EstimatorAnswer`). Most estimators are
ratios of sums over rows and answer with :class:`Terms`, which work it out; one that is not answers
with :class:`ClusterInfluence`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument

Float64 = NDArray[np.float64]

Resampler = Callable[[NDArray[np.int64]], Float64]
"""From clusters drawn with replacement, int64 (B, G), to the estimate of each resample, float64
(B,); NaN where it has none."""


@runtime_checkable
class EstimatorAnswer(Protocol):
    """An estimate, as intervals use it."""

    @property
    def modelled(self) -> bool:
        """Whether a model alone speaks.

        The spread of such an answer is that of predictions and says nothing of their error: there
        is no interval to be had.
        """
        ...

    @property
    def value(self) -> float:
        """In the reward's unit."""
        ...

    @property
    def size(self) -> float:
        """Of the terms that the influence subtracts, to tell rounding from spread."""
        ...

    def __len__(self) -> int:
        """The number of rows n."""
        ...

    def influence_by(self, clusters: NDArray[np.int64]) -> Float64:
        """What each cluster adds to n times the estimate's error: float64 (G,), sums to 0.

        Args:
            clusters: int64 (n,), codes 0..G-1.

        Raises:
            InvalidArgument: if they do not fit.
        """
        ...

    def resampler(self, clusters: NDArray[np.int64]) -> Resampler:
        """What the bootstrap calls, with the same clusters."""
        ...


@dataclass(frozen=True)
class Terms:
    """An estimate as a ratio of sums.

    Attributes:
        numerator: float64 (n,), u_i.
        denominator: float64 (n,), v_i; all ones for a plain mean.
        modelled: see :class:`EstimatorAnswer`.
    """

    numerator: Float64
    denominator: Float64
    modelled: bool = False

    def __len__(self) -> int:
        return len(self.numerator)

    @cached_property
    def value(self) -> float:
        """Sum of u over sum of v, in the reward's unit; 0 where the target was never played."""
        total = float(self.denominator.sum())
        return float(self.numerator.sum()) / total if total > 0 else 0.0

    @cached_property
    def size(self) -> float:
        """The largest of the terms that the influence subtracts, against which it may be 0."""
        scale = float(self.denominator.mean())
        if scale <= 0:
            return 0.0
        largest = np.abs(self.numerator).max(), abs(self.value) * self.denominator.max()
        return float(max(largest)) / scale

    @cached_property
    def influence(self) -> Float64:
        """float64 (n,), sums to 0: (u_i - value * v_i) / mean(v).

        To first order (the delta method) the estimate's error is the mean of these. For a
        plain mean they are the centred terms themselves, exactly.
        """
        scale = float(self.denominator.mean())
        if scale <= 0:
            return np.zeros_like(self.numerator)
        return (self.numerator - self.value * self.denominator) / scale

    def influence_by(self, clusters: NDArray[np.int64]) -> Float64:
        """float64 (G,): the sum over each cluster's rows of their influence."""
        (sums,) = cluster_sums(clusters, len(self), self.influence)
        return sums

    def resampler(self, clusters: NDArray[np.int64]) -> Resampler:
        """The ratio is formed anew: a resample has its own denominator."""
        upper, lower = cluster_sums(clusters, len(self), self.numerator, self.denominator)

        def values(drawn: NDArray[np.int64]) -> Float64:
            below = lower[drawn].sum(axis=1)
            above = upper[drawn].sum(axis=1)
            found: Float64 = np.divide(
                above, below, out=np.full_like(above, np.nan), where=below > 0
            )
            return found

        return values


@dataclass(frozen=True)
class ClusterInfluence:
    """An estimate that is no ratio of sums over rows, by its influence function.

    Attributes:
        value: the estimate, in the reward's unit.
        influence: float64 (G,): what each cluster adds to n times the estimate's error, to first
            order; sums to 0.
        rows: n.
        size: of the terms behind ``influence``, >= 0: what is smaller by ten digits is rounding.
        replicates: the estimate anew from resampled clusters; without it the bootstrap moves the
            value by the mean influence of those drawn.
        modelled: see :class:`EstimatorAnswer`.

    References:
        F. R. Hampel, "The influence curve and its role in robust estimation", JASA 69 (1974).
    """

    value: float
    influence: Float64
    rows: int
    size: float
    replicates: Resampler | None = None
    modelled: bool = False

    def __len__(self) -> int:
        return self.rows

    def influence_by(self, clusters: NDArray[np.int64]) -> Float64:
        """See :class:`EstimatorAnswer`; the clusters must be those it was made by."""
        groups = int(clusters.max()) + 1 if len(clusters) else 0
        if clusters.shape != (self.rows,) or self.influence.shape != (groups,):
            raise InvalidArgument(
                f"{groups} of {clusters.shape} rows are not the {len(self.influence)} of "
                f"{self.rows} rows that the estimate was made by",
                field="clusters",
            )
        return self.influence

    def resampler(self, clusters: NDArray[np.int64]) -> Resampler:
        """See :class:`EstimatorAnswer`."""
        influence = self.influence_by(clusters)
        if self.replicates is not None:
            return self.replicates
        return lambda drawn: np.asarray(self.value + influence[drawn].sum(axis=1) / self.rows)


def cluster_sums(clusters: NDArray[np.int64], n: int, *columns: Float64) -> list[Float64]:
    """Sums of each (n,) column per cluster, float64 (G,).

    Raises:
        InvalidArgument: for clusters of another length.
    """
    if clusters.shape != (n,):
        raise InvalidArgument(f"shape {clusters.shape} is not ({n},)", field="clusters")
    groups = int(clusters.max()) + 1 if n else 0
    return [
        np.bincount(clusters, weights=column, minlength=groups).astype(np.float64)
        for column in columns
    ]
