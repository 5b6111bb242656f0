"""BG/NBD: buying at random, leaving after a purchase.

Fader, Hardie & Lee, '"Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model', Marketing Science 24(2), 2005. A customer buys at Poisson rate lambda,
gamma(r, alpha) over customers, and after each repeat purchase leaves with probability p,
beta(a, b) over customers. Equation numbers below are the paper's. Times are in weeks.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.special import digamma, gammaln, hyp2f1

from simulator.calibration.histories import PurchaseHistories
from simulator.calibration.maximum import Maximum, maximise, positive
from simulator.calibration.whole_days import correction, less_waited
from simulator.scenarios.processes import PurchaseFigures
from troth.errors import InvalidArgument

Float64 = NDArray[np.float64]

NAMES = ("r", "alpha_weeks", "a", "b")
_STARTS = tuple(product((0.3, 1.5), (3.0, 15.0), (0.5,), (1.0, 4.0)))
_NEAR_ONE, _ASIDE = 1e-4, 2e-4


def log_likelihood(figures: PurchaseFigures, data: PurchaseHistories) -> Float64:
    """Log-likelihood of each customer, float64 (n,): equation 6, in the form of appendix note 2.

    ln L = A1 + A2 + ln(exp(A3) + [x > 0] exp(A4)), summed without leaving logarithms.
    """
    return _terms(_theta(figures), data)[0]


def scores(figures: PurchaseFigures, data: PurchaseHistories) -> Float64:
    """Gradient of each customer's log-likelihood in log-parameters, float64 (4, n)."""
    return _terms(_theta(figures), data)[1]


def by_the_day(theta: Float64, data: PurchaseHistories) -> float:
    """Log-likelihood of figures that count days with a purchase, in log-parameters (4,)."""
    r, alpha = np.exp(theta[:2])
    x = data.frequency.astype(np.float64)
    at_end, at_last = (correction(r, alpha, x, weeks) for weeks in (data.age, data.recency))
    return float(_terms(theta, data, at_end, at_last)[0].sum())


def continuous_gradient(theta: Float64, data: PurchaseHistories) -> Float64:
    """Gradient (4,) of the log-likelihood of rates in continuous time that are seen by the day.

    A day with at least one purchase at rate q has probability 1 - exp(-q) = q exp(-q/2) to the
    second order: x purchases take x/2 days off the time that was waited.
    """
    recency, age = (less_waited(data.frequency, weeks) for weeks in (data.recency, data.age))
    waited = PurchaseHistories(data.frequency, recency, age)
    return np.asarray(_terms(theta, waited)[1].sum(axis=1))


def _theta(figures: PurchaseFigures) -> Float64:
    return np.log([figures.r, figures.alpha_weeks, figures.a, figures.b])


def _terms(
    theta: Float64, data: PurchaseHistories, more_end: ArrayLike = 0.0, more_last: ArrayLike = 0.0
) -> tuple[Float64, Float64]:
    """Log-likelihood (n,) and its gradient (4, n) in the logarithms of (r, alpha, a, b).

    ``more_end`` and ``more_last`` are added to the logarithms of both ways to end: still there,
    and gone after the last purchase; the gradient takes them for constants.
    """
    r, alpha, a, b = np.exp(theta)
    x = data.frequency.astype(np.float64)
    repeat = data.frequency > 0
    at_end, at_last = np.log(alpha + data.age), np.log(alpha + data.recency)
    a1 = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    a2 = gammaln(a + b) + gammaln(b + x) - gammaln(b) - gammaln(a + b + x)
    a3 = -(r + x) * at_end + more_end
    # Where x = 0 nobody can have left: the second term is 0, its logarithm -inf.
    last_gap = np.where(repeat, b + x - 1.0, 1.0)
    a4 = np.where(repeat, np.log(a) - np.log(last_gap) - (r + x) * at_last + more_last, -np.inf)
    mixed = np.logaddexp(a3, a4)
    alive, left = np.exp(a3 - mixed), np.exp(a4 - mixed)
    gradient = np.stack(
        (
            r * (digamma(r + x) - digamma(r) + np.log(alpha) - alive * at_end - left * at_last),
            r - alpha * (r + x) * (alive / (alpha + data.age) + left / (alpha + data.recency)),
            a * (digamma(a + b) - digamma(a + b + x)) + left,
            b
            * (digamma(a + b) + digamma(b + x) - digamma(b) - digamma(a + b + x) - left / last_gap),
        )
    )
    return a1 + a2 + mixed, gradient


