"""``troth profiles`` and ``troth permission``: what is known of customers, and what they said."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from serving.customers.permissions import ALL, MARKETING, REASONS, PermissionFact
from serving.installation import opened
from serving.options import Home, settings_of
from troth.cli.output import AsJson, emit, note, progress, say, show_mapping, show_table
from troth.digests import canonical_json
from troth.errors import InvalidArgument
from troth.guardrails.config import CONTACT_CHANNELS
from troth.types import new_id, parse_time

MOST_LINES = 20
"""Changes and notes of a loaded file that are told on the terminal."""


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    profiles = typer.Typer(help="Customers: time zones, permissions, contacts made elsewhere.")
    profiles.command("load")(load_command)
    app.add_typer(profiles, name="profiles")
    permission = typer.Typer(help="What customers permit and refuse.")
    permission.command("set")(set_command)
    app.add_typer(permission, name="permission")


def load_command(
    file: Annotated[Path, typer.Argument(help="Parquet or CSV, one row per customer.")],
    report: Annotated[
        Path | None, typer.Option(help="Write what each line changed to this file, as JSON.")
    ] = None,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Load customers: zone, permit_<channel>, given_at, source, contacts in other logs.

    A guardrail of the installation that is to be told more has a column for it.

    What a file does not say stays as it is, and loading it again changes nothing, save that a
    refusal without a time (given_at or as_of) counts from each load. A permission
    that a customer refused comes back only with a row that says when (given_at, after the
    refusal) and where (source) they consented again; as_of, when the row was read, does not.
    """
    from serving.customers.importing import LineReport, load_customers, told_facts
    from troth.files import write_whole

    settings = settings_of(home)
    database = opened(settings)
    facts, doubt = told_facts(settings.home)
    lines: list[LineReport] = []
    with progress() as bars:
        task = bars.add_task("customers", total=None)
        loaded = load_customers(
            database,
            file,
            tolerance=timedelta(seconds=settings.max_clock_skew_s),
            told=facts,
            on_progress=lambda done, total: bars.update(task, completed=done, total=total),
            on_line=lines.append,
        )
    told = {
        **loaded.counts(),
        "notes": [*doubt, *loaded.notes],
        "lines": [line.to_dict() for line in lines],
    }
    if report is not None:
        write_whole(report, canonical_json(told) + b"\n")
    if json:
        emit(told)
        return
    show_mapping(f"Loaded {file}", loaded.counts())
    for sentence in (*doubt, *loaded.notes)[:MOST_LINES]:
        note(escape(sentence))
    changes = [change for line in lines for change in line.sentences()]
    if changes:
        show_table("What changed", ("line", "customer", "what"), changes[:MOST_LINES])
    if len(changes) > MOST_LINES:
        note(f"{len(changes) - MOST_LINES:,} more changes; --report tells of all.")


def set_command(
    customer: Annotated[str, typer.Argument(help="The customer's id, as in requests.")],
    granted: Annotated[bool, typer.Option("--granted/--refused", help="What they said.")],
    channel: Annotated[str, typer.Option(help="Which channel, or all.")],
    given_at: Annotated[
        str | None, typer.Option(help="When they said so, ISO 8601 with a zone.")
    ] = None,
    source: Annotated[str, typer.Option(help="Where they said so.")] = "",
    purpose: Annotated[str, typer.Option(help="What for.")] = MARKETING,
    home: Home = None,
    json: AsJson = False,
) -> None:
    """Store what a customer granted or refused; the next decision knows of it.

    A refusal outlives every consent that was given before it, and every one that does not say
    when and where it was given.
    """
    from serving.clock import server_clock
    from serving.customers import permission_reports

    known = {ALL: None, **{str(c): c for c in CONTACT_CHANNELS}}
    if channel not in known:
        raise InvalidArgument(f"{channel!r} is not one of {', '.join(known)}", field="channel")
    settings, now = settings_of(home), server_clock()
    tolerance = timedelta(seconds=settings.max_clock_skew_s)
    report = permission_reports.checked(
        permission_reports.PermissionReport(
            permission_id=new_id(),
            customer_id=customer,
            permission=PermissionFact(
                channel=known[channel],
                granted=granted,
                given_at=parse_time(given_at, "given_at") if given_at else None,
                source=source,
                purpose=purpose,
            ),
        ),
        now,
        tolerance,
    )
    with opened(settings).write() as connection:
        done = permission_reports.take(
            connection, report, now=now, tolerance=tolerance, via="command"
        )
    if json:
        emit({"effective": done.effective, "reason": done.reason})
        return
    said = "granted" if granted else "refused"
    told = f"is {said}" if done.effective else f"is not {said}: {REASONS[done.reason]}"
    say(escape(f"{customer}: {channel} {told}."))
    if report.permission.purpose != MARKETING:
        note(f"Kept for {report.permission.purpose}: decisions go by {MARKETING} only.")
