"""Pareto/NBD: buying at random, leaving at any moment, unseen.

Schmittlein, Morrison & Colombo, "Counting Your Customers: Who Are They and What Will They Do
Next?", Management Science 33(1), 1987. While alive a customer buys at Poisson rate lambda,
gamma(r, alpha) over customers; their lifetime is exponential at rate mu, gamma(s, beta) over
customers. Equation numbers are those of Fader & Hardie, "A Note on Deriving the Pareto/NBD
Model and Related Expressions", 2005. Times are in weeks.

The likelihood is integrated over the time of leaving rather than written with 2F1: that is
stable for any parameters, has an exact gradient, and admits a season. With M(t) the operational
time of :class:`simulator.calibration.season.Season`, a customer of x repeats, the last at t_x,
observed until T, has

    L = Gamma(r+x)/Gamma(r) alpha^r [ (beta/(beta+T))^s (alpha+M(T))^-(r+x)
        + int_tx^T s beta^s (beta+u)^-(s+1) (alpha+M(u))^-(r+x) du ]

which is equation 15 with mu and lambda integrated out, times the season's factors on the days of
their purchases, a constant.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from scipy.special import digamma, exprel, gammaln, logsumexp

from simulator.calibration.histories import DAYS_PER_WEEK, PurchaseHistories
from simulator.calibration.maximum import Maximum, maximise, positive
from simulator.calibration.season import Season
from simulator.calibration.whole_days import HALF_DAY, correction, less_waited
from simulator.scenarios.processes import ParetoFigures
from troth.errors import FailedPrecondition, InvalidArgument

Float64 = NDArray[np.float64]

NAMES = ("r", "alpha_weeks", "s", "beta_weeks")
STARTS = ((0.4, 8.0, 0.6, 10.0), (1.2, 8.0, 0.6, 40.0))
_VAGUE = 2.0
_PANELS = np.concatenate(((0.0,), 0.5 ** np.arange(7, -1, -1)))
"""Panel borders as shares of (t_x, T): finest after t_x, where the integrand is steepest."""
_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(6)


@dataclass(frozen=True, slots=True)
class Grid:
    """What the likelihood needs of each customer, apart from the parameters.

    Customers of the same history are one row, unless ``merge`` is off.

    Attributes:
        x: (n,) repeats; weight: (n,) how many customers share this row; first: (n,) their day.
        age: (n,) T; end: (n,) M(T); at: (n, Q) nodes u in (t_x, T); clock: (n, Q) M(u).
        log_width: (n, Q) logarithm of the nodes' weights, -inf where t_x = T.
    """

    x: Float64
    weight: Float64
    first: NDArray[np.int64]
    age: Float64
    end: Float64
    at: Float64
    clock: Float64
    log_width: Float64

    @classmethod
    def of(cls, data: PurchaseHistories, season: Season, *, merge: bool = True) -> Grid:
        """The grid of ``data`` on the clock of ``season``."""
        first = _first(data, season)
        rows = np.stack((data.frequency.astype(np.float64), data.recency, data.age, first))
        weight = np.ones(len(data))
        if merge:
            rows, counts = np.unique(rows, axis=1, return_counts=True)
            weight = counts.astype(np.float64)
        x, last, age = rows[:3]
        day = rows[3].astype(np.int64)
        shares, widths = [], []
        for low, high in pairwise(_PANELS):
            shares.append(low + (high - low) * (_NODES + 1.0) / 2.0)
            widths.append(_WEIGHTS * (high - low) / 2.0)
        span = (age - last)[:, None]
        at = last[:, None] + span * np.concatenate(shares)
        with np.errstate(divide="ignore"):
            log_width = np.log(span * np.concatenate(widths))
        return cls(
            x, weight, day, age, season.elapsed(day, age), at, season.elapsed(day, at), log_width
        )


def _first(data: PurchaseHistories, season: Season) -> NDArray[np.int64]:
    """The day of each first purchase; without a season it does not matter."""
    if season.is_flat:
        return np.zeros(len(data), dtype=np.int64)
    return data.joined


def _terms(theta: Float64, grid: Grid) -> tuple[Float64, Float64, Float64]:
    """Log-likelihood (n,), its gradient (4, n) in log-parameters, and P(alive) (n,)."""
    values, gradient, p_alive, _ = _parts(theta, grid)
    return values, gradient, p_alive


def seasonal_terms(theta: Float64, grid: Grid) -> tuple[Float64, Float64, Float64, Float64]:
    """Log-likelihood (n,), its gradient (4, n), and its slopes in ``grid.end`` and ``grid.clock``.

    The slopes (n,) and (n, Q) lead on to those in the season's factors.
    """
    values, gradient, p_alive, p_left = _parts(theta, grid)
    shape = np.exp(theta[0]) + grid.x
    alpha = np.exp(theta[1])
    by_end = -shape * p_alive / (alpha + grid.end)
    return values, gradient, by_end, -shape[:, None] * p_left / (alpha + grid.clock)


def _parts(theta: Float64, grid: Grid) -> tuple[Float64, Float64, Float64, Float64]:
    """Log-likelihood (n,), gradient (4, n), P(alive) (n,), P(left at each node) (n, Q)."""
    r, alpha, s, beta = np.exp(theta)
    x = grid.x
    log_alpha, log_beta = theta[1], theta[3]
    at_end, old = np.log(alpha + grid.end), np.log(beta + grid.age)
    clock, at = np.log(alpha + grid.clock), np.log(beta + grid.at)
    alive = s * (log_beta - old) - (r + x) * at_end
    inside = np.log(s) + s * log_beta - (s + 1.0) * at - (r + x)[:, None] * clock + grid.log_width
    # exp of the largest is 1: nothing overflows, and what underflows is nothing beside it.
    top = np.maximum(alive, inside.max(axis=1))
    p_alive = np.exp(alive - top)
    p_left = np.exp(inside - top[:, None])
    total = p_alive + p_left.sum(axis=1)
    p_alive = p_alive / total
    p_left = p_left / total[:, None]
    values = gammaln(r + x) - gammaln(r) + r * log_alpha + top + np.log(total)
    by_clock = (p_left / (alpha + grid.clock)).sum(axis=1) + p_alive / (alpha + grid.end)
    log_clock = (p_left * clock).sum(axis=1) + p_alive * at_end
    left = 1.0 - p_alive
    log_old = (p_left * at).sum(axis=1) + p_alive * old
    by_old = (s + 1.0) * (p_left / (beta + grid.at)).sum(axis=1) + s * p_alive / (beta + grid.age)
    gradient = np.stack(
        (
            r * (digamma(r + x) - digamma(r) + log_alpha - log_clock),
            r - alpha * (r + x) * by_clock,
            left + s * (log_beta - log_old),
            s - beta * by_old,
        )
    )
    return values, gradient, p_alive, p_left


def _theta(figures: ParetoFigures) -> Float64:
    return np.log([figures.r, figures.alpha_weeks, figures.s, figures.beta_weeks])


def log_likelihood(
    figures: ParetoFigures, data: PurchaseHistories, season: Season | None = None
) -> Float64:
    """Log-likelihood of each customer, float64 (n,), without the season's constant."""
    grid = Grid.of(data, season or Season.flat(), merge=False)
    return _terms(_theta(figures), grid)[0]


