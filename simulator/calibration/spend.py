"""Log-normal spend of a purchase, with variance between and within customers.

The model is the one-way random-effects model on ln spend: y_ij = mu + u_i + e_ij, u_i ~
N(0, sigma_between^2), e_ij ~ N(0, sigma_within^2). It is fitted by maximum likelihood
(Searle, Casella & McCulloch, "Variance Components", 1992, section 3.7) and not by ANOVA
moments: customers' numbers of purchases run from one to over a hundred, and with such
imbalance ANOVA weights are inefficient, while the likelihood has a closed form per customer.
Its bias is of the order of one over the number of customers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.maximum import Maximum, maximise
from simulator.scenarios.processes import SpendFigures
from troth.errors import FailedPrecondition, InvalidArgument

Float64 = NDArray[np.float64]

NAMES = ("mu", "sigma_between", "sigma_within")
ALIKE = 0.01
"""The ``sigma_between`` of customers who spend alike."""
_FLOOR = 1e-3


@dataclass(frozen=True, slots=True)
class _Groups:
    """Sufficient statistics per customer: count, mean of ln spend, sum of squares about it."""

    count: Float64
    mean: Float64
    squares: Float64


def fit(
    customer: NDArray[np.int64], amount: Float64
) -> tuple[SpendFigures, dict[str, float], Maximum]:
    """Maximum-likelihood figures, their standard errors, and the maximum in (mu, ln sigmas).

    Args:
        customer: int64 (m,), who bought.
        amount: float64 (m,), what was paid, major units, > 0.

    Raises:
        InvalidArgument: for an amount that is not above zero, or if no customer bought twice.
        FailedPrecondition: if a variance is estimated at zero.
    """
    bad = ~(amount > 0.0)
    if bad.any():
        at = int(bad.argmax())
        raise InvalidArgument(f"{amount[at]} is not above zero", field=f"amount[{at}]")
    groups = _groups(customer, np.log(amount))
    if len(groups.count) < 2 or not (groups.count > 1).any():
        raise InvalidArgument(
            "needs two customers or more, one of whom bought twice", field="customer"
        )
    found = maximise(lambda theta: _log_likelihood(theta, groups), [_start(groups)], field="spend")
    mu, log_between, log_within = found.theta.tolist()
    between, within = float(np.exp(log_between)), float(np.exp(log_within))
    errors = found.standard_errors * np.array((1.0, between, within))
    figures = SpendFigures(mu=mu, sigma_between=between, sigma_within=within)
    return figures, dict(zip(NAMES, errors.tolist(), strict=True)), found


def fit_alike(
    customer: NDArray[np.int64], amount: Float64
) -> tuple[SpendFigures, dict[str, float]]:
    """Figures for customers who differ no more than purchases of one do, and their errors.

    The log-normal of all purchases, its mean that of ``amount`` as in :func:`sold`;
    ``sigma_between`` is held at :data:`ALIKE` and has no error.

    Raises:
        FailedPrecondition: if the amounts do not differ.
    """
    y = np.log(amount)
    n, within = len(y), float(y.std(ddof=1)) if len(y) > 1 else 0.0
    if within < _FLOOR:
        raise FailedPrecondition(f"the {n} amounts do not differ", field="spend")
    figures = SpendFigures(mu=float(y.mean()), sigma_between=ALIKE, sigma_within=within)
    _, at = np.unique(customer, return_inverse=True)
    squares = np.bincount(at, weights=(y - y.mean()) ** 2 - within**2)
    closed, error = _closed(figures, at, amount, squares / (2.0 * n))
    return closed, {"mu": error, "sigma_within": within / float(np.sqrt(2 * n))}


def sold(
    figures: SpendFigures, found: Maximum, customer: NDArray[np.int64], amount: Float64
) -> tuple[SpendFigures, float]:
    """``figures`` with the mu at which the mean basket is that of ``amount``, and its error.

    Maximum likelihood leans towards the mean of ln spend over customers, and real baskets are
    not quite log-normal. The world draws baskets that know nothing of frequency; it sells what
    was sold only if the mean of *its* purchases is the mean of those in the data:

        mu = ln(mean amount) - (sigma_between^2 + sigma_within^2) / 2

    the moment that closes, given the variances. Its error is the delta method's, from each
    customer's influence on the mean (a ratio over customers) and on both variances (the score).

    Args:
        figures: of :func:`fit`.
        found: of the same fit.
        customer: int64 (m,), who bought.
        amount: float64 (m,), what was paid, major units, > 0.
    """
    groups = _groups(customer, np.log(amount))
    _, at = np.unique(customer, return_inverse=True)
    pulls = found.covariance @ _scores(found.theta, groups)[1]
    by_variance = figures.sigma_between**2 * pulls[1] + figures.sigma_within**2 * pulls[2]
    return _closed(figures, at, amount, by_variance)


def _closed(
    figures: SpendFigures, at: NDArray[np.int64], amount: Float64, by_variance: Float64
) -> tuple[SpendFigures, float]:
    """As :func:`sold`, from each customer's influence on half the variance of ln spend (n,)."""
    mean = float(amount.mean())
    by_mean = np.bincount(at, weights=amount - mean) / amount.sum()
    mu = float(np.log(mean)) - _variance(figures) / 2.0
    error = float(np.sqrt(((by_mean - by_variance) ** 2).sum()))
    return figures.model_copy(update={"mu": mu}), error


