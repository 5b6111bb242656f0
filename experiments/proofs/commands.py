"""``troth prove``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from experiments.executors import OnProgress
from troth.errors import InvalidArgument
from troth.output import AsJson, emit, progress, say

PROOFS = ("truth", "year", "coverage", "brake")


def prove(
    only: Annotated[
        list[str] | None, typer.Option(help="Only this proof; may be repeated.")
    ] = None,
    scenario: Annotated[
        str, typer.Option(help="Name or file of the world of the first two.")
    ] = "reference",
    lives: Annotated[
        int, typer.Option(min=2, help="truth: alternative days of each customer.")
    ] = 10_000,
    customers: Annotated[int, typer.Option(min=10, help="year: how many live.")] = 1_000_000,
    days: Annotated[int, typer.Option(min=8, help="year: how long.")] = 365,
    times: Annotated[int, typer.Option(min=1, help="brake: pauses in good weather.")] = 50,
    logs: Annotated[int, typer.Option(min=5, max=10_000, help="coverage: logs to judge on.")] = 60,
    home: Annotated[Path, typer.Option(help="coverage: folder of a finished run.")] = Path(
        "runs/demo"
    ),
    output: Annotated[Path, typer.Option(help="Folder that the figures go to.")] = Path(
        "docs/proofs"
    ),
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="coverage: Ray workers; 0 is this process.")
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """The long proofs: exact truth, a year of a million customers, intervals, the brake."""
    _require_proofs(only or [])
    pages: dict[str, str] = {}
    figures: dict[str, Any] = {}
    for name in PROOFS:
        if only and name not in only:
            continue
        with progress() as bars:
            task = bars.add_task(name, total=None)

            def on_progress(done: int, total: int, task: Any = task, bars: Any = bars) -> None:
                bars.update(task, completed=done, total=total)

            if name == "truth":
                from experiments.proofs import truth

                agreed = truth.agree(scenario, lives=lives, on_progress=on_progress)
                page, rows = truth.write(agreed, scenario, output), list[Any](agreed)
            elif name == "year":
                from experiments.proofs import year

                cuts = year.live_a_year(
                    scenario, customers=customers, days=days, on_progress=on_progress
                )
                page, rows = year.write(cuts, scenario, output), list[Any](cuts)
            elif name == "brake":
                from experiments.proofs import brake

                stopped = brake.brake(times, on_progress=on_progress)
                page, rows = brake.write(stopped, output), list[Any](stopped)
            else:
                page, rows = _coverage(home, logs, output, workers, on_progress)
        pages[name] = str(page)
        figures[name] = [row.model_dump(mode="json") for row in rows]
    if as_json:
        emit(figures)
        return
    for page_path in pages.values():
        say(Path(page_path).read_text(encoding="utf-8"))
        say(f"Written to {page_path}")


def _require_proofs(names: list[str]) -> None:
    for name in names:
        if name not in PROOFS:
            raise InvalidArgument(f"{name!r} is not one of {', '.join(PROOFS)}", field="only")


def _coverage(
    home: Path, logs: int, output: Path, workers: int, on_progress: OnProgress
) -> tuple[Path, list[Any]]:
    from experiments.executors import executor_of
    from experiments.home import RunHome
    from experiments.proofs import coverage

    with executor_of(workers) as executor:
        covered = coverage.cover(RunHome(home), logs, executor, on_progress)
    return coverage.write(covered, output), list[Any](covered)
