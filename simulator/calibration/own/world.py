"""A user's own data, fitted: each figure with an interval, and what the data leave open."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from typing import TYPE_CHECKING

import numpy as np

from simulator.calibration.estimates import Estimates, Gathered
from simulator.calibration.own.data import (
    Transactions,
    heard,
    read_campaigns,
    read_responses,
    read_transactions,
)
from simulator.calibration.own.influence import without
from simulator.calibration.own.mailings import fit_campaigns, fit_responses
from simulator.calibration.own.purchases import fit_purchases
from simulator.calibration.own.reading import Reading
from simulator.calibration.own.shares import fit_shares
from simulator.calibration.own.spend import fit_spend
from simulator.calibration.own_moments import own_moments
from simulator.calibration.process import Process
from simulator.calibration.season import Season

if TYPE_CHECKING:
    from simulator.calibration.sheets import Source

OnStage = Callable[[str, int, int], None]

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
    exclude: Collection[str] = (),
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
        exclude: customers whose purchases are left out: tills, guests.
        on_stage: called as the work moves on.

    Raises:
        NotFound: if a file is not there.
        InvalidArgument: naming file, row, column, value and what is allowed; for a customer to
            exclude who is not there.
    """
    tell = on_stage or (lambda _what, _done, _of: None)
    names = columns or {}
    tell("reading", 0, _STAGES)
    bought = read_transactions(transactions, names, reading)
    if exclude:
        bought = without(bought, exclude)
    answered = None if responses is None else read_responses(responses, names, reading)
    mailed = None if campaigns is None else read_campaigns(campaigns, names, reading)
    notes, warnings = heard(bought, answered, mailed)
    got = Gathered(notes=notes, warnings=warnings)
    fit_purchases(
        bought,
        process,
        season or Season.flat(),
        since,
        lambda what, at: tell(what, at, _STAGES),
        got,
    )
    tell("fitting spend", 3, _STAGES)
    fit_spend(bought, got)
    fit_shares(bought, got.found, got.open)
    tell("fitting responses", 4, _STAGES)
    fit_responses(answered, bought, got.found, got.open, got.warnings)
    tell("fitting campaigns", 5, _STAGES)
    fit_campaigns(mailed, got.found, got.open, got.notes)
    _describe(bought, got.notes)
    if exclude:
        got.notes.append(f"transactions: left out {', '.join(map(repr, exclude))}")
    tell("calibrated", _STAGES, _STAGES)
    keys = {estimate.key for estimate in got.found}
    if not keys:
        got.warnings.append(
            "no figure is estimated, for the reasons below: a scenario made of this is its "
            "template under another name"
        )
    whole = {"purchases.model", "spend.mu"} <= keys
    return got.estimates(own_moments(bought, since) if whole else None)


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