def scores(
    figures: ParetoFigures, data: PurchaseHistories, season: Season | None = None
) -> Float64:
    """Gradient of each customer's log-likelihood in log-parameters, float64 (4, n)."""
    return _terms(_theta(figures), Grid.of(data, season or Season.flat(), merge=False))[1]


def by_the_day(theta: Float64, grid: Grid) -> float:
    """Log-likelihood of figures that count days with a purchase, in log-parameters (4,)."""
    r, alpha, s, _ = np.exp(theta)
    x = grid.x
    end, clock = grid.end, np.maximum(grid.clock - HALF_DAY, 0.0)
    old, at = np.log1p(grid.age / np.exp(theta[3])), np.log(np.exp(theta[3]) + grid.at)
    alive = -s * old - (r + x) * np.log(alpha + end) + correction(r, alpha, x, end)
    inside = theta[2] + s * theta[3] - (s + 1.0) * at + grid.log_width
    inside += correction(r, alpha, x[:, None], clock) - (r + x)[:, None] * np.log(alpha + clock)
    mixed = logsumexp(np.concatenate((alive[:, None], inside), axis=1), axis=1)
    return float((gammaln(r + x) - gammaln(r) + r * theta[1] + mixed) @ grid.weight)


def continuous_gradient(theta: Float64, grid: Grid) -> Float64:
    """Gradient (4,) of the log-likelihood of rates in continuous time that are seen by the day.

    A day with at least one purchase at rate q has probability 1 - exp(-q) = q exp(-q/2) to the
    second order: x purchases take x/2 days off the time that was waited.
    """
    waited = replace(
        grid,
        end=less_waited(grid.x, grid.end),
        clock=less_waited((grid.x + 1.0)[:, None], grid.clock),
    )
    return np.asarray(_terms(theta, waited)[1] @ grid.weight)


