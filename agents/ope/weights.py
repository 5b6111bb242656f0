"""Importance weights, and what a target makes of a reward model's predictions.

Notation, over n logged rows i and K actions:

    x_i, a_i, r_i   context, action served, reward; p_i in (0, 1] its logged propensity
    pi(a | x)       the target policy, float64 (n, K)
    w_i             pi(a_i | x_i) / p_i, the importance weight
    q(x, a)         a model of the expected reward, float64 (n, K)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.ope.terms import Float64
from troth.errors import InvalidArgument
from troth.policy import Distribution


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
