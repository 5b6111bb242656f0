"""How much to shrink: prior variances chosen by the evidence of the data."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack

from troth.errors import FailedPrecondition

Float64 = NDArray[np.float64]

FLAT = -1
"""Group of a weight that is not shrunk."""

_TINY = float(np.finfo(np.float64).tiny)
_FLAT_PRECISION = 1e-8
_PRECISION_RANGE = (1e-6, 1e12)
"""Flat and allowed prior precisions, times the mean square of the rewards."""


@dataclass(frozen=True, eq=False)
class Posterior:
    """Gaussian posterior of the weights of a linear model.

    Attributes:
        mean: float64 (d,).
        factor: float64 (d, d), lower Cholesky factor L of the precision.
        precision: float64 (d,), prior precision of each weight, in units of 1 / y^2 per
            unit of feature.
        noise: residual variance per row.
        effective: number of weights the data determine, between 0 and d.
        iterations: how many updates it took.
    """

    mean: Float64
    factor: Float64
    precision: Float64
    noise: float
    effective: float
    iterations: int

    def draw(self, normals: Float64) -> Float64:
        """Draws mean + inv(L') z for standard normal z (S, d); float64 (S, d)."""
        shifts, info = lapack.dtrtrs(self.factor, normals.T, lower=1, trans=1)
        if info != 0:
            raise FailedPrecondition("the posterior precision is singular", field="factor")
        drawn: Float64 = self.mean + shifts.T
        return drawn


def maximise_evidence(
    gram: Float64,
    moment: Float64,
    squares: float,
    rows: float,
    groups: NDArray[np.int64],
    *,
    iterations: int,
    sparsity: float,
    tolerance: float = 1e-2,
) -> Posterior:
    """Fit a Gaussian linear model, learning noise and prior variances from the same data.

    Weight i has the prior N(0, 1 / alpha_i). With ``sparsity`` 0 all weights of a group
    share one alpha (ridge per group). With ``sparsity`` s > 0 each has its own, drawn from
    Gamma(shape 1 / (2 s), scale set by its group): a Student t prior of 1 / s degrees of
    freedom, under which few weights of a group may be large while the rest shrink to nothing.

    Args:
        gram: float64 (d, d), sum of phi phi'.
        moment: float64 (d,), sum of y phi.
        squares: sum of y^2.
        rows: number of rows n > d.
        groups: int64 (d,), the group of each weight, or :data:`FLAT`.
        iterations: at most so many updates, >= 1.
        sparsity: >= 0.
        tolerance: stop when no group's log precision moves by more than this.

    A weight whose feature is zero in every row gets the mean prior variance of the others.

    Raises:
        FailedPrecondition: if the posterior precision is not positive definite.

    References:
        D. J. C. MacKay, "Bayesian Interpolation", Neural Computation 4(3), 1992, eqs 4.10,
        4.14. M. E. Tipping, "Sparse Bayesian Learning and the Relevance Vector Machine",
        JMLR 1, 2001, eqs 16-18 and appendix A (Gamma hyperpriors).
    """
    seen = np.diag(gram) > 0.0
    unseen = (groups >= 0) & ~seen
    shrunk = (groups >= 0) & seen
    _, member = np.unique(groups[shrunk], return_inverse=True)
    size = np.bincount(member).astype(np.float64)
    noise = max(float(squares / rows), _TINY)
    # Start from weights that explain a tenth of the variance, spread evenly.
    scale = np.diag(gram) / rows
    precision = np.full(len(groups), _FLAT_PRECISION / noise)
    precision[shrunk] = 10.0 * shrunk.sum() * scale[shrunk] / noise
    precision[unseen] = 1.0 / noise
    least, most = (bound / noise for bound in _PRECISION_RANGE)
    previous = np.full(size.size, np.inf)
    count = 0
    while count < iterations:
        count += 1
        mean, factor, variance = _solve(gram, moment, precision, noise)
        effective = float(len(mean) - (precision * variance).sum())
        residual = max(float(squares - 2.0 * mean @ moment + mean @ gram @ mean), 0.0)
        noise = max(residual / max(rows - effective, 1.0), _TINY)
        # MacKay's fixed point; under the t prior each weight has its own, held by its group's.
        determined = np.maximum(1.0 - precision[shrunk] * variance[shrunk], 1e-12)
        if sparsity == 0.0:
            power = np.maximum(np.bincount(member, mean[shrunk] ** 2), 1.0 / most)
            updated = (np.bincount(member, determined) / power)[member]
        else:
            spread = size / np.bincount(member, precision[shrunk])
            updated = (determined + 1.0 / sparsity) / (
                mean[shrunk] ** 2 + spread[member] / sparsity
            )
        precision[shrunk] = np.clip(updated, least, most)
        current = np.log(np.bincount(member, precision[shrunk]) / size)
        if np.abs(current - previous).max(initial=0.0) < tolerance:
            break
        previous = current
    # Nothing is known of a feature that never varied: give it the prior of those that did.
    precision[unseen] = 1.0 / np.mean(1.0 / precision[shrunk]) if shrunk.any() else 1.0 / noise
    mean, factor, variance = _solve(gram, moment, precision, noise)
    effective = float(len(mean) - (precision * variance).sum())
    return Posterior(mean, factor, precision, noise, effective, count)


def _solve(
    gram: Float64, moment: Float64, precision: Float64, noise: float
) -> tuple[Float64, Float64, Float64]:
    """Posterior mean, Cholesky factor of the precision, and marginal variances."""
    total = gram / noise
    total[np.diag_indices_from(total)] += precision
    factor, info = lapack.dpotrf(total, lower=1, clean=1, overwrite_a=1)
    if info != 0:
        raise FailedPrecondition("the posterior precision is not positive definite", field="gram")
    mean = cho_solve((factor, True), moment / noise)
    inverse, _ = lapack.dtrtri(factor, lower=1)
    return mean, factor, np.einsum("ij,ij->j", inverse, inverse)
