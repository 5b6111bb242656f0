"""The scenario's purchase process fitted on the first half of CDNOW, predicting the second.

Nothing is simulated here: the fit sees the log up to week 39 only, and the prediction is the
process's own expectation, with the scenario's calendar. It says whether the process can know
the future at all; the cohort's rows say whether the world lives it.
"""

from __future__ import annotations

import numpy as np

from simulator.calibration import cdnow
from simulator.calibration.figures import Figures
from simulator.calibration.forecast import Forecast, forecast_half
from simulator.calibration.process import Process
from simulator.calibration.season import Season
from simulator.scenarios import Scenario
from simulator.validity.row import Target, ValidityRow
from simulator.validity.study import Study

WITHIN = 0.05


def process_of(scenario: Scenario) -> Process:
    """The purchase process of the scenario."""
    return scenario.purchases.model


def season_of(scenario: Scenario) -> Season:
    """The scenario's calendar."""
    return Season.of(
        scenario.calendar.month_factors,
        scenario.calendar.weekday_factors,
        novelty=scenario.population.novelty,
        novelty_days=scenario.population.novelty_days,
    )


def provenance(scenario: Scenario) -> str:
    """What the scenario's purchases were fitted on, as far as is known."""
    shipped = Figures.shipped()
    if scenario.purchases == shipped.purchases:
        return f"[purchases] fitted on {shipped.fit.purchases.source}"
    return "[purchases] is not the shipped fit: what it was fitted on is not recorded"


def forecast_rows(study: Study, group: str, source: str) -> tuple[ValidityRow, ...]:
    """Predicted over real repeat purchases, after the fit and in all.

    Raises:
        NotFound: if the file is absent.
        FailedPrecondition: if the first half does not identify the process.
    """
    log = cdnow.read_log(study.data / "cdnow" / cdnow.MASTER)
    process = process_of(study.scenario)
    _, found = forecast_half(
        process, log.customer, log.day, log.middle, season=season_of(study.scenario)
    )
    return rows_of(found, process, group, source)


def rows_of(found: Forecast, process: Process, group: str, source: str) -> tuple[ValidityRow, ...]:
    """The rows of one forecast."""
    target = Target.near(1.0, WITHIN)
    name = {"bg_nbd": "BG/NBD", "pareto_nbd": "Pareto/NBD"}[process]
    return tuple(
        ValidityRow(
            id=f"cdnow.{key}",
            group=group,
            name=text,
            target=target,
            simulated=float(value),
            stderr=None,
            source=source,
            note=f"{name} fitted on the first half of the log; an expectation, nothing simulated",
        )
        for key, text, value in (
            (
                "forecast_given",
                "purchases in the second half, forecast from each history over real",
                found.held_out_ratio,
            ),
            (
                "forecast_curve",
                "repeat purchases by the end, forecast for the cohort over real",
                np.asarray(found.cumulative_ratio)[-1],
            ),
        )
    )
