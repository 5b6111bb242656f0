"""Off-policy estimators of a policy's value from logged decisions.

Notation, over n logged rows i and K actions:

    x_i, a_i, r_i   context, action served, reward; p_i in (0, 1] its logged propensity
    pi(a | x)       the target policy, float64 (n, K)
    w_i             pi(a_i | x_i) / p_i, the importance weight
    q(x, a)         a model of the expected reward, float64 (n, K)

Every estimate is a ratio of sums, sum_i u_i / sum_i v_i: that form (:class:`Terms`) gives its
value, its influence function for intervals, and what a bootstrap has to resample.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.policy import Distribution

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class Terms:
    """An estimate as a ratio of sums.

    Attributes:
        estimator: its short name.
        numerator: float64 (n,), u_i.
        denominator: float64 (n,), v_i; all ones for a plain mean.
        modelled: whether a model alone speaks. The spread of such terms is that of its
            predictions and says nothing of their error: there is no interval to be had.
    """

    estimator: str
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


def importance_weights(
    distribution: Distribution, action: NDArray[np.int64], propensity: Float64
) -> Float64:
    """w_i = pi(a_i | x_i) / p_i.

    Args:
        distribution: float64 (n, K), the target policy at the logged contexts.
        action: int64 (n,), in 0..K-1.
        propensity: float64 (n,), in (0, 1].

    Returns:
        float64 (n,), >= 0, finite.

    Raises:
        InvalidArgument: for shapes that do not fit, an action or a propensity out of range.
    """
    n = len(distribution)
    if action.shape != (n,) or propensity.shape != (n,):
        raise InvalidArgument(
            f"action {action.shape} and propensity {propensity.shape} are not both ({n},)",
            field="propensity" if action.shape == (n,) else "action",
        )
    if n and (action.min() < 0 or action.max() >= distribution.shape[1]):
        raise InvalidArgument(f"outside 0..{distribution.shape[1] - 1}", field="action")
    fine = (propensity > 0) & (propensity <= 1)
    if not fine.all():
        row = int(np.argmin(fine))
        raise InvalidArgument(
            f"{propensity[row]!r} in row {row} is outside (0, 1]", field="propensity"
        )
    played = distribution[np.arange(n), action]
    with np.errstate(over="ignore"):
        weights: Float64 = np.asarray(played / propensity, dtype=np.float64)
    if not np.isfinite(weights).all():
        row = int(np.argmin(np.isfinite(weights)))
        raise InvalidArgument(
            f"{propensity[row]!r} in row {row} is too small to divide by", field="propensity"
        )
    return weights


def expected_prediction(distribution: Distribution, q_hat: Float64) -> Float64:
    """The sums over a of pi(a | x_i) q(x_i, a): float64 (n,) from two float64 (n, K).

    Raises:
        InvalidArgument: if ``q_hat`` has another shape or an entry that is not finite.
    """
    if q_hat.shape != distribution.shape:
        raise InvalidArgument(f"shape {q_hat.shape} is not {distribution.shape}", field="q_hat")
    if not np.isfinite(q_hat).all():
        raise InvalidArgument("has an entry that is not finite", field="q_hat")
    return np.asarray(np.einsum("nk,nk->n", distribution, q_hat), dtype=np.float64)


def ips(weight: Float64, reward: Float64) -> Terms:
    """Inverse propensity scoring: (1/n) sum_i w_i r_i.

    Unbiased where the logging policy supports the target; its variance grows with the weights.

    Args:
        weight: float64 (n,), w.
        reward: float64 (n,), r.

    References:
        D. G. Horvitz and D. J. Thompson, "A generalization of sampling without replacement
        from a finite universe", JASA 47 (1952).
    """
    return Terms("ips", weight * reward, np.ones_like(weight))


def snips(weight: Float64, reward: Float64) -> Terms:
    """Self-normalised IPS: sum_i w_i r_i / sum_i w_i.

    Consistent, biased by O(1/n); invariant to a shift of the reward and never outside the
    range of the rewards seen.

    Args:
        weight: float64 (n,), w.
        reward: float64 (n,), r.

    References:
        A. Swaminathan and T. Joachims, "The self-normalized estimator for counterfactual
        learning", NeurIPS 2015, equation 8.
    """
    return Terms("snips", weight * reward, weight)


def dm(expected: Float64) -> Terms:
    """Direct method: (1/n) sum_i sum_a pi(a | x_i) q(x_i, a).

    As biased as the reward model, and without an interval: the terms' spread is that of the
    contexts.

    Args:
        expected: float64 (n,), from :func:`expected_prediction`.

    References:
        M. Dudik, J. Langford and L. Li, "Doubly robust policy evaluation and learning",
        ICML 2011, section 3.
    """
    return Terms("dm", expected, np.ones_like(expected), modelled=True)


def dr(weight: Float64, reward: Float64, expected: Float64, predicted: Float64) -> Terms:
    """Doubly robust: (1/n) sum_i [sum_a pi(a | x_i) q(x_i, a) + w_i (r_i - q(x_i, a_i))].

    Unbiased if either the propensities are right or the reward model is; with both near,
    its variance is that of the residuals.

    Args:
        weight: float64 (n,), w.
        reward: float64 (n,), r.
        expected: float64 (n,), from :func:`expected_prediction`.
        predicted: float64 (n,), q(x_i, a_i); the model must not have been fitted on row i's
            customer (see :mod:`agents.ope.reward_model`).

    References:
        M. Dudik, J. Langford and L. Li, "Doubly robust policy evaluation and learning",
        ICML 2011, equation 1.
    """
    return Terms("dr", expected + weight * (reward - predicted), np.ones_like(weight))
