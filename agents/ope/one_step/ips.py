"""Inverse propensity scoring."""

from __future__ import annotations

import numpy as np

from agents.ope.estimator import Estimator, Need
from agents.ope.terms import Float64, Terms


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
    return Terms(weight * reward, np.ones_like(weight))


ESTIMATOR = Estimator(
    title="Inverse propensity (IPS)",
    needs=frozenset({Need.WEIGHTS}),
    answer=lambda log: ips(log.weight, log.reward),
)
