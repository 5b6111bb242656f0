"""``troth calibrate``, ``troth validate``, ``troth scenarios``."""

from __future__ import annotations

import typer

from simulator.calibration.command import calibrate
from simulator.scenarios.command import scenarios
from simulator.validity.command import validate


def register(app: typer.Typer) -> None:
    """Add the simulator's commands to ``app``."""
    app.command("calibrate")(calibrate)
    app.command("validate")(validate)
    app.command("scenarios")(scenarios)
