"""The commands of the experiments floor, as typed in a shell."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from experiments.commands import register
from experiments.runs.results import RunResults
from experiments.runs.runner import Runner
from troth.errors import InvalidArgument, NotFound

SUITE = """
name = "Small run"
scenario = "reference"
seed = 1
[log]
customers = 1500
days = 2
held_out_customers = 150
[evaluation]
seeds = 5
customers = 120
days = 2
[ope]
folds = 2
[serve]
customers = 50
[[learners]]
name = "bandit"
kind = "linear_thompson"
settings = { draws = 8, iterations = 2 }
"""


def _troth(*arguments: str) -> Result:
    import typer

    app = typer.Typer()
    register(app)
    return CliRunner().invoke(app, list(arguments))


def test_help_lists_the_commands() -> None:
    """Every command is registered and says what it does, without loading torch or ray."""
    shown = _troth("--help")
    assert shown.exit_code == 0
    for name in ("simulate", "train", "run", "report", "demo", "bench"):
        assert name in shown.stdout


def test_errors_come_through_typed(tmp_path: Path) -> None:
    """A missing suite, a missing run and a bad seed are typed errors, for the exit code."""
    assert isinstance(_troth("run", "--config", "absent").exception, NotFound)
    assert isinstance(_troth("report", "--home", str(tmp_path)).exception, NotFound)
    wrong = _troth("simulate", "--seed", "-1", "--home", str(tmp_path))
    assert isinstance(wrong.exception, InvalidArgument)
    assert wrong.exception.field == "seed"
    assert isinstance(_troth("bench", "--only", "nothing").exception, InvalidArgument)


@pytest.mark.slow
def test_simulate_train_run_report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Stage by stage or in one go, the commands leave the same policies and a report."""
    suite = tmp_path / "small.toml"
    suite.write_text(SUITE)
    options = ["--config", str(suite), "--workers", "0", "--json"]
    steps, whole = tmp_path / "steps", tmp_path / "whole"
    logged = _troth("simulate", *options, "--home", str(steps))
    assert logged.exit_code == 0, logged.output
    assert [row["rows"] for row in json.loads(logged.stdout)["logs"]] == [3000] * 5
    trained = json.loads(_troth("train", *options, "--home", str(steps)).stdout)["trained"]
    run = json.loads(_troth("run", *options, "--home", str(whole)).stdout)
    assert [row["digest"] for row in run["trained"]] == [row["digest"] for row in trained]
    page = Path(run["report"]).read_text()
    assert "Small run" in page
    Path(run["report"]).unlink()
    assert _troth("report", "--home", str(whole)).exit_code == 0
    assert Path(run["report"]).read_text() == page
    finished = RunResults.read(whole / "results.json")
    monkeypatch.setattr(Runner, "run", lambda _: finished)  # once is enough
    tables = _troth("run", *options[:-1], "--home", str(whole))
    assert "over RFM" in tables.stdout
    assert "…" not in tables.stdout
