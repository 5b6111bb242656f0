"""Options that the serving commands share, and what they stand for."""

from __future__ import annotations

import getpass
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer
from pydantic import ValidationError

from troth.errors import InvalidArgument
from troth.settings import Settings

Home = Annotated[
    Path | None,
    typer.Option(
        "--home", help="State of the installation.", show_default="TROTH_HOME or runs/default"
    ),
]
KeyFile = Annotated[
    Path, typer.Option("--key", help="Your private key, as `troth keys new` wrote it.")
]
ProposalId = Annotated[str, typer.Argument(help="As `troth proposals list` shows it.")]
Reason = Annotated[str, typer.Option(help="Why, for those who read the audit log.")]


def settings_of(home: Path | None) -> Settings:
    """The settings, with ``home`` in place of their own if given.

    Raises:
        InvalidArgument: naming the variable that holds what cannot be.
    """
    try:
        return Settings(home=home) if home else Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "TROTH_" + ".".join(str(part) for part in first["loc"]).upper()
        raise InvalidArgument(str(first["msg"]), field=name) from error


def now() -> datetime:
    """Aware UTC."""
    return datetime.now(UTC)


def actor() -> str:
    """Who runs the command, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"
