"""Commands that are not there: each says which extra brings it when it is called."""

from __future__ import annotations

import typer
from typer.models import TyperInfo

from troth.cli import extras
from troth.errors import FailedPrecondition


def names(app: typer.Typer) -> set[str | None]:
    """Commands and groups of ``app``."""
    return {command.name for command in app.registered_commands} | {
        group.name or _own_name(group) for group in app.registered_groups
    }


def replace_absent(app: typer.Typer) -> None:
    """Put what says which extra it needs in the place of each command that has not got it."""
    there = names(app)
    absent = {name for name in extras.NEEDS if name not in there or extras.missing(name)}
    app.registered_commands = [c for c in app.registered_commands if c.name not in absent]
    app.registered_groups = [
        g for g in app.registered_groups if (g.name or _own_name(g)) not in absent
    ]
    for name in sorted(absent):
        app.command(
            name,
            hidden=True,
            add_help_option=False,
            context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
        )(_absent)


def _own_name(group: TyperInfo) -> str | None:
    """The name that a group gave itself, rather than was added under."""
    return None if group.typer_instance is None else group.typer_instance.info.name


def _absent(context: typer.Context) -> None:
    """It needs an extra that is not installed."""
    name = context.info_name or ""
    needed = extras.missing(name) or extras.NEEDS[name]
    raise FailedPrecondition(f"{name} needs an extra: {extras.to_install(needed)}", field="command")
