"""A scenario that starts quickly, as a file, and long runs that take a moment."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest

from experiments.populations.long_run import live
from experiments.populations.plan import Plan
from experiments.populations.summary import Summary
from experiments.runs.executors import SerialExecutor

OUTPUT = ("histories.npz", "totals.parquet", "transactions.parquet")
"""What must be the same to the byte, however it was computed."""


@pytest.fixture(scope="session")
def scenario_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The reference with two days of warm-up."""
    text = (files("simulator.scenarios") / "reference.toml").read_text("utf-8")
    quick, found = re.subn(r"(?m)(^\[warm_up\]\ndays = )\d+", r"\g<1>2", text)
    assert found == 1
    path = tmp_path_factory.mktemp("scenario") / "quick.toml"
    path.write_text(quick, "utf-8")
    return path


@pytest.fixture
def make_plan(scenario_file: Path) -> Callable[..., Plan]:
    """A plan of 90 customers in two shards for eight days; keywords change it."""

    def plan(**changes: Any) -> Plan:
        values: dict[str, Any] = {
            "customers": 90,
            "days": 8,
            "seed": 2**64 - 3,
            "policy": "uniform",
            "shard": 50,
            "transactions": True,
        }
        return Plan.of(str(scenario_file), **{**values, **changes})

    return plan


@pytest.fixture
def run(tmp_path: Path) -> Callable[..., Summary]:
    """Live a plan in this process, in a folder of the test's own."""

    def lived(plan: Plan, name: str = "run", **options: Any) -> Summary:
        return live(
            plan,
            tmp_path / name,
            SerialExecutor(),
            artifacts=tmp_path / "artifacts",
            **{"checkpoint_every": 3, **options},
        )

    return lived


@pytest.fixture
def same(tmp_path: Path) -> Callable[[str, str], bool]:
    """Whether two runs left the same bytes."""

    def compare(one: str, other: str) -> bool:
        return all(
            (tmp_path / one / name).read_bytes() == (tmp_path / other / name).read_bytes()
            for name in OUTPUT
        )

    return compare
