"""Benchmarks: ratios are of things measured in turns, rows say what they are."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from experiments.benchmarks.bench import WHERE, run_benchmarks
from experiments.benchmarks.harness import Timing, compare, latency_row
from troth.errors import InvalidArgument


def test_ratio_of_known_speeds() -> None:
    """Three units in the time of one is three times as fast; the two take turns."""
    turns: list[str] = []

    def work(name: str, units: int) -> int:
        turns.append(name)
        time.sleep(0.004)
        return units

    row = compare(
        "three",
        "units/s",
        lambda: work("subject", 3),
        lambda: work("reference", 1),
        against="one",
        timing=Timing(rounds=3, seconds=0.001),
    )
    assert row.ratio == pytest.approx(3.0, rel=0.3)
    assert row.value == pytest.approx(row.reference * row.ratio, rel=0.3)
    assert turns[4:] == ["subject", "reference"] * 3


def test_latency_is_the_median_of_medians() -> None:
    """By hand: medians 2, 4, 6 against 1, 2, 2 give 4 ms, 2 ms and ratios 2, 2, 3."""
    row = latency_row(
        "calls",
        [[1.0, 2.0, 9.0], [4.0], [6.0, 6.0]],
        [[1.0], [2.0], [2.0]],
        against="echo",
    )
    assert (row.value, row.reference, row.ratio) == (4.0, 2.0, 2.0)
    assert row.better == "lower"


def test_rows_are_written(tmp_path: Path) -> None:
    """The file is a list of rows with the agreed keys, and progress names each benchmark."""
    seen: list[tuple[str, int, int]] = []
    output = tmp_path / "deep" / "results.json"
    run_benchmarks(
        output, only=("streams",), quick=True, on_progress=lambda *step: seen.append(step)
    )
    rows = json.loads(output.read_text())
    assert len(rows) == 1
    assert {"name", "value", "unit", "reference", "ratio"} <= set(rows[0])
    assert rows[0]["ratio"] > 0
    assert seen == [("streams", 0, 1), ("measured", 1, 1)]


def test_unknown_benchmark_is_refused(tmp_path: Path) -> None:
    """A slip in a name would otherwise measure nothing and look fine."""
    with pytest.raises(InvalidArgument, match="streams, world"):
        run_benchmarks(tmp_path / "x.json", only=("stream",))
    assert set(WHERE) >= {"streams", "world", "ppo", "thompson", "off-policy", "service"}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["world", "ppo", "thompson", "off-policy", "pipeline"])
def test_every_benchmark_measures(name: str, tmp_path: Path) -> None:
    """Each benchmark runs and finds positive figures."""
    for row in run_benchmarks(tmp_path / "x.json", only=(name,), quick=True):
        assert row.value > 0
        assert row.reference > 0
        assert row.ratio > 0
