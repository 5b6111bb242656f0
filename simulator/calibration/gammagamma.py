"""Gamma-Gamma spend, to compare with the log-normal that the simulator draws.

Fader, Hardie & Lee, "RFM and CLV: Using Iso-Value Curves for Customer Base Analysis", Journal
of Marketing Research 42(4), 2005, appendix: a purchase is gamma(p, nu), nu over customers is
gamma(q, gamma). Written for the single purchases z of a customer, so that its likelihood can be
held against another model's of the same amounts:

    L = Gamma(p n + q) / (Gamma(q) Gamma(p)^n) gamma^q prod z^(p-1) / (gamma + sum z)^(p n + q)
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, gammaln

from simulator.calibration.maximum import Maximum, maximise, positive
from troth.errors import InvalidArgument

Float64 = NDArray[np.float64]

NAMES = ("p", "q", "gamma")


def fit(
    customer: NDArray[np.int64], amount: Float64
) -> tuple[dict[str, float], dict[str, float], Maximum]:
    """Maximum-likelihood (p, q, gamma), their standard errors, the maximum in log-parameters.

    Args:
        customer: int64 (m,), who bought.
        amount: float64 (m,), what was paid, major units, > 0.

    Raises:
        InvalidArgument: for an amount that is not above zero.
        FailedPrecondition: if the data do not identify the three parameters.
    """
    if not (amount > 0.0).all():
        raise InvalidArgument(f"{amount.min()} is not above zero", field="amount")
    _, at = np.unique(customer, return_inverse=True)
    n = np.bincount(at).astype(np.float64)
    total = np.bincount(at, weights=amount)
    logs = float(np.log(amount).sum())

    def log_likelihood(theta: Float64) -> tuple[float, Float64]:
        p, q, gamma = np.exp(theta)
        shape = p * n + q
        reach = np.log(gamma + total)
        value = (
            gammaln(shape).sum()
            - len(n) * gammaln(q)
            - n.sum() * gammaln(p)
            + len(n) * q * theta[2]
            + (p - 1.0) * logs
            - (shape * reach).sum()
        )
        gradient = np.array(
            (
                (n * (digamma(shape) - reach)).sum() - n.sum() * digamma(p) + logs,
                (digamma(shape) - reach).sum() + len(n) * (theta[2] - digamma(q)),
                len(n) * q / gamma - (shape / (gamma + total)).sum(),
            )
        )
        return float(value), gradient * np.exp(theta)

    mean = float(amount.mean())
    found = maximise(log_likelihood, [np.log((2.0, 3.0, 2.0 * mean / 2.0)).tolist()], field="spend")
    values, errors = positive(found.theta, found.standard_errors)
    return (
        dict(zip(NAMES, values.tolist(), strict=True)),
        dict(zip(NAMES, errors.tolist(), strict=True)),
        found,
    )
