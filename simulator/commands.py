"""The simulator's commands."""

from __future__ import annotations

import typer

from simulator.calibration.command import calibrate


def register(app: typer.Typer) -> None:
    """Add the simulator's commands to ``app``."""
    app.command("calibrate")(calibrate)
