"""Stage 1: fit the scenario's figures to real data, or take the shipped figures of that fit."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from simulator.calibration.calibrate import DEFAULT_DATA, calibrate
from simulator.calibration.overlay import overlay_text, write_text
from simulator.calibration.own_scenario import read_template
from simulator.scenarios import load

FIGURES = "figures.toml"
SCENARIO = "scenario.toml"


@dataclass(frozen=True, slots=True)
class Calibrated:
    """The scenario of this demo.

    Attributes:
        scenario: its file: the shipped scenario with the figures of this fit.
        fitted: sections estimated now.
        data: where the data were looked for.
    """

    scenario: Path
    fitted: tuple[str, ...]
    data: Path

    def __str__(self) -> str:
        if not self.fitted:
            return f"No data under {self.data}: the shipped figures of the same fit are used."
        return f"Fitted to the data under {self.data}: {', '.join(self.fitted)}."


def calibrate_scenario(
    home: Path,
    scenario: str,
    *,
    data: Path = DEFAULT_DATA,
    on_stage: Callable[[str, int, int], None] | None = None,
) -> Calibrated:
    """Write ``figures.toml`` and ``scenario.toml`` into ``home``.

    ``scenario`` is the name of a shipped scenario or the path of one; the data under ``data``
    may be absent in part or whole.
    """
    found = calibrate(
        data,
        process=load(scenario).purchases.model,
        season=read_template(scenario).season,
        season_name=f"the scenario {scenario}",
        on_stage=on_stage,
    )
    write_text(home / FIGURES, found.figures.to_toml())
    path = Path(scenario)
    source = path if path.suffix == ".toml" else files("simulator.scenarios") / f"{scenario}.toml"
    text = overlay_text(source.read_text(encoding="utf-8"), found.figures, name=scenario)
    write_text(home / SCENARIO, text)
    return Calibrated(home / SCENARIO, tuple(found.fitted), data)
