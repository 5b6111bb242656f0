"""How much to shrink: prior variances chosen by the evidence of the data."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]

FLAT = -1
"""Group of a weight that is not shrunk."""

_LEAST_NOISE = 1e-12
"""Least residual variance, times the mean square of the rewards."""
_FLAT_PRECISION = 1e-8
_PRECISION_RANGE = (1e-6, 1e12)
"""Flat and allowed prior precisions, times the mean square of the rewards."""


class Solution(Protocol):
    """The Gaussian posterior of d weights under given variances."""

    @property
    def mean(self) -> Float64:
        """float64 (d,)."""
        ...

    @property
    def variance(self) -> Float64:
        """float64 (d,): marginal variances."""
        ...


Solved = TypeVar("Solved", bound=Solution, covariant=True)


class LinearSystem(Protocol[Solved]):
    """The normal equations of a linear regression on d columns."""

    @property
    def diagonal(self) -> Float64:
        """float64 (d,): the sum of squares of each column; 0 where it never varied from 0."""
        ...

    def solve(self, precision: Float64, noise: float) -> Solved:
        """The posterior under prior precisions (d,) and a residual variance per row."""
        ...

    def residual(self, mean: Float64) -> float:
        """Sum of squared errors of the weights ``mean``, float64 (d,)."""
        ...


@dataclass(frozen=True, eq=False)
class Posterior(Generic[Solved]):
    """Gaussian posterior of the weights of a linear model.

    Attributes:
        solution: mean, variances and whatever else its system gives.
        precision: float64 (d,), prior precision of each weight, in units of 1 / y^2 per
            unit of feature.
        noise: residual variance per row.
        effective: number of weights the data determine, between 0 and d.
        iterations: how many updates it took.
    """

    solution: Solved
    precision: Float64
    noise: float
    effective: float
    iterations: int


@dataclass(frozen=True)
class Expectation:
    """What is expected of a group's variance before its weights are seen.

    The group is taken to hold ``weights`` more weights, whose mean square is ``share`` of the
    mean prior variance in other groups. Where its own are few or small, that decides.

    Attributes:
        group: which.
        others: groups whose variance is the measure.
        share: > 0.
        weights: how many, > 0.
    """

    group: int
    others: frozenset[int]
    share: float
    weights: float


def maximise_evidence(
    system: LinearSystem[Solved],
    rows: float,
    squares: float,
    groups: NDArray[np.int64],
    *,
    expectation: Expectation | None = None,
    iterations: int,
    sparsity: float,
    tolerance: float = 1e-2,
) -> Posterior[Solved]:
    """Fit a Gaussian linear model, learning noise and prior variances from the same data.

    Weight i has the prior N(0, 1 / alpha_i). With ``sparsity`` 0 all weights of a group
    share one alpha (ridge per group). With ``sparsity`` s > 0 each has its own, drawn from
    Gamma(shape 1 / (2 s), scale set by its group): a Student t prior of 1 / s degrees of
    freedom, under which few weights of a group may be large while the rest shrink to nothing.

    Args:
        system: of d columns.
        rows: number of rows n.
        squares: sum of y^2.
        groups: int64 (d,), the group of each weight, or :data:`FLAT`.
        expectation: of the variance of one group.
        iterations: at most so many updates, >= 1.
        sparsity: >= 0.
        tolerance: stop when no group's log precision moves by more than this.

    A weight whose feature is zero in every row gets the mean prior variance of its group, or,
    where the whole group is without data, that of all others.

    Raises:
        FailedPrecondition: if the posterior precision is not positive definite.

    References:
        D. J. C. MacKay, "Bayesian Interpolation", Neural Computation 4(3), 1992, eqs 4.10,
        4.14. M. E. Tipping, "Sparse Bayesian Learning and the Relevance Vector Machine",
        JMLR 1, 2001, eqs 16-18 and appendix A (Gamma hyperpriors).
    """
    diagonal = system.diagonal
    seen = diagonal > 0.0
    unseen = (groups >= 0) & ~seen
    shrunk = (groups >= 0) & seen
    held, member = np.unique(groups[shrunk], return_inverse=True)
    more, measure = _expected(held, member, expectation)
    size = np.bincount(member).astype(np.float64)
    # Rewards that are all zero have no scale: any will do.
    scale = float(squares / rows) if squares > 0.0 else 1.0
    noise = scale
    # Start from weights that explain a tenth of the variance, spread evenly.
    precision = np.full(len(groups), _FLAT_PRECISION / noise)
    precision[shrunk] = 10.0 * shrunk.sum() * diagonal[shrunk] / rows / noise
    precision[unseen] = 1.0 / noise
    least, most = (bound / noise for bound in _PRECISION_RANGE)
    previous = np.full(size.size, np.inf)
    count = 0
    while count < iterations:
        count += 1
        solution = system.solve(precision, noise)
        mean, variance = solution.mean, solution.variance
        effective = float(len(mean) - (precision * variance).sum())
        residual = max(system.residual(mean), 0.0)
        noise = max(residual / max(rows - effective, 1.0), _LEAST_NOISE * scale)
        # MacKay's fixed point; under the t prior each weight has its own, held by its group's.
        determined = np.maximum(1.0 - precision[shrunk] * variance[shrunk], 1e-12)
        typical = more * (measure @ (1.0 / precision[shrunk]))
        if sparsity == 0.0:
            power = np.maximum(np.bincount(member, mean[shrunk] ** 2), 1.0 / most)
            updated = ((np.bincount(member, determined) + more) / (power + typical))[member]
        else:
            spread = size / np.bincount(member, precision[shrunk])
            spread = (size * spread + typical) / (size + more)
            updated = (determined + 1.0 / sparsity) / (
                mean[shrunk] ** 2 + spread[member] / sparsity
            )
        precision[shrunk] = np.clip(updated, least, most)
        current = np.log(np.bincount(member, precision[shrunk]) / size)
        if np.abs(current - previous).max(initial=0.0) < tolerance:
            break
        previous = current
    precision[unseen] = _of_the_others(precision, groups, shrunk, unseen, noise)
    solution = system.solve(precision, noise)
    effective = float(len(groups) - (precision * solution.variance).sum())
    return Posterior(solution, precision, noise, effective, count)


def _expected(
    held: NDArray[np.int64], member: NDArray[np.int64], expectation: Expectation | None
) -> tuple[Float64, Float64]:
    """Weights added to each group, (G,), and what of all variances is theirs, (weights,)."""
    more, measure = np.zeros(len(held)), np.zeros(len(member))
    if expectation is not None:
        more[held == expectation.group] = expectation.weights
        among = np.isin(held, list(expectation.others))[member]
        measure[among] = expectation.share / max(among.sum(), 1)
    return more, measure


def _of_the_others(
    precision: Float64,
    groups: NDArray[np.int64],
    shrunk: NDArray[np.bool_],
    unseen: NDArray[np.bool_],
    noise: float,
) -> Float64:
    """Prior precisions of weights without data: what their group, or else all, turned out."""
    if not shrunk.any():
        return np.full(int(unseen.sum()), 1.0 / noise)
    size = int(groups.max()) + 1
    count = np.bincount(groups[shrunk], minlength=size)
    total = np.bincount(groups[shrunk], 1.0 / precision[shrunk], minlength=size)
    variance = np.where(count > 0, total / np.maximum(count, 1), total.sum() / count.sum())
    return np.asarray(1.0 / variance[groups[unseen]])
