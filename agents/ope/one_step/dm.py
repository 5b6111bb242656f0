"""The direct method."""

from __future__ import annotations

import numpy as np

from agents.ope.estimator import Estimator, Need
from agents.ope.terms import Float64, Terms


def dm(expected: Float64) -> Terms:
    """Direct method: (1/n) sum_i sum_a pi(a | x_i) q(x_i, a).

    As biased as the reward model, and without an interval: the terms' spread is that of the
    contexts.

    Args:
        expected: float64 (n,), from :func:`~agents.ope.weights.expected_prediction`.

    References:
        M. Dudik, J. Langford and L. Li, "Doubly robust policy evaluation and learning",
        ICML 2011, section 3.
    """
    return Terms(expected, np.ones_like(expected), modelled=True)


ESTIMATOR = Estimator(
    title="Direct method",
    needs=frozenset({Need.REWARD_MODEL}),
    answer=lambda log: dm(log.expected),
)