def over_purchases(
    figures: SpendFigures, customer: NDArray[np.int64], amount: Float64
) -> tuple[SpendFigures, float]:
    """``figures`` with mu the mean of ln spend over purchases, and the standard error of that mu.

    Maximum likelihood leans towards the mean over customers. Where frequent customers spend more
    at a time, as at CDNOW, a world whose baskets know nothing of frequency sells what was sold
    only if each purchase counts alike. The error is that of a ratio over customers.

    Args:
        figures: of :func:`fit`.
        customer: int64 (m,), who bought.
        amount: float64 (m,), what was paid, major units, > 0.
    """
    y = np.log(amount)
    mu = float(y.mean())
    _, at = np.unique(customer, return_inverse=True)
    off = np.bincount(at, weights=y - mu)
    return figures.model_copy(update={"mu": mu}), float(np.sqrt((off**2).sum())) / len(y)


def mean_spend(figures: SpendFigures) -> float:
    """Mean spend of a purchase of a customer drawn at random, major units."""
    return float(np.exp(figures.mu + _variance(figures) / 2.0))


def quantile_spend(figures: SpendFigures, deviate: float) -> float:
    """Spend at a standard normal deviate: 0 is the median, 1.2816 the 90th percentile."""
    return float(np.exp(figures.mu + deviate * np.sqrt(_variance(figures))))


def _variance(figures: SpendFigures) -> float:
    return figures.sigma_between**2 + figures.sigma_within**2


def _groups(customer: NDArray[np.int64], y: Float64) -> _Groups:
    _, at, count = np.unique(customer, return_inverse=True, return_counts=True)
    mean = np.bincount(at, weights=y) / count
    squares = np.bincount(at, weights=(y - mean[at]) ** 2).astype(np.float64)
    return _Groups(count.astype(np.float64), mean, squares)


def _start(groups: _Groups) -> tuple[float, float, float]:
    """ANOVA-like moments: pooled within variance, and what the customers' means have over it."""
    within = groups.squares.sum() / (groups.count - 1.0).sum()
    between = groups.mean.var() - within * (1.0 / groups.count).mean()
    return (
        float(groups.mean.mean()),
        float(np.log(max(between, _FLOOR)) / 2.0),
        float(np.log(max(within, _FLOOR)) / 2.0),
    )


def _log_likelihood(theta: Float64, groups: _Groups) -> tuple[float, Float64]:
    """Log-likelihood of ln spend and its gradient in (mu, ln sigma_between, ln sigma_within)."""
    values, scores = _scores(theta, groups)
    return float(values.sum()), scores.sum(axis=1)


def _scores(theta: Float64, groups: _Groups) -> tuple[Float64, Float64]:
    """Each customer's log-likelihood (n,) and its gradient (3, n), as :func:`_log_likelihood`.

    A customer's n values have covariance W I + B 11', whose determinant is W^(n-1) V with
    V = W + n B, and whose quadratic form is squares / W + n (mean - mu)^2 / V.
    """
    mu = theta[0]
    b, w = np.exp(2.0 * theta[1]), np.exp(2.0 * theta[2])
    n, off = groups.count, groups.mean - mu
    v = w + n * b
    values = -0.5 * (
        n * np.log(2.0 * np.pi)
        + (n - 1.0) * np.log(w)
        + np.log(v)
        + groups.squares / w
        + n * off**2 / v
    )
    by_v = -0.5 * (1.0 / v - n * off**2 / v**2)
    scores = np.stack(
        (
            n * off / v,
            by_v * 2.0 * n * b,
            by_v * 2.0 * w - (n - 1.0) + groups.squares / w,
        )
    )
    return values, scores
