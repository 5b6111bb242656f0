"""Calibration: every figure from the data that are there, the shipped figure for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from simulator.calibration import cdnow, email, hillstrom, spend
from simulator.calibration.figures import SECTIONS, Figures, Fit, Fits, Section
from simulator.calibration.histories import PurchaseHistories, histories
from simulator.calibration.maximum import Maximum
from simulator.calibration.moments import (
    Moment,
    email_moments,
    holdout_moments,
    purchase_moments,
    spend_moments,
)
from simulator.calibration.novelty_fit import Novelty, fit_novelty
from simulator.calibration.process import METHODS, Process, fit_process
from simulator.calibration.season import Season
from simulator.scenarios.processes import EmailFigures, ParetoFigures, PurchaseFigures, SpendFigures
from troth.digests import sha256
from troth.errors import FailedPrecondition

DEFAULT_DATA = Path("../shared/data")
"""Where the public data sets lie unless said otherwise, from the project's root."""

OnStage = Callable[[str, int, int], None]
"""(what is being done, stages done, stages in all)."""

_STAGES = 4

_ATTRIBUTION = {
    "eff6889ed364c5199d6eacbbeb7a6d559971df4406ac876f322c373f00a072ef": (
        "CDNOW purchases 1997-01 to 1998-06, Fader & Hardie"
    ),
    "09d92ca80daaabe8be0f997d4c539f9c9606106baa5b199081fe01cbce5fa9f6": (
        "CDNOW, systematic 1/10 sample, first 39 weeks, Fader & Hardie"
    ),
    "aba2e8a32a5e50492b03459d2bb281303f9b3415e39f498cfc7e8294be0e4213": (
        "Hillstrom e-mail experiment, a random half, MineThatData 2008"
    ),
}
"""The public files by digest; any other file is named by its name alone."""


@dataclass(frozen=True, slots=True)
class Calibration:
    """The figures in force and how they came about.

    Attributes:
        figures: rounded as they are written.
        fitted: the sections estimated now; the others are the shipped ones.
        moments: fit against data, for what was read.
        novelty: of new members, where it was asked for and there are purchases.
    """

    figures: Figures
    fitted: tuple[Section, ...]
    moments: tuple[Moment, ...]
    novelty: Novelty | None = None


@dataclass(frozen=True, slots=True)
class _Estimate:
    """One section: its values, how they were estimated, and how they compare."""

    values: PurchaseFigures | ParetoFigures | SpendFigures | EmailFigures
    fit: Fit
    moments: tuple[Moment, ...]


def calibrate(
    data: Path,
    *,
    process: Process = "bg_nbd",
    season: Season | None = None,
    season_name: str = "",
    novelty: bool = False,
    on_stage: OnStage | None = None,
) -> Calibration:
    """Estimate the sections whose data are under ``data``; ship the rest.

    BG/NBD without a season comes from the sample summary where there is one, as in its paper;
    all else from the first half of the whole log.

    Args:
        data: a folder with ``cdnow/`` and ``hillstrom/``; each may be absent.
        process: of the purchases.
        season: months and weekdays under which purchases are fitted, which the scenario's
            ``[calendar]`` must then have; none by default.
        season_name: what they are called, for the record.
        novelty: also fit how much faster new members buy, and for how long, which the
            scenario's ``[population]`` must then have; the season's own by default.
        on_stage: called as the work moves on.

    Raises:
        InvalidArgument: for a wrong value in a file, naming file, line and column.
        FailedPrecondition: if the data do not identify the figures.
    """
    tell = on_stage or (lambda _what, _done, _of: None)
    tell("reading", 0, _STAGES)
    master, summary = cdnow.locate(data)
    path = hillstrom.locate(data)
    # All is read before anything is fitted: a wrong value is said at once.
    log = cdnow.read_log(master) if master else None
    sample = cdnow.read_summary(summary) if summary else None
    trial = hillstrom.read_trial(path) if path else None
    estimates: dict[Section, _Estimate] = {}
    new: Novelty | None = None
    if master and log:
        tell("fitting purchases", 1, _STAGES)
        season = season or Season.flat()
        if novelty:
            new = _novelty(log, process, season, tell)
            season = new.season(season)
        if sample is None or process != "bg_nbd" or not season.is_flat:
            sample, summary = histories(log.customer, log.day, log.middle)[1], None
        estimates["purchases"] = _purchases(
            summary or master, sample, log, process, season, season_name
        )
        tell("fitting spend", 2, _STAGES)
        estimates["spend"] = _spend(master, log)
    if path and trial:
        tell("fitting e-mail response", 3, _STAGES)
        estimates["email"] = _email(path, trial)
    tell("calibrated", _STAGES, _STAGES)
    return _assemble(estimates, new)


