"""``troth audit``."""

from __future__ import annotations

from collections import deque
from pathlib import Path
from typing import Annotated

import typer
from rich.progress import TaskID

from serving.audit import audit_log
from serving.installation import store_of
from serving.options import Home, settings_of
from serving.storage.database import Database
from troth.cli.output import AsJson, emit, progress, say, show_table
from troth.errors import DataLoss, FailedPrecondition, NotFound

MOST_ROWS = 1_000_000
"""Shown at once."""


def register(app: typer.Typer) -> None:
    """Add the group to ``app``."""
    group = typer.Typer(name="audit", help="The audit log.", no_args_is_help=True)
    group.command("verify")(verify)
    group.command("export-head")(export_head)
    group.command("list")(list_rows)
    app.add_typer(group)


def verify(
    head: Annotated[
        Path | None, typer.Option(help="A head exported before: finds what was cut or rewritten.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Recompute the whole log, and compare votes, registry, permissions and decisions with it.

    Exits 6 if anything was tampered with.
    """
    database = _open(home)
    against = audit_log.Head.read(head) if head else None
    with progress() as bars:
        tasks: dict[str, TaskID] = {}

        def on_progress(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = bars.add_task(f"{table} rows", total=total)
            bars.update(tasks[table], completed=done)

        report = audit_log.verify(database, against=against, on_progress=on_progress)
    if as_json:
        emit(report.to_dict())
    elif report.findings:
        show_table(
            "Findings",
            ("kind", "row", "what"),
            [(f.kind, f.seq if f.seq is not None else "", f.message) for f in report.findings],
        )
    else:
        say(
            f"the log is whole: {report.rows} rows, agreeing with"
            f" {report.checkpoints} signed heads; head {report.seq} {report.hash}",
            style="green",
        )
    if not report.ok:
        raise DataLoss(f"{len(report.findings)} findings in {report.rows} rows", field="audit")


def export_head(
    out: Annotated[
        Path | None, typer.Option(help="File to write; keep it where this host cannot reach.")
    ] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Sign the head of the log and hand it out."""
    head = audit_log.checkpoint(_open(home))
    if head is None:
        raise FailedPrecondition("the log is empty", field="audit")
    if out is not None:
        head.write(out)
    if as_json or out is None:
        emit(head.to_dict())
    else:
        say(f"row {head.seq}, {head.hash}, signed in {out}")


def list_rows(
    last: Annotated[
        int, typer.Option(help="How many rows, the newest.", min=1, max=MOST_ROWS)
    ] = 20,
    kind: Annotated[str | None, typer.Option(help="Of this kind only.")] = None,
    home: Home = None,
    as_json: AsJson = False,
) -> None:
    """Show the newest rows, oldest of them first."""
    with _open(home).read() as unit:
        found = deque(audit_log.rows(unit, kind=kind), maxlen=last)
    if as_json:
        emit([row.to_dict() for row in found])
        return
    show_table(
        "Audit log",
        ("row", "at", "kind", "payload"),
        [(row.seq, row.at, row.kind, row.payload) for row in found],
    )


def _open(home: Path | None) -> Database:
    """The store alone: whoever audits a copy away from the host has nothing else."""
    settings = settings_of(home)
    if isinstance(settings.database, Path) and not settings.database.is_file():
        raise NotFound(f"{settings.database} does not exist", field="home")
    return store_of(settings)
