"""The purchase process behind its figures: BG/NBD or Pareto/NBD, with or without a season."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from scipy.special import betainc

from simulator.calibration import bgnbd, paretonbd
from simulator.calibration.histories import DAYS_PER_WEEK, PurchaseHistories
from simulator.calibration.maximum import Maximum
from simulator.calibration.season import Season, operational
from simulator.scenarios.processes import ParetoFigures, PurchaseFigures
from troth.errors import FailedPrecondition

Float64 = NDArray[np.float64]
Process = Literal["bg_nbd", "pareto_nbd"]
PROCESSES: tuple[Process, ...] = ("bg_nbd", "pareto_nbd")

_SHIFT = 1e-4
_GOLDEN = 0.6180339887498949

METHODS: dict[Process, str] = {
    "bg_nbd": "BG/NBD, maximum likelihood (Fader, Hardie & Lee 2005, eq. 6)",
    "pareto_nbd": "Pareto/NBD, maximum likelihood (Schmittlein, Morrison & Colombo 1987)",
}


@dataclass(frozen=True, slots=True)
class ProcessFit:
    """One process fitted.

    Attributes:
        figures: its values.
        errors: their standard errors; none for an s that had to be held at 1.
        found: the maximum, in log-parameters.
    """

    figures: PurchaseFigures | ParetoFigures
    errors: dict[str, float]
    found: Maximum

    @property
    def aic(self) -> float:
        """Akaike's criterion: twice (parameters - log-likelihood), less is better."""
        return 2.0 * (len(self.found.theta) - self.found.log_likelihood)


def fit_process(
    process: Process, data: PurchaseHistories, season: Season | None = None
) -> ProcessFit:
    """Fit one process in the operational time of ``season``.

    BG/NBD customers leave at purchases, so that its whole likelihood runs on the season's
    clock; Pareto/NBD customers buy by that clock and leave by the calendar's.

    Raises:
        InvalidArgument: if nobody bought again.
        FailedPrecondition: if the data do not identify the parameters.
    """
    season = season or Season.flat()
    if process == "bg_nbd":
        return ProcessFit(*bgnbd.fit(operational(data, season)))
    return ProcessFit(*paretonbd.fit_or_fix(data, season))


def fit_better(
    data: PurchaseHistories, season: Season | None = None
) -> tuple[ProcessFit, dict[Process, float | None]]:
    """The process of smaller AIC, and the AIC of each (``None``: it has no interior maximum).

    Raises:
        InvalidArgument: if nobody bought again.
        FailedPrecondition: if neither process is identified.
    """
    fits: dict[Process, ProcessFit] = {}
    for process in PROCESSES:
        try:
            fits[process] = fit_process(process, data, season)
        except FailedPrecondition:
            continue
    if not fits:
        raise FailedPrecondition(
            f"{int((data.frequency > 0).sum())} of {len(data)} customers bought again: too few, "
            "too alike or watched too briefly to tell rates from drop-out under either process",
            field="purchases",
        )
    best = min(fits.values(), key=lambda fit: fit.aic)
    return best, {p: fits[p].aic if p in fits else None for p in PROCESSES}


def pulls(fit: ProcessFit, data: PurchaseHistories, season: Season | None = None) -> Float64:
    """How far each of some customers moves the fit, float64 (n,): squared, in standard errors.

    The score test's statistic of one customer, s' C s with the score s and the covariance C:
    to the first order the distance from the fit without that customer.

    Args:
        fit: on all customers.
        data: of those who are asked about.
        season: as in the fit.
    """
    each = scores(fit, data, season)
    return np.asarray(np.einsum("pn,pq,qn->n", each, fit.found.covariance, each))


def rarities(fit: ProcessFit, data: PurchaseHistories, season: Season | None = None) -> Float64:
    """How rare it is to buy as often as each customer did, float64 (n,), > 0, at most 708.

    Less the logarithm of P(as many repeats or more) of one who never leaves, which is negative
    binomial (Schmittlein, Morrison & Colombo 1987, eq. 3): who may leave is rarer still. Those
    who bought as often are spread evenly up to one purchase more, so that the values have no
    steps where counts have.

    Args:
        fit: whose r and alpha count.
        data: histories of n customers.
        season: as in the fit.
    """
    waited = operational(data, season or Season.flat()).age
    share = waited / (waited + fit.figures.alpha_weeks)
    spread = (np.arange(1, len(data) + 1) * _GOLDEN) % 1.0
    often = betainc(data.frequency + spread, fit.figures.r, share)
    return np.asarray(-np.log(np.maximum(often, np.finfo(np.float64).tiny)))


