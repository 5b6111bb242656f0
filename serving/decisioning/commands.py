"""``troth replay`` and ``troth log``: decisions made again, and written out for learners."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from serving.installation import opened
from serving.options import Home, settings_of
from troth.cli.output import AsJson, emit, note, progress, say, show_mapping, show_table


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    app.command("replay")(replay_command)
    log = typer.Typer(help="The log of decisions and what came of them.")
    log.command("export")(export_command)
    app.add_typer(log, name="log")


def replay_command(
    decision_id: Annotated[str, typer.Argument(help="A decision of this installation.")],
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Make a stored decision again and compare it with its record, bit for bit.

    Exits with 6 if they differ.
    """
    from agents.artifacts.artifact import ArtifactStore
    from serving.decisioning.replay import replay
    from troth.errors import DataLoss

    settings = settings_of(home)
    report = replay(opened(settings), ArtifactStore(settings.artifacts), decision_id)
    if json:
        emit(report.to_dict())
    else:
        decision = report.decision
        show_mapping(
            "Decision",
            {
                "decision": decision.decision_id,
                "customer": decision.customer_id,
                "for": decision.decided_at.isoformat(),
                "action": f"{decision.action_id} ({decision.channel})",
                "propensity": decision.propensity,
                "served by": f"{decision.served_by}: {', '.join(decision.reasons)}",
            },
        )
        show_table(
            "Replay",
            ("part", "identical", "made again"),
            [(c.name, "yes" if c.identical else "NO", c.recomputed) for c in report.comparisons],
        )
    if not report.identical:
        parts = ", ".join(c.name for c in report.comparisons if not c.identical)
        raise DataLoss(f"the replay differs from the record in {parts}", field="decision_id")
    note("The replay is identical to the record, bit for bit.")


def export_command(
    file: Annotated[Path, typer.Argument(help="The Parquet file to write.")],
    catalogue: Annotated[
        str | None, typer.Option(help="Digest of a catalogue, if there are several.")
    ] = None,
    window_days: Annotated[
        int, typer.Option(min=1, max=180, help="How long outcomes count, days.")
    ] = 28,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Write decisions and their rewards (margin minus cost of the contact) as Parquet."""
    from agents.artifacts.artifact import ArtifactStore
    from serving.clock import server_clock
    from serving.customers.importing import told_facts
    from serving.decisioning.export import export_log

    settings = settings_of(home)
    told, doubt = told_facts(settings.home)
    with progress() as bars:
        task = bars.add_task("decisions", total=None)
        exported = export_log(
            opened(settings),
            ArtifactStore(settings.artifacts),
            now=server_clock(),
            window=timedelta(days=window_days),
            catalogue_digest=catalogue,
            told=told,
            on_progress=lambda done, total: bars.update(task, completed=done, total=total),
        )
    exported.batch.write(file)
    figures = {
        "file": str(file),
        "decisions": len(exported.batch),
        "censored": int(exported.batch.censored.sum()),
        "unanswered": exported.unanswered,
        "mean_reward_minor": float(exported.batch.reward_minor.mean()),
    }
    if json:
        emit({**figures, "notes": list(doubt)})
    else:
        for sentence in doubt:
            note(escape(sentence))
        say(f"Wrote {len(exported.batch):,} decisions to {file}.")
        show_mapping("Log", figures)
