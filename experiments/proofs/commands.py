"""``troth prove``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer
from pydantic import BaseModel

from experiments.runs.executors import OnProgress
from troth.cli.output import AsJson, emit, progress, say, say_lines
from troth.errors import InvalidArgument

Proved = tuple[Path, Sequence[BaseModel]]
"""The page of a proof, and its figures."""
PROOFS = ("truth", "year", "coverage", "reproducible", "fuzz", "brake", "kills")


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
    config: Annotated[
        str, typer.Option(help="reproducible: name of a shipped suite, or a TOML file.")
    ] = "reference",
    calls: Annotated[int, typer.Option(min=1, help="fuzz: strange calls.")] = 12_000,
    output: Annotated[Path, typer.Option(help="Folder that the figures go to.")] = Path(
        "docs/proofs"
    ),
    workers: Annotated[
        int,
        typer.Option(min=0, max=64, help="coverage, reproducible: Ray workers; 0 is this process."),
    ] = 2,
    as_json: AsJson = False,
) -> None:
    """The long proofs: truth, a year, coverage, reproducibility, fuzzing, brake, kills."""
    for name in only or ():
        if name not in PROOFS:
            raise InvalidArgument(f"{name!r} is not one of {', '.join(PROOFS)}", field="only")
    proofs: dict[str, Callable[[OnProgress], Proved]] = {
        "truth": partial(_truth, scenario, lives, output),
        "year": partial(_year, scenario, customers, days, output),
        "coverage": partial(_coverage, home, logs, workers, output),
        "reproducible": partial(_reproducible, config, workers, output),
        "fuzz": partial(_fuzz, calls, output),
        "brake": partial(_brake, times, output),
        "kills": partial(_kills, output),
    }
    pages: list[Path] = []
    figures: dict[str, Any] = {}
    for name in PROOFS:
        if only and name not in only:
            continue
        with progress() as bars:
            task = bars.add_task(name, total=None)

            def on_progress(done: int, total: int, task: Any = task, bars: Any = bars) -> None:
                bars.update(task, completed=done, total=total)

            page, rows = proofs[name](on_progress)
        pages.append(page)
        figures[name] = [row.model_dump(mode="json") for row in rows]
    if as_json:
        emit(figures)
        return
    for page in pages:
        say_lines(page.read_text(encoding="utf-8"))
        say(f"Written to {page}")


def _truth(scenario: str, lives: int, output: Path, on_progress: OnProgress) -> Proved:
    from experiments.proofs import truth

    agreed = truth.agree(scenario, lives=lives, on_progress=on_progress)
    return truth.write(agreed, scenario, output), agreed


def _year(
    scenario: str, customers: int, days: int, output: Path, on_progress: OnProgress
) -> Proved:
    from experiments.proofs import year

    cuts = year.live_a_year(scenario, customers=customers, days=days, on_progress=on_progress)
    return year.write(cuts, scenario, output), cuts


def _coverage(home: Path, logs: int, workers: int, output: Path, on_progress: OnProgress) -> Proved:
    from experiments.proofs import coverage
    from experiments.runs.executors import executor_of
    from experiments.runs.run_folder import RunFolder

    with executor_of(workers) as executor:
        covered = coverage.cover(RunFolder(home), logs, executor, on_progress)
    return coverage.write(covered, output), covered


def _reproducible(config: str, workers: int, output: Path, on_progress: OnProgress) -> Proved:
    from experiments.proofs import reproducible
    from experiments.runs.config import load

    found = reproducible.reproduce(load(config), workers, on_progress)
    return reproducible.write(found, output), found.agreements


def _fuzz(calls: int, output: Path, on_progress: OnProgress) -> Proved:
    from experiments.proofs import fuzz

    answered = fuzz.prove(calls=calls, on_progress=on_progress)
    return fuzz.write(answered, output), answered


def _brake(times: int, output: Path, on_progress: OnProgress) -> Proved:
    from experiments.proofs import brake

    stopped = brake.brake(times, on_progress=on_progress)
    return brake.write(stopped, output), stopped


def _kills(output: Path, on_progress: OnProgress) -> Proved:
    from experiments.proofs import kills

    killed = kills.kill_each(on_progress)
    return kills.write(killed, output), killed
