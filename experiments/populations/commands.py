"""``troth live``."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from experiments.runs.baselines import NAMES
from troth.cli.output import AsJson, emit, progress, say, show_mapping

if TYPE_CHECKING:
    from experiments.populations.summary import Summary


def live(
    scenario: Annotated[
        str, typer.Argument(help="Name of a shipped scenario, or a TOML file.")
    ] = "reference",
    customers: Annotated[int, typer.Option(min=1, help="How many live.")] = 1_000_000,
    days: Annotated[int, typer.Option(min=1, help="How long.")] = 365,
    policy: Annotated[
        str,
        typer.Option(help=f"{', '.join(NAMES)}, plain, or the digest of an artifact."),
    ] = "plain",
    seed: Annotated[int, typer.Option(min=0, help="Every random number follows from it.")] = 7,
    out: Annotated[Path, typer.Option(help="Folder of this run alone.")] = Path("runs/live"),
    workers: Annotated[
        int, typer.Option(min=0, max=64, help="Ray workers; 0 computes in this process.")
    ] = 2,
    threads: Annotated[int, typer.Option(min=1, max=64, help="Threads per worker.")] = 1,
    shard: Annotated[
        int, typer.Option(min=1, help="Customers in memory at a time, per worker.")
    ] = 100_000,
    checkpoint_every: Annotated[
        int, typer.Option(min=1, help="Days lost at most when the run is killed.")
    ] = 30,
    transactions: Annotated[
        bool, typer.Option("--transactions", help="Keep every purchase.")
    ] = False,
    resume: Annotated[
        bool,
        typer.Option("--resume", help="Go on with the run in --out; begins where there is none."),
    ] = False,
    artifacts: Annotated[
        Path, typer.Option(help="Store that a policy's digest is looked up in.")
    ] = Path("runs/reference/artifacts"),
    as_json: AsJson = False,
) -> None:
    """Let a population of any size live for a long time, and sum it up.

    It may be killed at any moment: with --resume it goes on, and ends in the same result.
    """
    from experiments.populations.long_run import live as run
    from experiments.populations.plan import Plan
    from experiments.runs.executors import executor_of

    plan = Plan.of(
        scenario,
        customers=customers,
        days=days,
        seed=seed,
        policy=policy,
        shard=shard,
        transactions=transactions,
    )
    with progress() as bars, executor_of(workers) as executor:
        task = bars.add_task("customer-days", total=plan.customer_days)
        first: list[tuple[float, int]] = []

        def on_progress(done: int, total: int) -> None:
            now = time.monotonic()
            if not first:
                first.append((now, done))
            began, before = first[0]
            if done == before:  # a first run compiles the simulator before anybody lives
                said = "customer-days (the first run compiles for up to a minute)"
            else:
                said = f"customer-days, {(done - before) / (now - began) / 1e6:.2f} M/s"
            bars.update(task, completed=done, total=total, description=said)

        summary = run(
            plan,
            out,
            executor,
            artifacts=artifacts,
            checkpoint_every=checkpoint_every,
            resume=resume,
            workers=workers,
            threads=threads,
            on_progress=on_progress,
        )
    if as_json:
        emit(summary.model_dump(mode="json"))
    else:
        _show(summary, out)


def _show(summary: Summary, out: Path) -> None:
    totals, measured, people = summary.totals, summary.measured, summary.plan.customers
    show_mapping(
        f"{people:,} customers, {summary.plan.days:,} days, {summary.plan.policy}",
        {
            "orders per customer": totals["orders"] / people,
            "spend per customer": totals["spend_minor"] / 100.0 / people,
            "opt-outs per customer": totals["opt_outs"] / people,
            "points outstanding per customer": totals["points_outstanding"] / people,
            "customer-days per second": f"{measured.customer_days_per_second:,.0f}",
            "peak memory per customer": f"{measured.peak_bytes_per_customer:,.0f} bytes",
            "state per customer": f"{measured.state_bytes_per_customer:,.0f} bytes",
        },
    )
    say(f"Histories {summary.digest}")
    say(f"Written to {out}")
