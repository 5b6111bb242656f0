"""``troth simulate | train | run | report | live | demo | bench | prove | pictures``."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.populations.commands import live
from experiments.proofs.commands import prove
from troth.cli.output import AsJson, emit, note, progress, say, show_table

if TYPE_CHECKING:
    from experiments.runs.apart import ApartRunner
    from experiments.runs.runner import Runner

Config = Annotated[
    str, typer.Option("--config", help="Name of a shipped suite, or a TOML file of your own.")
]
Seed = Annotated[
    int | None,
    typer.Option(help="Every random number follows from it.", show_default="the suite's"),
]
Home = Annotated[Path, typer.Option(help="Folder that results go to.")]
Workers = Annotated[
    int, typer.Option(min=0, max=64, help="Ray workers; 0 computes in this process.")
]
Reproducible = Annotated[
    bool,
    typer.Option(
        "--reproducible", help="Compute by what every x86-64 has: the same figures anywhere."
    ),
]


def register(app: typer.Typer) -> None:
    """Add the commands of the experiments floor to ``app``."""
    for name, command in (
        ("simulate", simulate),
        ("train", train),
        ("run", run),
        ("report", report),
        ("live", live),
        ("demo", demo),
        ("bench", bench),
        ("prove", prove),
        ("pictures", pictures),
    ):
        app.command(name)(command)


def simulate(
    config: Config = "reference",
    seed: Seed = None,
    home: Home = Path("runs/reference"),
    workers: Workers = 2,
    reproducible: Reproducible = False,
    as_json: AsJson = False,
) -> None:
    """Let a population live under the logging policy and write the logs of every seed."""
    with _runner(config, seed, home, workers, reproducible) as runner:
        logged = runner.simulate()
    if as_json:
        emit({"home": str(home), "logs": [row.model_dump() for row in logged]})
        return
    show_table(
        "Logged decisions",
        ("repetition", "training", "held out", "seconds"),
        [(row.index + 1, row.rows, row.held_out_rows, row.seconds) for row in logged],
    )
    say(f"Written to {home / 'logs'}")


def train(
    config: Config = "reference",
    seed: Seed = None,
    home: Home = Path("runs/reference"),
    workers: Workers = 2,
    reproducible: Reproducible = False,
    as_json: AsJson = False,
) -> None:
    """Train every learner on every seed; the logs must have been simulated before."""
    with _runner(config, seed, home, workers, reproducible) as runner:
        trained = runner.train()
    if as_json:
        emit({"home": str(home), "trained": [row.model_dump() for row in trained]})
        return
    show_table(
        "Trained policies",
        ("learner", "repetition", "decisions", "seconds", "artifact"),
        [
            (row.learner, row.seed_index + 1, row.decisions, row.seconds, row.digest)
            for row in trained
        ],
    )


def run(
    config: Config = "reference",
    seed: Seed = None,
    home: Home = Path("runs/reference"),
    workers: Workers = 2,
    reproducible: Reproducible = False,
    as_json: AsJson = False,
) -> None:
    """Simulate, train, evaluate and report, without serving anything."""
    from experiments.reports.report import render, write
    from experiments.reports.tables import show_results

    with _runner(config, seed, home, workers, reproducible) as runner:
        results = runner.run()
        write(runner.home.report, render(results))
        written = runner.home.report
    if as_json:
        emit({**results.model_dump(), "report": str(written)})
        return
    show_results(results)
    say(f"Report: {written}")


def report(home: Home = Path("runs/reference"), as_json: AsJson = False) -> None:
    """Write the report of a run again, from its results."""
    from experiments.reports.report import render, write
    from experiments.runs.results import Checks, RunResults, Served, read_optional
    from experiments.runs.run_folder import RunFolder

    place = RunFolder(home)
    results = RunResults.read(place.results)
    served = read_optional(Served, place.served)
    checks = read_optional(Checks, place.checks)
    write(place.report, render(results, served=served, checks=checks))
    if as_json:
        emit({"report": str(place.report)})
    else:
        say(f"Report: {place.report}")


def demo(
    seed: Annotated[int, typer.Option(min=0, help="Every random number follows from it.")] = 7,
    home: Home = Path("runs/demo"),
    config: Config = "reference",
    data: Annotated[
        Path | None,
        typer.Option(
            help="Folder of data sets to fit the scenario to first.", show_default="as shipped"
        ),
    ] = None,
    workers: Workers = 2,
    reproducible: Reproducible = False,
    as_json: AsJson = False,
) -> None:
    """The whole way, once: simulate, train, evaluate, approve, serve."""
    from experiments.demo.main import run_demo
    from experiments.demo.show import show

    finished = run_demo(
        config=config,
        seed=seed,
        home=home,
        workers=workers,
        data=data,
        reproducible=reproducible,
    )
    if as_json:
        emit(finished.summary)
    else:
        show(finished)


def pictures(
    home: Annotated[Path, typer.Option(help="Folder of a run with a report.")] = Path("runs/demo"),
    output: Annotated[Path, typer.Option(help="Folder that they go to.")] = Path("docs/pictures"),
    as_json: AsJson = False,
) -> None:
    """Draw the README's pictures: a run's report, by Chromium, and an environment's dashboard."""
    from experiments.reports.pictures import take_dashboard, take_report
    from experiments.runs.run_folder import RunFolder

    drawn = [take_report(RunFolder(home), output), take_dashboard(output)]
    if as_json:
        emit({"pictures": [str(path) for path in drawn]})
    else:
        say(f"Written to {' and '.join(str(path) for path in drawn)}")


