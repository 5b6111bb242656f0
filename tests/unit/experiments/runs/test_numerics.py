"""The reproducible mode: the same weights under whatever kernels a processor would choose."""

from __future__ import annotations

import json
import os
import platform
from pathlib import Path
from types import SimpleNamespace

import pytest
import tomli_w
from typer.testing import CliRunner

from experiments.reports.report import render
from experiments.runs import numerics
from experiments.runs.apart import ApartRunner
from experiments.runs.config import RunConfig, load, parse
from experiments.runs.executors import SerialExecutor
from experiments.runs.results import LoggedAll, RunResults, read_optional, write_record
from experiments.runs.run_folder import RunFolder
from experiments.runs.runner import Runner
from troth.cli.entry import build
from troth.errors import FailedPrecondition, InvalidArgument, NotFound

OLDER = {"MKL_ENABLE_INSTRUCTIONS": "SSE4_2"}
"""What no setting of the mode fixes by itself."""


def small(**changes: object) -> RunConfig:
    """Both learners on small logs, seconds each."""
    data = load("reference").model_dump(mode="json")
    data["log"] |= {"customers": 1500, "days": 2, "held_out_customers": 200}
    data["evaluation"] |= {"seeds": 5, "customers": 120, "days": 2}
    bandit, ppo = data["learners"]
    bandit["settings"] |= {"draws": 8, "iterations": 2}
    ppo["settings"] |= {"total_steps": 512, "batch_size": 64}
    ppo["environment"] |= {"customers": 64, "horizon_days": 4}
    return parse({**data, **changes}, source="test")


def test_a_plain_process_is_refused(tmp_path: Path) -> None:
    """Libraries have read the environment long ago: the run says so, and computes nothing."""
    with pytest.raises(FailedPrecondition) as caught:
        Runner(small(reproducible=True), RunFolder(tmp_path / "run"), SerialExecutor())
    assert caught.value.field == "reproducible"
    assert "MKL_CBWR=COMPATIBLE" in caught.value.message
    assert not (tmp_path / "run").exists()


def test_settings_that_came_too_late_are_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    """All variables stand, and the libraries go their own way: it is the latter that counts."""
    for name, value in numerics.settings().items():
        monkeypatch.setenv(name, value)
    seen = numerics.observed()
    assert seen.settings == numerics.settings()
    right = seen.model_copy(update={"kernels": {"NumPy": "baseline", "ATEN": "DEFAULT"}})
    numerics.require_reproducible(right)
    astray = seen.model_copy(update={"kernels": {"NumPy": "baseline", "ATEN": "AVX512"}})
    with pytest.raises(FailedPrecondition, match="ATEN goes by AVX512 and not by DEFAULT"):
        numerics.require_reproducible(astray)


def test_no_settings_are_made_up_for_another_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    """On an ARM processor the mode is refused, and a plain run tells what it sees."""
    monkeypatch.setattr(platform, "machine", lambda: "aarch64")
    with pytest.raises(FailedPrecondition, match="aarch64"):
        numerics.settings()
    seen = numerics.observed()
    assert (seen.architecture, seen.reproducible) == ("aarch64", False)


def test_a_report_tells_the_machine(records: SimpleNamespace) -> None:
    """Processor, kernels, and whether the figures hold elsewhere."""
    html = render(records.results())
    assert "Test processor (haswell)" in html
    assert "0123456789abcdef" in html


def test_the_mode_changes_no_digest_of_the_configuration() -> None:
    """Artifacts of the same weights are the same, however they were computed."""
    plain = small()
    assert plain.with_reproducible(True).digest == plain.digest
    assert plain.with_reproducible(True).reproducible
    assert small(reproducible=True).with_reproducible(False).reproducible


def test_errors_of_the_other_process_are_typed(tmp_path: Path) -> None:
    """Missing logs, logs simulated without the mode, wrong settings: each as without it."""
    config = small(reproducible=True)
    home = RunFolder(tmp_path)
    with pytest.raises(NotFound) as caught:
        ApartRunner(config, home, 0).train()
    assert caught.value.field == "log"
    wrong = config.model_dump(mode="json")
    wrong["learners"][0]["settings"] = {"unknown": 1}
    with pytest.raises(InvalidArgument):
        ApartRunner(parse(wrong, source="test"), home, 0)


@pytest.mark.slow
def test_the_same_weights_under_older_instruction_sets(tmp_path: Path) -> None:
    """The bandit's and PPO's, and every figure of the run, to the last bit."""
    found = []
    for name, more in (("here", {}), ("older", OLDER)):
        runner = ApartRunner(
            small(reproducible=True),
            RunFolder(tmp_path / name),
            0,
            environment={**numerics.settings(), **more},
        )
        found.append(runner.run())
    here, older = found
    assert here.provenance.machine.reproducible
    assert [row.digest for row in here.trained] == [row.digest for row in older.trained]
    assert {row.learner for row in here.trained} == {"linear_thompson", "masked_ppo"}
    assert here.standings == older.standings
    assert here.off_policy == older.off_policy
    assert here.provenance.machine.arithmetic == older.provenance.machine.arithmetic


@pytest.mark.slow
def test_the_command_starts_a_process_that_has_the_settings(tmp_path: Path) -> None:
    """Its workers have them too, what it leaves tells so, and plain logs do not slip in."""
    suite = tmp_path / "small.toml"
    config = small().model_dump(mode="json")
    config["learners"] = config["learners"][:1]
    for learner in config["learners"]:
        learner.pop("environment")
    suite.write_text(tomli_w.dumps(config), encoding="utf-8")
    home = tmp_path / "run"
    before = dict(os.environ)
    command = ["run", "--config", str(suite), "--home", str(home), "--workers", "1", "--json"]
    done = CliRunner().invoke(build(), [*command, "--reproducible"], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert dict(os.environ) == before
    results = RunResults.read(home / "results.json")
    assert results.provenance.machine.reproducible
    assert json.loads(done.stdout)["provenance"]["machine"]["kernels"]["ATEN"] == "DEFAULT"
    logged = read_optional(LoggedAll, home / "logged.json")
    assert logged is not None
    assert logged.machine.reproducible
    plain = logged.machine.model_copy(update={"reproducible": False})
    write_record(home / "logged.json", logged.model_copy(update={"machine": plain}))
    with pytest.raises(FailedPrecondition) as caught:
        ApartRunner(load(suite).with_reproducible(True), RunFolder(home), 0).train()
    assert caught.value.field == "log"
