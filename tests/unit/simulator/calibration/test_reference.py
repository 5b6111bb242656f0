"""The reference scenario lives on the fitted figures."""

from __future__ import annotations

import pytest

from simulator.calibration.figures import SECTIONS, Figures, Section
from simulator.scenarios import load


@pytest.mark.parametrize("section", SECTIONS)
def test_reference_scenario_has_the_shipped_figures(section: Section) -> None:
    """Its three fitted sections are those of figures.toml, to the last digit."""
    assert getattr(load("reference"), section) == getattr(Figures.shipped(), section)
