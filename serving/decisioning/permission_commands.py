"""``troth permission``: what a customer said on the telephone or in a letter."""

from __future__ import annotations

from datetime import timedelta
from typing import Annotated

import typer
from rich.markup import escape

from serving.decisioning.commands import Home, settings_of
from serving.decisioning.permissions import ALL, MARKETING, REASONS, Permission
from serving.guardrails.config import CONTACT_CHANNELS
from serving.installation import opened
from troth.errors import InvalidArgument
from troth.output import AsJson, emit, note, say
from troth.types import new_id, parse_time


def register(app: typer.Typer) -> None:
    """Add the commands to ``app``."""
    permission = typer.Typer(help="What customers permit and refuse.")
    permission.command("set")(set_command)
    app.add_typer(permission, name="permission")


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
    from serving.decisioning import reports
    from serving.decisioning.clock import server_clock

    known = {ALL: None, **{str(c): c for c in CONTACT_CHANNELS}}
    if channel not in known:
        raise InvalidArgument(f"{channel!r} is not one of {', '.join(known)}", field="channel")
    settings, now = settings_of(home), server_clock()
    tolerance = timedelta(seconds=settings.max_clock_skew_s)
    report = reports.checked(
        reports.PermissionReport(
            permission_id=new_id(),
            customer_id=customer,
            permission=Permission(
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
        done = reports.take(connection, report, now=now, tolerance=tolerance, via="command")
    if json:
        emit({"effective": done.effective, "reason": done.reason})
        return
    said = "granted" if granted else "refused"
    told = f"is {said}" if done.effective else f"is not {said}: {REASONS[done.reason]}"
    say(escape(f"{customer}: {channel} {told}."))
    if report.permission.purpose != MARKETING:
        note(f"Kept for {report.permission.purpose}: decisions go by {MARKETING} only.")
