"""Self-normalised inverse propensity scoring."""

from __future__ import annotations

from agents.ope.estimator import Estimator, Need
from agents.ope.terms import Float64, Terms


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
    return Terms(weight * reward, weight)


ESTIMATOR = Estimator(
    title="Self-normalised IPS",
    needs=frozenset({Need.WEIGHTS}),
    answer=lambda log: snips(log.weight, log.reward),
)
