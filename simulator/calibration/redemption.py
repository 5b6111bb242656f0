"""How many redeem a mailed offer, and how long they take.

Shares are binomial. The delay is log-normal, from whole days: a redemption on day d after the
mailing fell in (d, d + 1], so that a same-day redemption counts and nothing is rounded away.
Where the offer expires, only those who redeem before it are seen, and the likelihood is that of
a delay known to be shorter than the offer's life (truncation). What was still open when the
data end may yet be redeemed (censoring); such mailings count as not redeemed in the share.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_ndtr
from scipy.stats import norm

from simulator.calibration.maximum import maximise
from troth.errors import FailedPrecondition

Float64 = NDArray[np.float64]

MIN_REDEMPTIONS = 20


@dataclass(frozen=True, slots=True)
class Delay:
    """Log-normal days from mailing to redemption.

    Attributes:
        median_days: its median.
        sigma: SD of its logarithm.
        errors: standard errors of the two, by name.
        rows: redemptions.
        log_likelihood: at the estimate.
    """

    median_days: float
    sigma: float
    errors: dict[str, float]
    rows: int
    log_likelihood: float


def fit_delay(days: NDArray[np.int64], life: Float64 | None = None) -> Delay:
    """Maximum-likelihood delay.

    Args:
        days: whole days from mailing to redemption, >= 0, int64 (m,).
        life: days from mailing to expiry, inclusive, float64 (m,), infinite where there is
            none; ``None`` for no expiry at all.

    Raises:
        FailedPrecondition: for fewer than 20 redemptions, or if they do not identify both
            parameters, as when all come on the same day.
    """
    if len(days) < MIN_REDEMPTIONS:
        raise FailedPrecondition(
            f"{len(days)} redemptions, needs {MIN_REDEMPTIONS} or more", field="delays.redeem"
        )
    limit = np.full(len(days), np.inf) if life is None else np.maximum(life, days)
    rows, weight = np.unique(np.stack((days, limit)), axis=1, return_counts=True)
    with np.errstate(divide="ignore"):
        low, high, end = np.log(rows[0]), np.log(rows[0] + 1.0), np.log(rows[1] + 1.0)

    def log_likelihood(theta: Float64) -> tuple[float, Float64]:
        sigma = np.exp(theta[1])
        a, b, c = ((edge - theta[0]) / sigma for edge in (low, high, end))
        with np.errstate(invalid="ignore", divide="ignore", over="ignore"):
            # ln(Phi(b) - Phi(a)), from the tail in which both lie.
            turned = a > 0.0
            upper, lower = np.where(turned, -a, b), np.where(turned, -b, a)
            ahead, behind = log_ndtr(upper), log_ndtr(lower)
            mass = ahead + np.log1p(-np.exp(behind - ahead))
            seen = log_ndtr(c)
            at_a, at_b, at_c = (norm.pdf(z) for z in (a, b, c))
            inside, until = np.exp(mass), np.exp(seen)
            za, zc = (np.where(np.isfinite(z), z, 0.0) for z in (a, c))
            by_mu = -(at_b - at_a) / inside + at_c / until
            by_log_sigma = -(at_b * b - at_a * za) / inside + at_c * zc / until
        value = float((weight * (mass - seen)).sum())
        slope = np.array(((weight * by_mu).sum() / sigma, (weight * by_log_sigma).sum()))
        return value, slope

    logs = np.log(days + 0.5)
    found = maximise(
        log_likelihood,
        [[float(logs.mean()), float(np.log(logs.std() + 0.05))]],
        field="delays.redeem",
    )
    median, sigma = float(np.exp(found.theta[0])), float(np.exp(found.theta[1]))
    errors = found.standard_errors * np.array((median, sigma))
    return Delay(
        median_days=median,
        sigma=sigma,
        errors=dict(zip(("median_days", "sigma"), errors.tolist(), strict=True)),
        rows=len(days),
        log_likelihood=found.log_likelihood,
    )
