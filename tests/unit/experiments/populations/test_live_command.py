"""``troth live`` from the outside: killed by the system, on Ray, and wrongly asked for."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from experiments.populations.folder import CensusFolder
from experiments.populations.long_run import live
from experiments.populations.plan import Plan
from experiments.populations.summary import Summary
from experiments.runs.executors import RayExecutor

TROTH = [sys.executable, "-c", "from troth.cli.entry import main; main()"]


def _command(scenario: Path, out: Path, *more: str) -> list[str]:
    small = ["--customers", "900", "--days", "30", "--shard", "300", "--seed", "11"]
    kept = ["--transactions", "--checkpoint-every", "1", "--policy", "uniform"]
    where = ["--out", str(out), "--workers", "0", "--json"]
    return [*TROTH, "live", str(scenario), *small, *kept, *where, *more]


def _killed_at(command: list[str], progress: Path) -> None:
    """Start ``command`` and send SIGKILL as soon as ``progress`` has been written again."""
    before = progress.stat().st_mtime_ns if progress.exists() else 0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        until = time.monotonic() + 120
        while time.monotonic() < until and process.poll() is None:
            if progress.exists() and progress.stat().st_mtime_ns > before:
                break
            time.sleep(0.001)
    finally:
        process.kill()
        process.wait()
    assert process.returncode == -9, "it ended before it was killed"


@pytest.mark.slow
def test_killed_twice_it_ends_alike(
    scenario_file: Path, tmp_path: Path, same: Callable[[str, str], bool]
) -> None:
    """After SIGKILL in two different shards, --resume ends in the same bytes as no kill."""
    folder = CensusFolder(tmp_path / "killed")
    _killed_at(_command(scenario_file, folder.root), folder.shard(0).progress)
    assert not folder.summary.exists()
    _killed_at(_command(scenario_file, folder.root, "--resume"), folder.shard(1).progress)
    assert not folder.summary.exists()
    for name, more in (("killed", ["--resume"]), ("whole", [])):
        finished = subprocess.run(
            _command(scenario_file, tmp_path / name, *more), capture_output=True, text=True
        )
        assert finished.returncode == 0, finished.stderr
        assert "customer-days" in finished.stderr
        assert json.loads(finished.stdout)["plan"]["customers"] == 900
    assert same("killed", "whole")
    one, other = (
        Summary.model_validate_json((tmp_path / name / "summary.json").read_bytes())
        for name in ("killed", "whole")
    )
    assert (one.digest, one.totals) == (other.digest, other.totals)
    assert one.measured.customer_days < other.measured.customer_days == 27_000


@pytest.mark.slow
def test_ray_gives_the_same_bytes(
    make_plan: Callable[..., Plan],
    run: Callable[..., Summary],
    same: Callable[[str, str], bool],
    tmp_path: Path,
) -> None:
    """Shards lived on Ray workers leave the bytes of shards lived here."""
    plan = make_plan(shard=25)
    run(plan, "serial")
    with RayExecutor(2) as executor:
        live(plan, tmp_path / "ray", executor, artifacts=tmp_path, checkpoint_every=3)
    assert same("serial", "ray")


def test_wrong_usage_is_one_line(tmp_path: Path) -> None:
    """A wrong value ends the command with one line that names it, and writes nothing."""
    finished = subprocess.run(
        [*TROTH, "live", "--policy", "best", "--out", str(tmp_path / "out"), "--workers", "0"],
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 3
    assert finished.stderr.startswith("troth: policy: 'best'")
    assert finished.stderr.count("\n") == 1
    assert not (tmp_path / "out").exists()
