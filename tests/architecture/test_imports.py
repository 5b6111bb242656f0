"""The import contracts hold, and each of them can fail."""

from __future__ import annotations

import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]

PLANTED = {
    "floors": ("troth/types.py", "import agents.policies.uniform"),
    "production": ("serving/storage/database.py", "import simulator.world"),
    "views": ("envs/bridges/sb3.py", "import agents.policies.uniform"),
    "core": ("serving/decisioning/pipeline.py", "import ray"),
    "grpc": ("serving/audit/audit_log.py", "import grpc"),
    "wire": ("serving/rpc/handler.py", "import troth.v1.decision_service_pb2"),
    "transport": ("serving/decisioning/requests.py", "import troth.wire.forms"),
    "simulator": ("simulator/model/basket.py", "import simulator.day.orders"),
    "guardrails": ("troth/guardrails/config.py", "import troth.logs.batches"),
    "serving": ("serving/signing/keys.py", "import serving.audit.chain"),
    "agents": ("agents/models/bilinear.py", "import agents.ope.target"),
    "environments": ("envs/base/cohort.py", "import envs.problems.messages"),
    "runs": ("experiments/runs/config.py", "import experiments.reports.charts"),
    "store": ("serving/customers/profiles.py", "import sqlite3"),
    "circles": ("troth/errors.py", "import troth.catalogue"),
}


def lint(where: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run import-linter on the packages below ``where``."""
    code = (
        "import sys; sys.path.insert(0, '.');"
        "from importlinter.cli import lint_imports_command as run; run()"
    )
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache", *arguments],
        cwd=where,
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The packages and their configuration, somewhere they can be spoiled."""
    where = tmp_path_factory.mktemp("planted")
    shutil.copy(ROOT / "pyproject.toml", where)
    for package in CONFIG["root_packages"]:
        shutil.copytree(
            ROOT / package, where / package, ignore=shutil.ignore_patterns("__pycache__")
        )
    return where


def test_contracts_hold(copy: Path) -> None:
    """The code as it is breaks no contract."""
    result = lint(copy)
    assert result.returncode == 0, result.stdout + result.stderr


def test_every_contract_has_a_planted_violation() -> None:
    """A contract added without its proof is noticed."""
    assert set(PLANTED) == {contract["id"] for contract in CONFIG["contracts"]}


@pytest.mark.parametrize("contract", sorted(PLANTED))
def test_a_planted_violation_is_caught(copy: Path, contract: str) -> None:
    """One forbidden import breaks exactly the contract that forbids it."""
    path, line = PLANTED[contract]
    module = copy / path
    before = module.read_text()
    try:
        module.write_text(f"{before}\n{line}\n")
        result = lint(copy, "--contract", contract)
    finally:
        module.write_text(before)
    assert result.returncode == 1, result.stdout + result.stderr
    assert "BROKEN" in result.stdout
