"""The demo as a user runs it, small."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from experiments.runs.config import load
from experiments.runs.results import RunResults
from troth.cli.entry import build
from troth.files import write_text

pytestmark = [pytest.mark.slow, pytest.mark.service, pytest.mark.timeout(600)]


def _config(path: Path) -> Path:
    """A suite that takes seconds, as TOML."""
    config = load("reference")
    text = """
name = "Small demo"
scenario = "reference"
seed = 1
[log]
customers = 1500
days = 3
held_out_customers = 200
[evaluation]
seeds = 5
customers = 150
days = 3
[serve]
customers = 150
warm_up_days = 10
repeats = 20
[[learners]]
name = "linear_thompson"
kind = "linear_thompson"
settings = { draws = 8, iterations = 2 }
"""
    assert config.serve.customers > 150
    write_text(path, text)
    return path


def test_demo_from_start_to_end(tmp_path: Path) -> None:
    """Calibrate to served day: every check holds, and any decision replays from the command."""
    home = tmp_path / "demo"
    suite = _config(tmp_path / "small.toml")
    runner = CliRunner()
    command = ["demo", "--config", str(suite), "--seed", "3", "--home", str(home)]
    done = runner.invoke(build(), [*command, "--workers", "0", "--json"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    summary = json.loads(done.stdout)
    assert summary == json.loads((home / "summary.json").read_text())
    assert summary["seed"] == 3
    assert summary["served"]["decisions"] == 150
    assert sum(summary["served"]["by_channel"].values()) == 150
    assert summary["served"]["errors"] == {}
    assert {"consent", "frequency_cap", "quiet_hours"} <= set(summary["served"]["refusals"])
    for check in ("audit_ok", "unapproved_refused", "repeat_identical", "replay_identical"):
        assert summary[check] is True, check
    assert RunResults.read(home / "results.json").seed == 3
    assert "The served day" in (home / "report.html").read_text()

    decisions = json.loads((home / "day.json").read_text())["decisions"]
    replayed = runner.invoke(build(), ["replay", decisions[-1], "--home", str(home)])
    assert replayed.exit_code == 0, replayed.output
    verified = runner.invoke(build(), ["audit", "verify", "--home", str(home)])
    assert verified.exit_code == 0, verified.output