def fit(
    data: PurchaseHistories, *, starts: Sequence[Sequence[float]] = _STARTS
) -> tuple[PurchaseFigures, dict[str, float], Maximum]:
    """Maximum-likelihood figures, their standard errors, and the maximum in log-parameters.

    Args:
        data: histories of n customers.
        starts: starting values of (r, alpha, a, b), each > 0.

    Raises:
        InvalidArgument: if nobody bought again.
        FailedPrecondition: if the data do not identify the four parameters.
    """
    if not (data.frequency > 0).any():
        raise InvalidArgument("no customer bought again", field="frequency")

    def total(theta: Float64) -> tuple[float, Float64]:
        values, gradient = _terms(theta, data)
        return float(values.sum()), gradient.sum(axis=1)

    found = maximise(
        total, [np.log(np.asarray(start)).tolist() for start in starts], field="purchases"
    )
    values, errors = positive(found.theta, found.standard_errors)
    figures = PurchaseFigures(**dict(zip(NAMES, values.tolist(), strict=True)))
    return figures, dict(zip(NAMES, errors.tolist(), strict=True)), found


def probability_alive(figures: PurchaseFigures, data: PurchaseHistories) -> Float64:
    """P(not left | history), float64 (n,) in (0, 1]; 1 for who never bought again."""
    return 1.0 / (1.0 + _odds_left(figures, data))


def expected_future(figures: PurchaseFigures, data: PurchaseHistories, weeks: ArrayLike) -> Float64:
    """Expected purchases in the next ``weeks`` given the history, float64 (n,): equation 10.

    Args:
        figures: the process.
        data: histories of n customers.
        weeks: how far to look, >= 0; one span or (n,).

    Raises:
        InvalidArgument: if a span is negative.
    """
    span = np.asarray(weeks, dtype=np.float64)
    if not (span >= 0.0).all():
        raise InvalidArgument(f"{span.min()} is not a span of 0 weeks or more", field="weeks")
    if abs(figures.a - 1.0) < _NEAR_ONE:
        # The formula is 0/0 at a = 1 and smooth around it: the mean of both sides is exact
        # to the square of the distance.
        sides = (figures.model_copy(update={"a": 1.0 + s * _ASIDE}) for s in (-1.0, 1.0))
        below, above = (expected_future(side, data, span) for side in sides)
        return (below + above) / 2.0
    x = data.frequency.astype(np.float64)
    r, alpha, a, b = figures.r, figures.alpha_weeks, figures.a, figures.b
    start, end = alpha + data.age, alpha + data.age + span
    survival = (start / end) ** (r + x) * hyp2f1(r + x, b + x, a + b + x - 1.0, span / end)
    unconditional = (a + b + x - 1.0) / (a - 1.0) * (1.0 - survival)
    return np.asarray(unconditional * probability_alive(figures, data), dtype=np.float64)


def expected_purchases(figures: PurchaseFigures, weeks: ArrayLike) -> Float64:
    """Expected repeat purchases in the first ``weeks`` (n,) of a new customer: equation 9."""
    span = np.atleast_1d(np.asarray(weeks, dtype=np.float64))
    new = PurchaseHistories(np.zeros(len(span), np.int64), np.zeros(len(span)), np.zeros(len(span)))
    return expected_future(figures, new, span)


def share_without_repeat(figures: PurchaseFigures, weeks: ArrayLike) -> Float64:
    """P(no repeat purchase in the first ``weeks``), (n,): equation 8 at x = 0."""
    span = np.asarray(weeks, dtype=np.float64)
    return np.asarray((figures.alpha_weeks / (figures.alpha_weeks + span)) ** figures.r)


def _odds_left(figures: PurchaseFigures, data: PurchaseHistories) -> Float64:
    """Odds of having left after the last purchase, float64 (n,)."""
    x = data.frequency.astype(np.float64)
    repeat = data.frequency > 0
    gap = np.where(repeat, figures.b + x - 1.0, 1.0)
    silence = np.log(figures.alpha_weeks + data.age) - np.log(figures.alpha_weeks + data.recency)
    odds = figures.a / gap * np.exp((figures.r + x) * silence)
    return np.where(repeat, odds, 0.0)
