"""One ridge regression of rewards on what all actions share and on what each has of its own.

The model is r(x, k) = z' (W u_k + E b_k), with z = [1, x] and u_k = [1, f(k)]. W is shared, so
that an action added yesterday is scored by its attributes. b_k is the action's own, on the
columns of z that E selects, and is shrunk to zero: two e-mails with the same attributes are
told apart as far as their own rows say so, and one that was hardly sent is what its
attributes are.

These are the mixed-model equations. The own effects of different actions meet only by way of
W, so they are absorbed action by action, and what is left has the size of W: with
G_k = S_k / noise and m_k the moments of action k, N_k = E' G_k E + diag(own precision),

    T_k = G_k - G_k E inv(N_k) E' G_k,    t_k = m_k - G_k E inv(N_k) E' m_k,
    (sum_k T_k (x) u_k u_k' + diag(shared precision)) vec W = sum_k t_k (x) u_k,
    b_k = inv(N_k) E' (m_k - G_k W u_k).

References:
    C. R. Henderson, "Best linear unbiased estimation and prediction under a selection model",
    Biometrics 31(2), 1975, section 3. C. R. Henderson, "Applications of Linear Models in
    Animal Breeding", University of Guelph 1984, chapter 5 (absorption).
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, lapack

from agents.models.bilinear import BilinearMoments, Float64, kronecker_sum
from troth.errors import FailedPrecondition, InvalidArgument


class MixedEquations:
    """The normal equations of one set of moments.

    Weights are one vector: W row-major (P, Q), then the own effects row-major (K, I).

    Args:
        moments: of K actions, P columns of z and Q of u.
        own: int64 (I,), the columns of z on which each action has an effect of its own;
            0 is the intercept. Empty for attributes alone.
    """

    def __init__(self, moments: BilinearMoments, own: NDArray[np.int64]) -> None:
        self._moments = moments
        self._own = own
        self.split = moments.shape[0] * moments.shape[1]
        """P * Q, the number of shared weights."""
        self.size = self.split + len(moments.counts) * len(own)
        """P * Q + K * I, the number of all weights."""

    @cached_property
    def diagonal(self) -> Float64:
        """float64 (size,): the sum of squares of each column of the design."""
        squares = np.einsum("kpp->kp", self._moments.outer)
        shared = squares.T @ self._moments.actions**2
        return np.concatenate((shared.reshape(-1), squares[:, self._own].reshape(-1)))

    def absorb(self, own_precision: Float64, noise: float = 1.0) -> Absorbed:
        """Absorb the own effects under their prior precisions.

        Args:
            own_precision: float64 (K, I), > 0.
            noise: variance of a row's reward around its mean, > 0; with 1 a precision is a
                ridge penalty.
        """
        own, gram = self._own, self._moments.outer / noise
        moment = self._moments.cross / noise
        seen = gram[:, own]
        inner = seen[:, :, own].copy()
        at = np.arange(len(own))
        inner[:, at, at] += own_precision
        root = np.linalg.inv(np.linalg.cholesky(inner))
        half = root @ seen
        base = root @ moment[:, own, None]
        turned = root.transpose(0, 2, 1)
        return Absorbed(
            actions=self._moments.actions,
            own=own,
            outer=gram - half.transpose(0, 2, 1) @ half,
            cross=moment - (half.transpose(0, 2, 1) @ base)[:, :, 0],
            root=root,
            gain=turned @ half,
            base=(turned @ base)[:, :, 0],
        )

    def solve(self, precision: Float64, noise: float = 1.0) -> MixedFit:
        """The weights under prior precisions, float64 (size,), > 0.

        Raises:
            InvalidArgument: if a precision is not above 0 and finite.
            FailedPrecondition: if the equations are singular in double precision.
        """
        if not (np.isfinite(precision).all() and (precision > 0).all()):
            raise InvalidArgument("must be finite and above 0", field="precision")
        return self.absorb(self._each(precision), noise).solve(precision[: self.split])

    def residual(self, mean: Float64) -> float:
        """Sum of squared errors of the weights ``mean``, float64 (size,)."""
        weights = mean[: self.split].reshape(self._moments.shape)
        return self._moments.squared_error(
            coefficients(weights, self._each(mean), self._own, self._moments.actions)
        )

    def _each(self, flat: Float64) -> Float64:
        """What of (size,) is about own effects, (K, I)."""
        return flat[self.split :].reshape(len(self._moments.counts), len(self._own))


@dataclass(frozen=True, eq=False)
class Absorbed:
    """Equations of the shared weights alone, and the way back to the own effects.

    Attributes:
        actions: float64 (K, Q), u_k.
        own: int64 (I,), see :class:`MixedEquations`.
        outer: float64 (K, P, P), T_k.
        cross: float64 (K, P), t_k.
        root: float64 (K, I, I), inverse of the lower Cholesky factor of N_k.
        gain: float64 (K, I, P), inv(N_k) E' G_k.
        base: float64 (K, I), inv(N_k) E' m_k.
    """

    actions: Float64
    own: NDArray[np.int64]
    outer: Float64
    cross: Float64
    root: Float64
    gain: Float64
    base: Float64

    def solve(self, precision: Float64) -> MixedFit:
        """The weights under the shared weights' prior precisions, float64 (P * Q,), > 0.

        Raises:
            FailedPrecondition: if the equations are singular in double precision.
        """
        total = kronecker_sum(self.outer, self.actions)
        total[np.diag_indices_from(total)] += precision
        factor, info = lapack.dpotrf(total, lower=1, clean=1, overwrite_a=1)
        if info != 0:
            raise FailedPrecondition("the equations are not positive definite", field="precision")
        flat: Float64 = cho_solve((factor, True), (self.cross.T @ self.actions).reshape(-1))
        weights = flat.reshape(self.cross.shape[1], self.actions.shape[1])
        return MixedFit(self, weights, self.own_effects(weights @ self.actions.T), factor)

    def own_effects(self, scores: Float64) -> Float64:
        """Mean own effects (..., K, I) given W u_k, float64 (..., P, K)."""
        explained = np.einsum("kip,...pk->...ki", self.gain, scores, optimize=True)
        return np.asarray(self.base - explained)


@dataclass(frozen=True, eq=False)
class MixedFit:
    """Solved equations: the Gaussian posterior of all weights.

    Attributes:
        equations: what was solved.
        weights: float64 (P, Q), the mean of W.
        own: float64 (K, I), the mean of each b_k.
        factor: float64 (P * Q, P * Q), lower Cholesky factor of W's marginal precision.
    """

    equations: Absorbed
    weights: Float64
    own: Float64
    factor: Float64

    @property
    def mean(self) -> Float64:
        """float64 (size,), all weights."""
        return np.concatenate((self.weights.reshape(-1), self.own.reshape(-1)))

    @cached_property
    def coefficients(self) -> Float64:
        """float64 (P, K): the reward of action k in context x is [1, x]' of column k."""
        at = self.equations
        return coefficients(self.weights, self.own, at.own, at.actions)

    @cached_property
    def variance(self) -> Float64:
        """float64 (size,): marginal posterior variances."""
        at = self.equations
        inverse, _ = lapack.dtrtri(self.factor, lower=1)
        # What an own effect inherits from W u_k beside its own doubt.
        inherited = np.einsum("kip,kq->pqki", at.gain, at.actions)
        spread = inverse @ inherited.reshape(self.weights.size, -1)
        own = np.einsum("kji,kji->ki", at.root, at.root).reshape(-1)
        return np.concatenate(
            (
                np.einsum("ij,ij->j", inverse, inverse),
                own + np.einsum("ij,ij->j", spread, spread),
            )
        )

    def draw(self, normals: Float64) -> Float64:
        """Posterior draws (S, size) from standard normals (S, size).

        Draws are linear in the normals: opposite normals give draws opposite about the mean.
        """
        at, split = self.equations, self.weights.size
        shifts, _ = lapack.dtrtrs(self.factor, normals[:, :split].T, lower=1, trans=1)
        drawn = self.weights.reshape(-1) + shifts.T
        scores = drawn.reshape(-1, *self.weights.shape) @ at.actions.T
        noise = normals[:, split:].reshape(len(normals), *self.own.shape)
        own = at.own_effects(scores) + np.einsum("kji,skj->ski", at.root, noise, optimize=True)
        return np.concatenate((drawn, own.reshape(len(normals), -1)), axis=1)


def coefficients(
    weights: Float64, own_effects: Float64, own: NDArray[np.int64], actions: Float64
) -> Float64:
    """W u_k + E b_k, float64 (P, K), from W (P, Q), b (K, I), columns (I,) and u (K, Q)."""
    total = weights @ actions.T
    total[own] += own_effects.T
    return np.asarray(total)
