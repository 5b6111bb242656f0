"""``troth`` commands of governance, each a thin dress over a library function."""

from __future__ import annotations

import typer

from serving.audit import commands
from serving.governance import board_commands, proposal_commands, registry_commands


def register(app: typer.Typer) -> None:
    """Add keys, board, proposals, votes, registry and audit to ``app``."""
    board_commands.register(app)
    proposal_commands.register(app)
    registry_commands.register(app)
    commands.register(app)
