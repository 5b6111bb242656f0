"""Maximum likelihood: several starts, Newton to the last digit, observed information."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from math import sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize

from troth.errors import FailedPrecondition

Float64 = NDArray[np.float64]
LogLikelihood = Callable[[Float64], tuple[float, Float64]]
"""theta (p,) -> log-likelihood and its gradient (p,)."""

_NEWTON_STEPS = 20
_STEP = 1e-5
_TOLERANCE = 1e-14


@dataclass(frozen=True, slots=True)
class Maximum:
    """Where a log-likelihood is largest.

    Attributes:
        theta: float64 (p,).
        covariance: float64 (p, p), inverse of the observed information at ``theta``.
        log_likelihood: its value there.
    """

    theta: Float64
    covariance: Float64
    log_likelihood: float

    @property
    def standard_errors(self) -> Float64:
        """float64 (p,), of ``theta``."""
        return np.sqrt(np.diag(self.covariance))


def maximise(
    log_likelihood: LogLikelihood, starts: Sequence[Sequence[float]], *, field: str
) -> Maximum:
    """Maximise a smooth log-likelihood of unbounded parameters.

    BFGS from each start, then Newton steps from the best end until half the squared Newton
    decrement, the likelihood still to be gained, is below 1e-14 of the likelihood: the
    optimum is then reproducible far beyond the digits that are written down.

    Args:
        log_likelihood: value and gradient.
        starts: starting points, each (p,).
        field: what is fitted, for the error.

    Raises:
        FailedPrecondition: if the likelihood has no interior maximum that can be found, as
            when a parameter runs off to its bound because the data do not identify it.
    """

    def cost(theta: Float64) -> tuple[float, Float64]:
        value, gradient = log_likelihood(theta)
        return -value, -gradient

    ends: list[Float64] = []
    for start in starts:
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            found = minimize(cost, np.asarray(start, dtype=np.float64), jac=True, method="BFGS")
        if np.isfinite(found.fun):
            ends.append(np.asarray(found.x, dtype=np.float64))
    if not ends:
        raise FailedPrecondition("the likelihood is not finite at any start", field=field)
    best = max(ends, key=lambda theta: log_likelihood(theta)[0])
    return _polish(log_likelihood, best, field)


def _polish(log_likelihood: LogLikelihood, theta: Float64, field: str) -> Maximum:
    unidentified = FailedPrecondition(
        "the data do not identify every parameter: the likelihood has no interior maximum",
        field=field,
    )
    for _ in range(_NEWTON_STEPS):
        value, gradient = log_likelihood(theta)
        information = _information(log_likelihood, theta)
        if not np.isfinite(information).all():
            raise unidentified
        eigenvalues = np.linalg.eigvalsh(information)
        # A flat direction is a parameter on its way to zero or infinity, not a maximum.
        if eigenvalues[0] <= 1e-10 * eigenvalues[-1]:
            raise unidentified
        covariance = np.linalg.inv(information).astype(np.float64)
        step = covariance @ gradient
        if 0.5 * float(gradient @ step) <= _TOLERANCE * max(1.0, abs(value)):
            return Maximum(theta, covariance, value)
        theta = _forward(log_likelihood, theta, step, value)
    raise unidentified


def _forward(log_likelihood: LogLikelihood, theta: Float64, step: Float64, value: float) -> Float64:
    """The Newton step, halved until the likelihood does not fall (beyond rounding)."""
    slack = 1e-12 * max(1.0, abs(value))
    for _ in range(30):
        if log_likelihood(theta + step)[0] >= value - slack:
            return theta + step
        step = step / 2.0
    return theta


def _information(log_likelihood: LogLikelihood, theta: Float64) -> Float64:
    """Negative Hessian (p, p): central differences of the gradient, then made symmetric."""
    p = len(theta)
    rows = np.empty((p, p))
    for at in range(p):
        shift = np.zeros(p)
        shift[at] = _STEP * max(1.0, abs(theta[at]))
        high, low = log_likelihood(theta + shift)[1], log_likelihood(theta - shift)[1]
        rows[at] = (low - high) / (2.0 * shift[at])
    return (rows + rows.T) / 2.0


def positive(theta: Float64, errors: Float64) -> tuple[Float64, Float64]:
    """Values and delta-method standard errors of ``exp(theta)``."""
    values = np.exp(theta)
    return values, values * errors


def share_error(successes: int, trials: int) -> float:
    """Binomial standard error of the share ``successes / trials``."""
    share = successes / trials
    return sqrt(share * (1.0 - share) / trials)
