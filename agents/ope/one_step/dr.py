"""The doubly robust estimator."""

from __future__ import annotations

import numpy as np

from agents.ope.estimator import Estimator, Need
from agents.ope.terms import Float64, Terms


def dr(weight: Float64, reward: Float64, expected: Float64, predicted: Float64) -> Terms:
    """Doubly robust: (1/n) sum_i [sum_a pi(a | x_i) q(x_i, a) + w_i (r_i - q(x_i, a_i))].

    Unbiased if either the propensities are right or the reward model is; with both near,
    its variance is that of the residuals.

    Args:
        weight: float64 (n,), w.
        reward: float64 (n,), r.
        expected: float64 (n,), from :func:`~agents.ope.weights.expected_prediction`.
        predicted: float64 (n,), q(x_i, a_i); the model must not have been fitted on row i's
            customer (see :mod:`agents.ope.reward_model`).

    References:
        M. Dudik, J. Langford and L. Li, "Doubly robust policy evaluation and learning",
        ICML 2011, equation 1.
    """
    return Terms(expected + weight * (reward - predicted), np.ones_like(weight))


ESTIMATOR = Estimator(
    title="Doubly robust",
    needs=frozenset({Need.WEIGHTS, Need.REWARD_MODEL}),
    answer=lambda log: dr(log.weight, log.reward, log.expected, log.predicted),
)