def fit(
    data: PurchaseHistories,
    season: Season | None = None,
    *,
    starts: Sequence[Sequence[float]] = STARTS,
    fixed_s: float | None = None,
) -> tuple[ParetoFigures, dict[str, float], Maximum]:
    """Maximum-likelihood figures, their standard errors, and the maximum in log-parameters.

    Args:
        data: histories of n customers.
        season: multipliers of the daily rate, taken as known; none by default.
        starts: starting values of (r, alpha, s, beta), each > 0.
        fixed_s: hold s at this value, where the data show how fast customers leave, but not
            how differently; s then has no standard error.

    Raises:
        InvalidArgument: if nobody bought again.
        FailedPrecondition: if the data do not identify the parameters.
    """
    if not (data.frequency > 0).any():
        raise InvalidArgument("no customer bought again", field="frequency")
    grid = Grid.of(data, season or Season.flat())
    free = np.array([True, True, fixed_s is None, True])
    whole = np.log([1.0, 1.0, fixed_s or 1.0, 1.0])

    def total(theta: Float64) -> tuple[float, Float64]:
        full = whole.copy()
        full[free] = theta
        values, gradient, _ = _terms(full, grid)
        return float(values @ grid.weight), (gradient @ grid.weight)[free]

    found = maximise(
        total,
        [np.log(np.asarray(start, dtype=np.float64))[free].tolist() for start in starts],
        field="purchases",
    )
    values, errors = positive(found.theta, found.standard_errors)
    named = dict(zip(np.array(NAMES)[free].tolist(), values.tolist(), strict=True))
    figures = ParetoFigures(**{"s": fixed_s, **named} if fixed_s else named)
    names = np.array(NAMES)[free].tolist()
    return figures, dict(zip(names, errors.tolist(), strict=True)), found


def fit_or_fix(
    data: PurchaseHistories, season: Season | None = None
) -> tuple[ParetoFigures, dict[str, float], Maximum]:
    """As :func:`fit`; with s held at 1 where the data leave it open.

    That is, where the likelihood has no interior maximum, or its logarithm has a standard error
    above 2. That happens where few customers leave: how fast they leave on average is known,
    how much they differ in it is not. An s of 1 is an exponential spread of leaving rates.
    """
    try:
        found = fit(data, season)
    except FailedPrecondition:
        return fit(data, season, fixed_s=1.0)
    vague = found[1]["s"] > _VAGUE * found[0].s
    return fit(data, season, fixed_s=1.0) if vague else found


