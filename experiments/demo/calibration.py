"""Before all else, if asked for: fit the scenario's figures to real data once more."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from simulator.calibration.calibrate import calibrate
from simulator.calibration.overlay import overlay_text
from simulator.calibration.own.scenario import read_template
from simulator.scenarios import load
from troth.errors import NotFound
from troth.files import write_text

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
        return f"Fitted to the data under {self.data}: {', '.join(self.fitted)}."


def calibrate_scenario(
    home: Path,
    scenario: str,
    data: Path,
    *,
    on_stage: Callable[[str, int, int], None] | None = None,
) -> Calibrated:
    """Write ``figures.toml`` and ``scenario.toml`` into ``home``.

    Args:
        home: the demo's folder.
        scenario: name of a shipped scenario or path of one.
        data: folder of the data sets; one of them may be absent, and its figures are shipped.
        on_stage: hears of progress.

    Raises:
        NotFound: if no data set is there.
    """
    found = calibrate(
        data,
        process=load(scenario).purchases.model,
        season=read_template(scenario).season,
        season_name=f"the scenario {scenario}",
        on_stage=on_stage,
    )
    if not found.fitted:
        raise NotFound(
            f"no data set under {data}; without --data no figure is fitted", field="data"
        )
    write_text(home / FIGURES, found.figures.to_toml())
    path = Path(scenario)
    source = path if path.suffix == ".toml" else files("simulator.scenarios") / f"{scenario}.toml"
    text = overlay_text(source.read_text(encoding="utf-8"), found.figures, name=scenario)
    write_text(home / SCENARIO, text)
    return Calibrated(home / SCENARIO, tuple(found.fitted), data)
