"""``troth calibrate``, ``troth validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simulator.validity.command import validate
from troth.errors import NotFound
from troth.output import AsJson, emit, progress, say, show_table
from troth.settings import Settings

if TYPE_CHECKING:
    from simulator.calibration.calibrate import Calibration

Data = Annotated[
    Path | None,
    typer.Option(help="Folder with cdnow/ and hillstrom/.", show_default="../shared/data"),
]
Output = Annotated[
    Path | None,
    typer.Option(help="Write the figures here.", show_default="TROTH_HOME/figures.toml"),
]
Into = Annotated[
    Path | None,
    typer.Option(help="Also put the figures into this scenario's [purchases], [spend], [email]."),
]


def register(app: typer.Typer) -> None:
    """Add the simulator's commands to ``app``."""
    app.command("calibrate")(calibrate)
    app.command("validate")(validate)


def calibrate(
    data: Data = None, output: Output = None, into: Into = None, as_json: AsJson = False
) -> None:
    """Fit purchases, spend and e-mail response to real data.

    Where a data set is absent, the shipped figures of the same fit are used, and said to be.
    """
    from simulator.calibration.calibrate import DEFAULT_DATA
    from simulator.calibration.calibrate import calibrate as run
    from simulator.calibration.overlay import overlay_text, write_text

    if data is not None and not data.is_dir():
        raise NotFound("no such folder", field=f"--data {data}")
    if into is not None and not into.is_file():
        raise NotFound("no such file", field=f"--into {into}")
    with progress() as bars:
        task = bars.add_task("calibrating", total=None)
        result = run(
            data or DEFAULT_DATA,
            on_stage=lambda what, done, of: bars.update(
                task, description=what, completed=done, total=of
            ),
        )
    target = output or Settings().home / "figures.toml"
    if into is not None:  # before anything is written: a scenario it cannot edit is refused
        write_text(into, overlay_text(into.read_text("utf-8"), result.figures, name=str(into)))
    write_text(target, result.figures.to_toml())
    if as_json:
        emit(_document(result, target, into))
        return
    _show(result)
    say(f"Written to {target}" + (f" and into {into}" if into else ""))


def _rows(result: Calibration) -> list[dict[str, Any]]:
    from simulator.calibration.figures import SECTIONS

    figures = result.figures
    rows = []
    for section in SECTIONS:
        fit = getattr(figures.fit, section)
        for name, value in figures.values(section).items():
            low, high = figures.interval(section, name)
            rows.append(
                {
                    "parameter": f"{section}.{name}",
                    "value": value,
                    "low": low,
                    "high": high,
                    "standard_error": fit.standard_errors[name],
                    "source": fit.source,
                    "fitted_now": section in result.fitted,
                }
            )
    return rows


def _document(result: Calibration, target: Path, into: Path | None) -> dict[str, Any]:
    return {
        "parameters": _rows(result),
        "fit": result.figures.fit.model_dump(),
        "moments": [
            {"name": m.name, "fit": m.fit, "real": m.real, "held_out": m.held_out}
            for m in result.moments
        ],
        "output": str(target),
        "into": str(into) if into else None,
    }


def _show(result: Calibration) -> None:
    shipped = [section for section in result.figures.sections() if section not in result.fitted]
    if shipped:
        say(
            f"No data found for {', '.join(shipped)}: these are the shipped figures, "
            "from the same fit to the source named."
        )
    show_table(
        "Figures, 95 % intervals",
        ("parameter", "value", "interval", "source"),
        [
            (
                row["parameter"],
                row["value"],
                f"{row['low']:.4f} to {row['high']:.4f}",
                row["source"].split(" (")[0] + ("" if row["fitted_now"] else ", shipped"),
            )
            for row in _rows(result)
        ],
    )
    for section in result.figures.sections():
        fit = getattr(result.figures.fit, section)
        say(f"{section}: {fit.method}, {fit.rows:,} rows of {fit.source}")
    if result.moments:
        show_table(
            "Moments: what the fit says, and the data",
            ("moment", "fit", "real", "data"),
            [
                (m.name, m.fit, m.real, "held out" if m.held_out else "of the fit")
                for m in result.moments
            ],
        )
