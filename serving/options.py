"""Options that the serving commands share, and what they stand for."""

from __future__ import annotations

import getpass
from pathlib import Path
from typing import Annotated

import typer

from troth.settings import settings_of as settings_of

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


def actor() -> str:
    """Who runs the command, as the operating system knows them."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number without a name
        return "unknown"