def bench(
    output: Annotated[Path, typer.Option(help="Where the rows go.")] = Path(
        "benchmarks/results.json"
    ),
    only: Annotated[
        list[str] | None, typer.Option(help="Only this benchmark; may be repeated.")
    ] = None,
    quick: Annotated[
        bool, typer.Option(help="Fewer, shorter rounds, smaller populations.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Measure, each figure against a reference measured in the same run."""
    from experiments.benchmarks.bench import run_benchmarks

    with progress() as bars:
        task = bars.add_task("measuring", total=None)
        rows = run_benchmarks(
            output,
            only=tuple(only or ()),
            quick=quick,
            on_progress=lambda name, done, total: bars.update(
                task, description=name, completed=done, total=total
            ),
            on_absent=lambda name, why: note(f"{name} was left out: {why}"),
        )
    if as_json:
        emit([row.to_dict() for row in rows])
        return
    show_table(
        "Benchmarks (medians; the reference is measured in turns with the subject)",
        ("name", "value", "unit", "reference", "ratio"),
        [
            (
                f"{row.name} / {row.against}",
                _figure(row.value),
                row.unit,
                _figure(row.reference),
                f"{row.ratio:.3g}" + (" (lower is better)" if row.better == "lower" else ""),
            )
            for row in rows
        ],
    )
    say(f"Written to {output}")


def _figure(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


@contextmanager
def _runner(
    config: str, seed: int | None, home: Path, workers: int, reproducible: bool
) -> Iterator[Runner | ApartRunner]:
    """A runner whose stages show progress bars, on as many workers as asked for."""
    from experiments.runs.apart import ApartRunner
    from experiments.runs.config import load
    from experiments.runs.executors import executor_of
    from experiments.runs.run_folder import RunFolder
    from experiments.runs.runner import Runner

    loaded = load(config).with_seed(seed).with_reproducible(reproducible)
    with progress() as bars:
        tasks: dict[str, int] = {}

        def on_stage(stage: str, done: int, total: int) -> None:
            if stage not in tasks:
                tasks[stage] = int(bars.add_task(stage, total=total))
            bars.update(tasks[stage], completed=done)  # type: ignore[arg-type]

        if loaded.reproducible:
            yield ApartRunner(loaded, RunFolder(home), workers, on_stage)
        else:
            with executor_of(workers) as executor:
                yield Runner(loaded, RunFolder(home), executor, on_stage)
