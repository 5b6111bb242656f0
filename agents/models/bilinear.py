"""Regressions of rewards on context x action, from sums that fit in a few megabytes.

The model r(x, a) = [1, x]' W [1, f(a)] is bilinear in the encoded context and the action's
features, so that an action added yesterday is scored by what it is made of. Its design row is
a Kronecker product of P * Q numbers (a thousand and more); it is never formed. Per action k
it suffices to keep S_k, the P x P sum of z z', and m_k, the P sum of y z, with z = [1, x], since

    Gram = sum_k S_k (x) u_k u_k',   moment = sum_k m_k (x) u_k,   u_k = [1, f(k)].

The sums add, so a leave-one-fold-out fit costs one pass over the data for all folds.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

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
        outer: float64 (K, P, P), S_k.
        cross: float64 (K, P), m_k.
    """

    def __init__(self, context_width: int, action_features: NDArray[np.floating]) -> None:
        self.actions = with_intercept(np.asarray(action_features, dtype=np.float64))
        k, p = self.actions.shape[0], context_width + 1
        self.counts = np.zeros(k)
        self.squares = np.zeros(k)
        self.outer = np.zeros((k, p, p))
        self.cross = np.zeros((k, p))

    @property
    def shape(self) -> tuple[int, int]:
        """(P, Q), the shape of W."""
        return self.cross.shape[1], self.actions.shape[1]

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
        n, p = len(action), self.cross.shape[1]
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
            self.outer[k] += weighed.T @ rows
            self.cross[k] += weighed.T @ y
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
        total = BilinearMoments(self.cross.shape[1] - 1, self.actions[:, 1:])
        total.counts = self.counts + other.counts
        total.squares = self.squares + other.squares
        total.outer = self.outer + other.outer
        total.cross = self.cross + other.cross
        return total

    def squared_error(self, coefficients: Float64) -> float:
        """Sum of (y - z' c_a)^2 over these rows for other rows' ``coefficients``.

        Args:
            coefficients: float64 (P, K), a column c_k per action, such as W u_k.
        """
        fitted = np.einsum("pk,kpr,rk->", coefficients, self.outer, coefficients, optimize=True)
        explained = np.einsum("kp,pk->", self.cross, coefficients)
        return float(self.squares.sum() - 2.0 * explained + fitted)


def kronecker_sum(outer: Float64, actions: Float64) -> Float64:
    """sum_k outer_k (x) u_k u_k', float64 (P * Q, P * Q), for (K, P, P) and u (K, Q)."""
    (k, p, _), q = outer.shape, actions.shape[1]
    pairs = (actions[:, :, None] * actions[:, None, :]).reshape(k, q * q)
    full = (outer.reshape(k, p * p).T @ pairs).reshape(p, p, q, q)
    return np.ascontiguousarray(full.transpose(0, 2, 1, 3)).reshape(p * q, p * q)