def probability_alive(
    figures: ParetoFigures, data: PurchaseHistories, season: Season | None = None
) -> Float64:
    """P(not left at T | history), float64 (n,) in (0, 1]: equation 30."""
    grid = Grid.of(data, season or Season.flat(), merge=False)
    return _terms(_theta(figures), grid)[2]


def expected_future(
    figures: ParetoFigures, data: PurchaseHistories, weeks: float, season: Season | None = None
) -> Float64:
    """Expected purchases in the next ``weeks`` given the history, float64 (n,): equation 41.

    With a season, the sum over the days to come of their factor times the probability to be
    still there: whole days only.

    Args:
        figures: the process.
        data: histories of n customers.
        weeks: how far to look, >= 0.
        season: as in the fit.

    Raises:
        InvalidArgument: if the span is negative.
    """
    if not weeks >= 0.0:
        raise InvalidArgument(f"{weeks} is not a span of 0 weeks or more", field="weeks")
    season = season or Season.flat()
    first = _first(data, season)
    rate = (figures.r + data.frequency) / (figures.alpha_weeks + season.elapsed(first, data.age))
    stay = _weeks_to_come(figures, first, data.age, np.full(len(data), weeks), season)
    return np.asarray(probability_alive(figures, data, season) * rate * stay)


def expected_purchases(
    figures: ParetoFigures,
    weeks: Float64,
    season: Season | None = None,
    first: NDArray[np.int64] | None = None,
) -> Float64:
    """Expected repeat purchases in the first ``weeks`` (n,) of new customers: equation 18.

    Args:
        figures: the process.
        weeks: >= 0, float64 (n,).
        season: multipliers of the rate; needs ``first``.
        first: day of each first purchase since 1970-01-01, int64 (n,).

    Raises:
        FailedPrecondition: for a season without ``first``.
    """
    season = season or Season.flat()
    if first is None:
        if not season.is_flat:
            raise FailedPrecondition("a season needs the days of first purchases", field="first")
        first = np.zeros(len(weeks), dtype=np.int64)
    # Customers who came on one day and are watched as long share their expectation.
    rows, at = np.unique(np.stack((first, weeks)), axis=1, return_inverse=True)
    stay = _weeks_to_come(
        figures, rows[0].astype(np.int64), np.zeros(rows.shape[1]), rows[1], season
    )
    return np.asarray(figures.r / figures.alpha_weeks * stay[at.ravel()])


def share_without_repeat(
    figures: ParetoFigures, data: PurchaseHistories, season: Season | None = None
) -> Float64:
    """P(no repeat purchase by T), float64 (n,): the likelihood at x = 0."""
    n = len(data)
    none = PurchaseHistories(np.zeros(n, dtype=np.int64), np.zeros(n), data.age, data.first)
    return np.exp(log_likelihood(figures, none, season))


def _span(figures: ParetoFigures, age: Float64, weeks: Float64) -> Float64:
    """Integral over 0..weeks of ((beta + T) / (beta + T + u))^s du, smooth through s = 1."""
    start = figures.beta_weeks + age
    log_growth = np.log1p(weeks / start)
    return np.asarray(start * log_growth * exprel((1.0 - figures.s) * log_growth))


def _weeks_to_come(
    figures: ParetoFigures, first: NDArray[np.int64], age: Float64, weeks: Float64, season: Season
) -> Float64:
    """Expected operational weeks lived in the next ``weeks`` (n,) by who is alive at T, (n,)."""
    if season.is_flat:
        return _span(figures, age, weeks)
    end = first + np.rint(age * DAYS_PER_WEEK).astype(np.int64)
    days = np.rint(weeks * DAYS_PER_WEEK)
    total, before = np.zeros(len(age)), np.zeros(len(age))
    for ahead in range(1, int(days.max(initial=0.0)) + 1):
        until = _span(figures, age, np.full(len(age), ahead / DAYS_PER_WEEK))
        factor = season.daily(end + ahead, end + ahead - first)
        total += np.where(ahead <= days, factor * (until - before), 0.0)
        before = until
    return total
