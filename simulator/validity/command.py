"""``troth validate``."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from troth.cli.output import AsJson, emit, note, progress, say, show_table
from troth.errors import FailedPrecondition, NotFound
from troth.settings import Settings

if TYPE_CHECKING:
    from simulator.validity.validate import Validity

ENOUGH = 10_000
"""Customers of a simulated population, unless asked for others."""

ScenarioName = Annotated[str, typer.Argument(help="A scenario that ships, or a TOML file.")]
Data = Annotated[
    Path | None,
    typer.Option(help="Folder with the real data sets.", show_default="../shared/data"),
]
Customers = Annotated[
    int,
    typer.Option(help="Size of the smallest simulated population; what is rare takes a multiple."),
]
Seed = Annotated[int, typer.Option(min=0, help="Of all simulated populations.")]
Output = Annotated[
    Path | None,
    typer.Option(
        help="Folder for the report and its plots.",
        show_default="TROTH_HOME/validity/SCENARIO",
    ),
]
Require = Annotated[
    float,
    typer.Option(min=0.0, max=1.0, help="Fail if a smaller share of the rows is inside."),
]


def validate(
    scenario: ScenarioName = "reference",
    data: Data = None,
    customers: Customers = ENOUGH,
    seed: Seed = 1,
    output: Output = None,
    require: Require = 0.0,
    as_json: AsJson = False,
) -> None:
    """Compare a scenario's world with real customers and documented effects.

    A scenario made from your own data is compared with your own customers. Writes report.json,
    report.html and a PNG per plot.
    """
    from simulator.calibration.calibrate import DEFAULT_DATA
    from simulator.scenarios import load
    from simulator.validity import plots, report
    from simulator.validity.own_rows import own_customers
    from simulator.validity.validate import validate as run

    world = load(scenario)
    own = own_customers(scenario)
    if data is not None and not data.is_dir():
        raise NotFound("no such folder", field=f"--data {data}")
    folder = output or Settings().home / "validity" / world.name
    if folder.exists() and not folder.is_dir():
        raise FailedPrecondition("is a file, not a folder", field=f"--output {folder}")
    if customers < ENOUGH:
        note(
            f"With {customers:,} customers chance alone puts rows outside their range; the "
            f"standard errors say which. Ranges are meant for {ENOUGH:,} and more."
        )
    with progress() as bars:
        task = bars.add_task("validating", total=None)
        try:
            found = run(
                world,
                data or DEFAULT_DATA,
                customers=customers,
                seed=seed,
                own=own,
                on_stage=lambda what, done, of: bars.update(
                    task, description=f"validating: {what}, days", completed=done, total=of
                ),
            )
        except NotFound as error:
            if data is not None:
                raise
            hint = f"{error.message}; --data names the folder with the data sets"
            raise NotFound(hint, field=error.field) from error
        drawing = bars.add_task("drawing plots", total=len(found.charts))
        pictures = {}
        for chart in found.charts:
            pictures[chart.id] = plots.png(chart)
            bars.advance(drawing)
    report.write(found, folder, pictures)
    if as_json:
        emit({**report.document(found), "output": str(folder)})
    else:
        _show(found)
        say(f"Written to {folder / 'report.html'}")
    if found.share < require:
        raise FailedPrecondition(
            f"{found.inside} of {len(found.rows)} rows are inside their range, a share of "
            f"{found.share:.3f}",
            field=f"--require {require:g}",
        )


def _show(found: Validity) -> None:
    from simulator.validity.report import range_text
    from simulator.validity.validate import NOT_MEASURED
    from troth.pages.page import number

    for group in found.groups:
        show_table(
            group,
            ("moment", "range", "simulated", "standard error", ""),
            [
                (
                    row.name,
                    range_text(row),
                    number(row.simulated),
                    number(row.stderr),
                    "inside" if row.inside else "outside",
                )
                for row in found.rows
                if row.group == group
            ],
        )
    say(
        f"{found.inside} of {len(found.rows)} rows inside their range "
        f"({100.0 * found.share:.0f} %)."
    )
    for row in found.rows:
        if not row.inside:
            say(f"  outside: {row.id}: {row.reason}")
    for effect, source, why in found.not_measured:
        if (effect, source, why) not in NOT_MEASURED:
            say(f"Not compared: {effect} ({source}): {why}.")
