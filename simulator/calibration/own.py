"""A user's own data, fitted: each figure with an interval, and what the data leave open."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import gammagamma, season_fit, spend
from simulator.calibration.estimates import (
    Estimate,
    Estimates,
    Open,
    Scale,
    estimate,
    several,
)
from simulator.calibration.histories import PurchaseHistories, histories, purchase_days
from simulator.calibration.own_data import (
    Transactions,
    heard,
    read_campaigns,
    read_responses,
    read_transactions,
)
from simulator.calibration.own_mailings import fit_campaigns, fit_responses
from simulator.calibration.own_reading import Reading
from simulator.calibration.own_shares import fit_shares
from simulator.calibration.process import METHODS, Process, ProcessFit, fit_better, fit_process
from simulator.calibration.season import Season
from troth.errors import FailedPrecondition, InvalidArgument

if TYPE_CHECKING:
    from simulator.calibration.sheets import Source

OnStage = Callable[[str, int, int], None]

MIN_REPEAT_BUYERS = 50
_TWO_YEARS = 1.99
_MANY_EARLY = 0.35
"""Share of first purchases in the first quarter from which the data seem cut at the left."""
_STAGES = 6


def fit_own(
    transactions: Source,
    responses: Source | None = None,
    campaigns: Source | None = None,
    *,
    columns: Mapping[str, str] | None = None,
    process: Process | None = None,
    season: Season | None = None,
    since: np.datetime64 | None = None,
    reading: Reading | None = None,
    on_stage: OnStage | None = None,
) -> Estimates:
    """Fit what the data identify.

    Args:
        transactions: a text or Parquet file, several text files, or a data frame: customer,
            date, amount, and if there are category, store and joined.
        responses: an experiment, one row per customer.
        campaigns: mailings, one row per customer and campaign.
        columns: the calibration's column names -> the tables'; ``responses.visit`` for one only.
        process: the purchase process; by default the one of smaller AIC.
        season: calendar in force where the data do not identify any: the template's.
        since: when and how often customers buy is fitted on those who first bought on this day
            or later, as the others may have bought before the data begin; with ``joined``, on
            those who joined within the data.
        reading: how the tables are read: their dialect, end of observation, returns.
        on_stage: called as the work moves on.

    Raises:
        NotFound: if a file is not there.
        InvalidArgument: naming file, row, column, value and what is allowed.
    """
    tell = on_stage or (lambda _what, _done, _of: None)
    names = columns or {}
    tell("reading", 0, _STAGES)
    bought = read_transactions(transactions, names, reading)
    answered = None if responses is None else read_responses(responses, names, reading)
    mailed = None if campaigns is None else read_campaigns(campaigns, names, reading)
    found: list[Estimate] = []
    left: list[Open] = []
    notes, warnings = heard(bought, answered, mailed)
    _when(bought, process, season or Season.flat(), since, tell, found, left, notes)
    tell("fitting spend", 3, _STAGES)
    _spend(bought, found, left, notes)
    fit_shares(bought, found, left)
    tell("fitting responses", 4, _STAGES)
    fit_responses(answered, bought, found, left, warnings)
    tell("fitting campaigns", 5, _STAGES)
    fit_campaigns(mailed, found, left, notes)
    _describe(bought, notes)
    tell("calibrated", _STAGES, _STAGES)
    return Estimates(tuple(found), tuple(left), tuple(notes), tuple(warnings))


def _when(
    bought: Transactions,
    process: Process | None,
    season: Season,
    since: np.datetime64 | None,
    tell: OnStage,
    found: list[Estimate],
    left: list[Open],
    notes: list[str],
) -> None:
    """Fit when and how often customers buy, on those whose beginning the data show."""
    begin, end = bought.day.min(), bought.end
    if since is not None and not begin <= since <= end:
        raise InvalidArgument(
            f"{since} is not in [{begin}, {end}], the days of the data", field="since"
        )
    new = bought.newcomers(since)
    rows = new[bought.customer]
    if not rows.any():
        why = f"none of {len(new):,} customers joined within the data"
        left += [Open("calendar", why), Open("purchases", why)]
        return
    if not new.all():
        notes.append(
            f"purchases and calendar: fitted on {int(new.sum()):,} of {len(new):,} customers; the "
            "others may have bought before the data begin"
        )
    else:
        early = int((bought.first_days() - begin < (end - begin) / 4).sum())
        if early > _MANY_EARLY * len(new):
            notes.append(
                f"purchases: a customer is taken to begin with his first purchase in the data, "
                f"which is in their first quarter for {early:,} of {len(new):,}; if these had "
                "bought before, their pace is overstated: leave them out with --since, or give a "
                "column joined"
            )
    customer = np.unique(bought.customer[rows], return_inverse=True)[1].astype(np.int64)
    _, history = histories(customer, bought.day[rows], end)
    days = purchase_days(customer, bought.day[rows])
    tell("fitting weekdays and months", 1, _STAGES)
    season = _season(bought, history, days, season, found, left)
    tell("fitting purchases", 2, _STAGES)
    _purchases(bought, history, process, season, found, left, notes)


def _describe(bought: Transactions, notes: list[str]) -> None:
    """What was read, so that a wrong column or a doubled file shows."""
    notes.append(
        f"transactions: {len(bought.day):,} rows of {len(bought.names):,} customers, "
        f"{bought.day.min()} to {bought.day.max()}, observed until {bought.end}"
    )
    if bought.repeated:
        notes.append(
            f"transactions: {bought.repeated:,} rows are like another in every column read; each "
            "counts as bought again"
        )


def _season(
    bought: Transactions,
    history: PurchaseHistories,
    days: tuple[NDArray[np.int64], NDArray[np.int64]],
    template: Season,
    found: list[Estimate],
    left: list[Open],
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
            left.append(Open(f"calendar.{key}", error.message))
            continue
        low, high = factors.interval()
        where = bought.sheet.origin(factors.rows, method)
        found.append(
            Estimate(f"calendar.{key}", several(factors.values), several(low), several(high), where)
        )
        factors_in_force[key] = factors.values
        if key == "month_factors":
            years = (bought.day.max() - bought.day.min()) / np.timedelta64(1, "D") / 365.25
            if years < _TWO_YEARS:
                left.append(
                    Open(
                        "calendar.month_factors against a trend",
                        f"{years:.1f} years watched: growth or decline within the year is in the "
                        "month factors; two years would tell them apart",
                    )
                )
    return Season.of(factors_in_force["month_factors"], factors_in_force["weekday_factors"])


def _purchases(
    bought: Transactions,
    history: PurchaseHistories,
    process: Process | None,
    season: Season,
    found: list[Estimate],
    left: list[Open],
    notes: list[str],
) -> None:
    again = int((history.frequency > 0).sum())
    if again < MIN_REPEAT_BUYERS:
        left.append(
            Open("purchases", f"{again} customers bought again, needs {MIN_REPEAT_BUYERS} or more")
        )
        return
    try:
        fit = fit_process(process, history, season) if process else _better(history, season, notes)
    except FailedPrecondition as error:
        left.append(Open("purchases", error.message))
        return
    method = METHODS[fit.figures.model]
    if not season.is_flat:
        method += ", in the operational time of the calendar"
    where = bought.sheet.origin(len(history), method)
    found.append(Estimate("purchases.model", fit.figures.model, None, None, where))
    for name, value in fit.figures.model_dump(exclude={"model"}).items():
        width = fit.errors.get(name)
        found.append(estimate(f"purchases.{name}", value, width, where, "log"))
        if width is None:
            left.append(
                Open(
                    f"purchases.{name}",
                    "how much customers differ in leaving is not identified: held at "
                    f"{value:g}; the mean rate of leaving is estimated under it",
                )
            )


def _better(history: PurchaseHistories, season: Season, notes: list[str]) -> ProcessFit:
    fit, criteria = fit_better(history, season)
    said = ", ".join(
        f"{name} {'not identified' if aic is None else f'{aic:.1f}'}"
        for name, aic in criteria.items()
    )
    notes.append(f"purchases: AIC of {said}; {fit.figures.model} is taken")
    return fit


def _spend(bought: Transactions, found: list[Estimate], left: list[Open], notes: list[str]) -> None:
    customer, amount = bought.baskets()
    if not len(amount):
        left.append(Open("spend", "no purchase has an amount above 0"))
        return
    try:
        values, errors, best = spend.fit(customer, amount)
    except InvalidArgument as error:
        left.append(Open("spend", error.message))
        return
    except FailedPrecondition:
        _spend_alike(bought, amount, found, left)
        return
    where = bought.sheet.origin(
        len(amount),
        "log-normal with random customer effects, maximum likelihood, per purchase day",
    )
    for name, value in values.model_dump().items():
        scale: Scale = "plain" if name == "mu" else "log"
        found.append(estimate(f"spend.{name}", value, errors[name], where, scale))
    # The density of an amount is that of its logarithm over the amount.
    aic = 2.0 * (3.0 - best.log_likelihood + float(np.log(amount).sum()))
    try:
        other, _, maximum = gammagamma.fit(customer, amount)
    except FailedPrecondition:
        notes.append(f"spend: AIC of log-normal {aic:.1f}; Gamma-Gamma is not identified")
        return
    shown = ", ".join(f"{name} {value:.4g}" for name, value in other.items())
    notes.append(
        f"spend: AIC of log-normal {aic:.1f}, of Gamma-Gamma "
        f"{2.0 * (3.0 - maximum.log_likelihood):.1f} ({shown}); the simulator draws log-normal"
    )


def _spend_alike(
    bought: Transactions, amount: NDArray[np.float64], found: list[Estimate], left: list[Open]
) -> None:
    try:
        values, errors = spend.fit_alike(amount)
    except FailedPrecondition as error:
        left.append(Open("spend", error.message))
        return
    where = bought.sheet.origin(len(amount), "log-normal, per purchase day")
    for name, value in values.model_dump().items():
        scale: Scale = "plain" if name == "mu" else "log"
        found.append(estimate(f"spend.{name}", value, errors.get(name), where, scale))
    left.append(
        Open(
            "spend.sigma_between",
            "customers differ no more than purchases of one do: held at "
            f"{spend.ALIKE:g}; the rest is estimated under it",
        )
    )