def scores(fit: ProcessFit, data: PurchaseHistories, season: Season | None = None) -> Float64:
    """Gradients of customers' log-likelihoods in the log-parameters estimated, (p, n)."""
    season = season or Season.flat()
    if isinstance(fit.figures, ParetoFigures):
        return paretonbd.scores(fit.figures, data, season)[_free(fit)]
    return bgnbd.scores(fit.figures, operational(data, season))[_free(fit)]


@dataclass(frozen=True, slots=True)
class Rounding:
    """What dates in whole days do to each parameter estimated, in its logarithm.

    Each is one Newton step from the fit, which takes time for continuous.

    Attributes:
        days: to the maximum for figures that count days with a purchase, as the simulator's do.
        continuous: to that for rates in continuous time, of which a day may hold several.
    """

    days: dict[str, float]
    continuous: dict[str, float]


def rounding(fit: ProcessFit, data: PurchaseHistories, season: Season | None = None) -> Rounding:
    """What dates in whole days do to a fit on ``data`` under ``season``."""
    season = season or Season.flat()
    theta = np.log(list(fit.figures.model_dump(exclude={"model"}).values()))
    if isinstance(fit.figures, ParetoFigures):
        grid = paretonbd.Grid.of(data, season)
        slope = _slope(lambda at: paretonbd.by_the_day(at, grid), theta)
        other = paretonbd.continuous_gradient(theta, grid)
    else:
        seen = operational(data, season)
        slope = _slope(lambda at: bgnbd.by_the_day(at, seen), theta)
        other = bgnbd.continuous_gradient(theta, seen)
    steps = [fit.found.covariance @ g[_free(fit)] for g in (slope, other)]
    return Rounding(*(dict(zip(fit.errors, step.tolist(), strict=True)) for step in steps))


def _slope(value: Callable[[Float64], float], theta: Float64) -> Float64:
    """Central differences, (p,)."""
    return np.array(
        [
            (value(theta + shift) - value(theta - shift)) / (2.0 * _SHIFT)
            for shift in _SHIFT * np.eye(len(theta))
        ]
    )


def _free(fit: ProcessFit) -> list[int]:
    """Which of the process's parameters were estimated, in their order."""
    names = list(fit.figures.model_dump(exclude={"model"}))
    return [at for at, name in enumerate(names) if name in fit.errors]


def expected_purchases(
    figures: PurchaseFigures | ParetoFigures,
    weeks: Float64,
    season: Season | None = None,
    first: NDArray[np.int64] | None = None,
) -> Float64:
    """Expected repeat purchases in the first ``weeks`` (n,) since day ``first`` (n,), (n,)."""
    if isinstance(figures, ParetoFigures):
        return paretonbd.expected_purchases(figures, weeks, season, first)
    if season is not None and not season.is_flat:
        if first is None:
            raise FailedPrecondition("a season needs the days of first purchases", field="first")
        weeks = season.elapsed(first, weeks)
    return bgnbd.expected_purchases(figures, weeks)


def expected_future(
    figures: PurchaseFigures | ParetoFigures,
    data: PurchaseHistories,
    weeks: float,
    season: Season | None = None,
) -> Float64:
    """Expected purchases in the next ``weeks`` given the history, float64 (n,)."""
    if isinstance(figures, ParetoFigures):
        return paretonbd.expected_future(figures, data, weeks, season)
    seen = operational(data, season or Season.flat())
    span = np.full(len(data), weeks)
    if season is not None and not season.is_flat:
        span = season.elapsed(data.joined, data.age + weeks) - seen.age
    return bgnbd.expected_future(figures, seen, span)


def share_without_repeat(
    figures: PurchaseFigures | ParetoFigures,
    data: PurchaseHistories,
    season: Season | None = None,
) -> Float64:
    """P(no repeat purchase by the end of observation), float64 (n,)."""
    season = season or Season.flat()
    if isinstance(figures, ParetoFigures):
        return paretonbd.share_without_repeat(figures, data, season)
    return bgnbd.share_without_repeat(figures, operational(data, season).age)


def expected_daily(
    figures: PurchaseFigures | ParetoFigures,
    first: NDArray[np.int64],
    days: int,
    season: Season | None = None,
) -> Float64:
    """Expected repeat purchases on each of ``days`` days, summed over customers, float64 (days,).

    Args:
        figures: the process.
        first: day of each customer's first purchase, int64 (n,); day 0 of the result is the
            earliest of them.
        days: how many days.
        season: as in the fit.
    """
    origin = int(first.min())
    cohorts, count = np.unique(first, return_counts=True)
    age = np.arange(days)[None, :] + (origin - cohorts)[:, None]
    weeks = np.maximum(age, 0) / DAYS_PER_WEEK
    start = np.repeat(cohorts, days)
    until = expected_purchases(figures, weeks.ravel(), season, start).reshape(weeks.shape)
    return np.diff(count @ until, prepend=0.0)
