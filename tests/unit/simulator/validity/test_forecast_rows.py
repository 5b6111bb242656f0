"""Rows of the forecast from the first half of a log."""

from __future__ import annotations

import numpy as np

from simulator.calibration.figures import Figures
from simulator.calibration.forecast import Forecast
from simulator.scenarios import load
from simulator.validity.forecast_rows import process_of, provenance, rows_of


def _forecast(expected: float) -> Forecast:
    """Two periods of 100 real purchases each, of which ``expected`` are foreseen in either."""
    return Forecast(
        end=np.array([10, 20]),
        expected=np.array([expected, expected]),
        real=np.array([100, 100]),
        held_out=np.array([False, True]),
        expected_held_out=expected,
        real_held_out=100,
    )


def test_five_percent_either_way() -> None:
    """A forecast 4 % short is inside, one 6 % short is not, nor one 6 % beyond."""
    for expected, inside in ((96.0, True), (94.0, False), (106.0, False)):
        rows = rows_of(_forecast(expected), "bg_nbd", "group", "file")
        assert [row.inside for row in rows] == [inside, inside]


def test_provenance_is_only_claimed_for_the_shipped_fit() -> None:
    """Figures that differ from the shipped fit are not said to be out of sample."""
    scenario = load()
    changed = scenario.replace(purchases={"r": 0.5})
    assert "not recorded" in provenance(changed)
    if scenario.purchases == Figures.shipped().purchases:
        assert Figures.shipped().fit.purchases.source in provenance(scenario)
    assert process_of(scenario) in ("bg_nbd", "pareto_nbd")