def _novelty(log: cdnow.PurchaseLog, process: Process, season: Season, tell: OnStage) -> Novelty:
    """That of the first half of the log."""
    ids, seen = histories(log.customer, log.day, log.middle)
    mine = np.isin(log.customer, ids)
    return fit_novelty(
        process,
        seen,
        np.searchsorted(ids, log.customer[mine]),
        log.day[mine],
        season,
        on_fit=lambda weeks: tell(f"fitting novelty of {weeks} weeks", 1, _STAGES),
    )


def _assemble(estimates: dict[Section, _Estimate], novelty: Novelty | None) -> Calibration:
    shipped = None if len(estimates) == len(SECTIONS) else Figures.shipped()
    values: dict[str, object] = {s: e.values.model_dump() for s, e in estimates.items()}
    fits: dict[str, object] = {s: e.fit.model_dump() for s, e in estimates.items()}
    if shipped is not None:
        values = {**shipped.sections(), **values}
        fits = {**shipped.fit.model_dump(), **fits}
    figures = Figures.model_validate({**values, "fit": Fits.model_validate(fits).model_dump()})
    return Calibration(
        figures=figures.rounded(),
        fitted=tuple(section for section in SECTIONS if section in estimates),
        moments=tuple(m for s in SECTIONS if s in estimates for m in estimates[s].moments),
        novelty=novelty,
    )


def _purchases(
    path: Path,
    data: PurchaseHistories,
    log: cdnow.PurchaseLog,
    process: Process,
    season: Season,
    season_name: str,
) -> _Estimate:
    fit = fit_process(process, data, season)
    if missing := set(fit.figures.model_dump()) - set(fit.errors) - {"model"}:
        raise FailedPrecondition(
            f"the data do not identify {', '.join(sorted(missing))}", field="purchases"
        )
    method = METHODS[process]
    if not season.is_flat:
        shown = ", ".join(f"{factor:.3f}" for factor in season.month)
        method += f", in the operational time of the months of {season_name} ({shown})"
    if season.novelty > 0.0:
        method += f", new members {season.novelty:g} faster for {season.novelty_weeks * 7:g} days"
    return _Estimate(
        fit.figures,
        _described(path, method, len(data), fit.errors, fit.found),
        purchase_moments(fit.figures, data, season) + holdout_moments(fit.figures, log, season),
    )


def _spend(master: Path, log: cdnow.PurchaseLog) -> _Estimate:
    customer, dollars = log.baskets()
    values, errors, found = spend.fit(customer, dollars)
    values, errors["mu"] = spend.over_purchases(values, customer, dollars)
    return _Estimate(
        values,
        _described(
            master,
            "log-normal with random customer effects, maximum likelihood, per purchase day; mu is "
            "the mean of ln spend over purchases",
            len(dollars),
            errors,
            found,
        ),
        spend_moments(values, log),
    )


def _email(path: Path, trial: hillstrom.EmailTrial) -> _Estimate:
    values, errors, found = email.fit(trial)
    return _Estimate(
        values,
        _described(
            path,
            "logit of the visit with e-mail interactions, maximum likelihood; shares of visitors",
            len(trial),
            errors,
            found,
        ),
        email_moments(values, trial),
    )


def _described(path: Path, method: str, rows: int, errors: dict[str, float], found: Maximum) -> Fit:
    digest = sha256(path.read_bytes())
    known = _ATTRIBUTION.get(digest)
    return Fit(
        source=f"{path.name} ({known})" if known else path.name,
        data_digest=digest,
        method=method,
        rows=rows,
        log_likelihood=found.log_likelihood,
        standard_errors=errors,
    )
