"""Ridge regression of rewards on context x action, from sums that fit in a few megabytes.

The model is r(x, a) = [1, x]' W [1, f(a)]: bilinear in the encoded context and the action's
features, so that an action added yesterday is scored by what it is made of. Its design row is
a Kronecker product of P * Q numbers (a thousand and more); it is never formed. Per action k
it suffices to keep the P x P sum of z z' and the P sum of y z, with z = [1, x], since

    Gram = sum_k S_k (x) u_k u_k',   moment = sum_k b_k (x) u_k,   u_k = [1, f(k)].

The sums add, so a leave-one-fold-out fit costs one pass over the data for all folds.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import cast

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve

from troth.errors import InvalidArgument

Float64 = NDArray[np.float64]

_CHUNK = 65_536
"""Rows converted to float64 at a time."""


def with_intercept(values: NDArray[np.floating]) -> Float64:
    """``[1, values]`` as float64: (n, D) becomes (n, D + 1)."""
    widened = np.empty((values.shape[0], values.shape[1] + 1), dtype=np.float64)
    widened[:, 0] = 1.0
    widened[:, 1:] = values
    return widened


class BilinearMoments:
    """Sufficient statistics of the bilinear model.

    Args:
        context_width: D, encoded columns of a context; P = D + 1.
        action_features: float (K, A), one row per action, e.g. ``Catalogue.features``; Q = A + 1.

    Attributes:
        actions: float64 (K, Q), ``[1, f(k)]``.
        counts: float64 (K,), rows (or weight) seen per action.
        squares: float64 (K,), sum of y * y per action.
    """

    def __init__(self, context_width: int, action_features: NDArray[np.floating]) -> None:
        self.actions = with_intercept(np.asarray(action_features, dtype=np.float64))
        k, p = self.actions.shape[0], context_width + 1
        self.counts = np.zeros(k)
        self.squares = np.zeros(k)
        self._outer = np.zeros((k, p, p))
        self._cross = np.zeros((k, p))

    @property
    def shape(self) -> tuple[int, int]:
        """(P, Q), the shape of W."""
        return self._cross.shape[1], self.actions.shape[1]

    @property
    def rows(self) -> float:
        """Rows (or weight) seen."""
        return float(self.counts.sum())

    def add(
        self,
        contexts: NDArray[np.floating],
        action: NDArray[np.int64],
        reward: NDArray[np.floating],
        weight: NDArray[np.floating] | None = None,
    ) -> BilinearMoments:
        """Take in n rows; returns itself.

        Args:
            contexts: float (n, D), encoded.
            action: int64 (n,), in 0..K-1.
            reward: float (n,).
            weight: float (n,), >= 0; one each if absent.

        Raises:
            InvalidArgument: for shapes that do not fit or an action out of range.
        """
        n, p = len(action), self._cross.shape[1]
        if contexts.shape != (n, p - 1):
            raise InvalidArgument(f"shape {contexts.shape} is not ({n}, {p - 1})", field="contexts")
        if reward.shape != (n,) or (weight is not None and weight.shape != (n,)):
            raise InvalidArgument(f"shape {reward.shape} is not ({n},)", field="reward")
        if n and (action.min() < 0 or action.max() >= len(self.counts)):
            raise InvalidArgument(f"outside 0..{len(self.counts) - 1}", field="action")
        for start in range(0, n, _CHUNK):
            part = slice(start, start + _CHUNK)
            self._add(
                with_intercept(contexts[part]),
                action[part],
                np.asarray(reward[part], dtype=np.float64),
                None if weight is None else np.asarray(weight[part], dtype=np.float64),
            )
        return self

    def _add(
        self, z: Float64, action: NDArray[np.int64], reward: Float64, weight: Float64 | None
    ) -> None:
        # Rows sorted by action make one matrix product per action of one scan over the data.
        order = np.argsort(action, kind="stable")
        z, action, reward = z[order], action[order], reward[order]
        weight = None if weight is None else weight[order]
        present, starts = np.unique(action, return_index=True)
        ends = np.append(starts[1:], len(action))
        for k, low, high in zip(present, starts, ends, strict=True):
            rows, y = z[low:high], reward[low:high]
            weighed = rows if weight is None else rows * weight[low:high, None]
            self._outer[k] += weighed.T @ rows
            self._cross[k] += weighed.T @ y
            # The intercept column of the weighed rows is the weight itself.
            self.counts[k] += weighed[:, 0].sum()
            self.squares[k] += weighed[:, 0] @ (y * y)

    def __add__(self, other: BilinearMoments) -> BilinearMoments:
        """The moments of both sets of rows.

        Raises:
            InvalidArgument: if their actions or widths differ.
        """
        if self.shape != other.shape or not np.array_equal(self.actions, other.actions):
            raise InvalidArgument("moments of different models do not add", field="other")
        total = BilinearMoments(self._cross.shape[1] - 1, self.actions[:, 1:])
        total.counts = self.counts + other.counts
        total.squares = self.squares + other.squares
        total._outer = self._outer + other._outer
        total._cross = self._cross + other._cross
        return total

    @property
    def gram(self) -> Float64:
        """float64 (P * Q, P * Q): sum of phi phi' with phi = z (x) u, row-major in (P, Q)."""
        p, q = self.shape
        k = len(self.counts)
        pairs = (self.actions[:, :, None] * self.actions[:, None, :]).reshape(k, q * q)
        full = (self._outer.reshape(k, p * p).T @ pairs).reshape(p, p, q, q)
        return np.ascontiguousarray(full.transpose(0, 2, 1, 3)).reshape(p * q, p * q)

    @property
    def moment(self) -> Float64:
        """float64 (P * Q,): sum of y phi, row-major in (P, Q)."""
        return cast("Float64", (self._cross.T @ self.actions).reshape(-1))

    def squared_error(self, weights: Float64) -> float:
        """Sum of (y - phi' w)^2 over these rows for other rows' ``weights``, float64 (P, Q)."""
        flat = weights.reshape(-1)
        # sum_k u_k' W' S_k W u_k, without the Gram matrix.
        scores = weights @ self.actions.T
        fitted = float(np.einsum("pk,kpr,rk->", scores, self._outer, scores, optimize=True))
        return float(self.squares.sum() - 2.0 * flat @ self.moment + fitted)

    def solve(self, ridge: float | Float64, *, penalise_intercept: bool = False) -> BilinearFit:
        """Minimise the squared error plus ``ridge`` times the squared weights.

        Args:
            ridge: prior precision over noise precision, > 0; a number or float64 (P * Q,).
            penalise_intercept: whether a scalar ``ridge`` also shrinks W[0, 0], the mean.

        Raises:
            InvalidArgument: if a ridge is not above 0 and finite.
        """
        p, q = self.shape
        prior = np.broadcast_to(np.asarray(ridge, dtype=np.float64), (p * q,)).copy()
        if not (np.isfinite(prior).all() and (prior > 0).all()):
            raise InvalidArgument("must be finite and above 0", field="ridge")
        if np.ndim(ridge) == 0 and not penalise_intercept:
            # Still positive, so that an empty fit has a solution: it is zero.
            prior[0] = min(prior[0], 1e-6)
        precision = self.gram
        precision[np.diag_indices_from(precision)] += prior
        moment = self.moment
        factor: Float64 = np.linalg.cholesky(precision).astype(np.float64, copy=False)
        mean: Float64 = cho_solve((factor, True), moment)
        # RSS = y'y - 2 m'b + m'G m, and (G + prior) m = b.
        residual = float(self.squares.sum() - mean @ moment - mean @ (prior * mean))
        return BilinearFit(
            weights=mean.reshape(p, q), factor=factor, rows=self.rows, residual=max(residual, 0.0)
        )


@dataclass(frozen=True)
class BilinearFit:
    """A solved model.

    Attributes:
        weights: float64 (P, Q), W.
        factor: float64 (P * Q, P * Q), lower Cholesky factor of Gram + prior, so that
            weights + sigma * inv(factor') e with standard normal e is a posterior draw.
        rows: rows (or weight) it was fitted on.
        residual: residual sum of squares, >= 0.
    """

    weights: Float64
    factor: Float64
    rows: float
    residual: float

    @cached_property
    def noise(self) -> float:
        """Residual variance per row."""
        return self.residual / self.rows if self.rows > 0 else 0.0

    def predict(
        self, contexts: NDArray[np.floating], action_features: NDArray[np.floating]
    ) -> Float64:
        """Expected rewards, float64 (n, K), for contexts (n, D) and action features (K, A)."""
        return with_intercept(contexts) @ (self.weights @ with_intercept(action_features).T)
