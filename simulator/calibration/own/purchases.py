"""When and how often a user's own customers buy: calendar, then purchase process."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import season_fit
from simulator.calibration.estimates import (
    DEVIATE_95,
    FittedParameter,
    Gathered,
    Unidentified,
    estimate,
    several,
)
from simulator.calibration.histories import PurchaseHistories, histories, purchase_days
from simulator.calibration.own.data import Transactions
from simulator.calibration.own.influence import warn_of_process
from simulator.calibration.own.selection import warn_of_selection
from simulator.calibration.process import (
    METHODS,
    Process,
    ProcessFit,
    expected_purchases,
    fit_better,
    fit_process,
    rounding,
)
from simulator.calibration.season import Season
from troth.errors import FailedPrecondition, InvalidArgument

MIN_REPEAT_BUYERS = 50
_TWO_YEARS = 1.99
_MISSED = 0.05
"""Share of the repeat purchases that a process may miss without a warning."""
_MANY_EARLY = 0.35
"""Share of first purchases in the first quarter from which the data seem cut at the left."""


def fit_purchases(
    bought: Transactions,
    process: Process | None,
    season: Season,
    since: np.datetime64 | None,
    tell: Callable[[str, int], None],
    got: Gathered,
) -> None:
    """Add when and how often customers buy, from those whose beginning the data show.

    Args:
        bought: the purchases.
        process: the purchase process; by default the one of smaller AIC.
        season: calendar in force where the data do not identify any.
        since: only those who first bought on this day or later.
        tell: told what is being fitted, and its number.
        got: where estimates, notes and warnings go.

    Raises:
        InvalidArgument: if ``since`` is not in the data's days.
    """
    begin, end = bought.day.min(), bought.end
    if since is not None and not begin <= since <= end:
        raise InvalidArgument(
            f"{since} is not in [{begin}, {end}], the days of the data", field="since"
        )
    new = bought.newcomers(since)
    rows = new[bought.customer]
    if not rows.any():
        why = f"none of {len(new):,} customers joined within the data"
        got.open += [Unidentified("calendar", why), Unidentified("purchases", why)]
        return
    if not new.all():
        got.notes.append(
            f"purchases and calendar: fitted on {int(new.sum()):,} of {len(new):,} customers; the "
            "others may have bought before the data begin"
        )
    who, at = np.unique(bought.customer[rows], return_inverse=True)
    customer = at.astype(np.int64)
    _, history = histories(customer, bought.day[rows], end)
    days = purchase_days(customer, bought.day[rows])
    tell("fitting weekdays and months", 1)
    season = _season(bought, history, days, season, got)
    tell("fitting purchases", 2)
    fit = _process(bought, history, process, season, got)
    if fit is None:
        return
    _tally(history, fit, season, got)
    sound, kept = warn_of_process(bought, who, history, fit, process, season, got)
    if bought.joined is None:
        told = warn_of_selection(
            history.of(kept), begin if since is None else since, sound, season, got
        )
        early = int((bought.first_days() - begin < (end - begin) / 4).sum())
        if not told and since is None and early > _MANY_EARLY * len(new):
            got.notes.append(
                "purchases: customers are taken to begin with their first purchase in the data, "
                f"which is in their first quarter for {early:,} of {len(new):,}; if these had "
                "bought before, their pace is overstated: leave them out with --since, or give a "
                "column joined"
            )


def _season(
    bought: Transactions,
    history: PurchaseHistories,
    days: tuple[NDArray[np.int64], NDArray[np.int64]],
    template: Season,
    got: Gathered,
) -> Season:
    """Estimate the factors; returns the calendar that purchases are then fitted under."""
    factors_in_force = {"month_factors": template.month, "weekday_factors": template.weekday}
    for key, fit, method in (
        ("weekday_factors", season_fit.fit_weekdays, "shares of repeat purchases, clustered"),
        (
            "month_factors",
            season_fit.fit_months,
            "maximum likelihood together with Pareto/NBD, in operational time",
        ),
    ):
        try:
            factors = fit(*days, history)
        except (FailedPrecondition, InvalidArgument) as error:
            got.open.append(Unidentified(f"calendar.{key}", error.message))
            continue
        low, high = factors.interval()
        where = bought.sheet.origin(factors.rows, method)
        got.found.append(
            FittedParameter(
                f"calendar.{key}", several(factors.values), several(low), several(high), where
            )
        )
        factors_in_force[key] = factors.values
        if key == "month_factors":
            years = (bought.end - bought.day.min()) / np.timedelta64(1, "D") / 365.25
            if years < _TWO_YEARS:
                got.open.append(
                    Unidentified(
                        "calendar.month_factors against a trend",
                        f"{years:.1f} years watched: growth or decline within the year is in the "
                        "month factors; two years would tell them apart",
                    )
                )
    return Season.of(factors_in_force["month_factors"], factors_in_force["weekday_factors"])


def _process(
    bought: Transactions,
    history: PurchaseHistories,
    process: Process | None,
    season: Season,
    got: Gathered,
) -> ProcessFit | None:
    """Add the process; ``None`` where the data identify none."""
    again = int((history.frequency > 0).sum())
    if again < MIN_REPEAT_BUYERS:
        got.open.append(
            Unidentified(
                "purchases", f"{again} customers bought again, needs {MIN_REPEAT_BUYERS} or more"
            )
        )
        return None
    try:
        fit = fit_process(process, history, season) if process else _better(history, season, got)
    except FailedPrecondition as error:
        got.open.append(Unidentified("purchases", error.message))
        return None
    method = METHODS[fit.figures.model]
    if not season.is_flat:
        method += ", in the operational time of the calendar"
    where = bought.sheet.origin(len(history), method)
    got.found.append(FittedParameter("purchases.model", fit.figures.model, None, None, where))
    wider = _rounding(fit, history, season, got)
    for name, value in fit.figures.model_dump(exclude={"model"}).items():
        width = fit.errors.get(name)
        if width is not None:
            width += value * wider[name] / DEVIATE_95
        got.found.append(estimate(f"purchases.{name}", value, width, where, "log"))
        if width is None:
            got.open.append(
                Unidentified(
                    f"purchases.{name}",
                    "how much customers differ in leaving is not identified: held at "
                    f"{value:g}; the mean rate of leaving is estimated under it",
                )
            )
    return fit


def _rounding(
    fit: ProcessFit, history: PurchaseHistories, season: Season, got: Gathered
) -> dict[str, float]:
    """What whole days do to each logarithm, >= 0, by which its interval widens; much is said."""
    found = rounding(fit, history, season)
    values = fit.figures.model_dump(exclude={"model"})
    chance = {name: error / values[name] for name, error in fit.errors.items()}
    other = ", ".join(
        f"{name} {values[name] * math.exp(step):.3g}" for name, step in found.continuous.items()
    )
    meaning = (
        "purchases: the figures count days with a purchase, as the simulator draws them; as rates "
        f"in continuous time, of which dates show the day alone, they would be about {other}"
    )
    large = [
        f"{name} by {abs(step):.1%} (chance: {chance[name]:.1%})"
        for name, step in found.days.items()
        if abs(step) > chance[name]
    ]
    if large:
        got.warnings.append(
            f"purchases: dates are whole days, which moves {', '.join(large)} of {len(history):,} "
            "customers; the intervals are wider by it, and a larger sample makes them no narrower"
        )
    apart = max(abs(step) / chance[name] for name, step in found.continuous.items())
    if apart > DEVIATE_95:
        got.warnings.append(f"{meaning}, outside the intervals: compare those with other sources'")
    elif apart > 1.0:
        got.notes.append(meaning)
    return {name: abs(step) for name, step in found.days.items()}


def _tally(history: PurchaseHistories, fit: ProcessFit, season: Season, got: Gathered) -> None:
    """Say how many purchases the process expects of these customers, and how many there are."""
    first, at = np.unique(history.joined, return_index=True)
    count = np.bincount(np.searchsorted(first, history.joined))
    expected = expected_purchases(fit.figures, history.age[at], season, first)
    mean, real = float(expected @ count) / len(history), float(history.frequency.mean())
    said = (
        f"purchases: {mean:.4g} repeats a customer are expected by the process, {real:.4g} are in "
        "the data"
    )
    chance = float(history.frequency.std()) / np.sqrt(len(history))
    if abs(mean - real) > max(_MISSED * real, 2.0 * chance):
        got.warnings.append(f"{said}: a world under it sells {mean / real - 1.0:+.1%}")
    else:
        got.notes.append(said)


def _better(history: PurchaseHistories, season: Season, got: Gathered) -> ProcessFit:
    fit, criteria = fit_better(history, season)
    said = ", ".join(
        f"{name} {'not identified' if aic is None else f'{aic:.1f}'}"
        for name, aic in criteria.items()
    )
    got.notes.append(f"purchases: AIC of {said}; {fit.figures.model} is taken")
    return fit
