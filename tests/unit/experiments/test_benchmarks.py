"""Benchmarks: ratios are of things measured in turns, rows say what they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from experiments.benchmarks import harness
from experiments.benchmarks.bench import WHERE, run_benchmarks
from experiments.benchmarks.days import dense_bytes
from experiments.benchmarks.harness import (
    Timing,
    compare,
    compare_stretches,
    latency_row,
    paired_row,
    stretch,
)
from experiments.benchmarks.worlds import CONTACTED, EPISODE_DAYS, BusyWorld
from troth.errors import InvalidArgument


def test_ratio_of_known_speeds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three units in the time of one is three times as fast; the two take turns."""
    turns: list[str] = []
    clock = [0.0]
    monkeypatch.setattr(harness, "perf_counter", lambda: clock[0])

    def work(name: str, units: int) -> int:
        turns.append(name)
        clock[0] += 0.004
        return units

    row = compare(
        "three",
        "units/s",
        lambda: work("subject", 3),
        lambda: work("reference", 1),
        against="one",
        timing=Timing(rounds=3, seconds=0.001),
    )
    assert row.ratio == pytest.approx(3.0)
    assert row.value == pytest.approx(row.reference * row.ratio)
    assert turns[4:] == ["subject", "reference"] * 3


def test_stretches_time_themselves() -> None:
    """What only prepares the work is left out of both rates; the first stretch is not counted."""
    rates = {"subject": iter([0.0, 8.0, 6.0, 9.0]), "reference": iter([0.0, 2.0, 2.0, 1.0])}
    row = compare_stretches(
        "days",
        "days/s",
        lambda _: next(rates["subject"]),
        lambda _: next(rates["reference"]),
        against="other days",
        timing=Timing(rounds=3, seconds=0.0),
        goal=5.0,
    )
    assert (row.value, row.reference, row.ratio) == (8.0, 2.0, 4.0)
    assert (row.low, row.high, row.goal) == (3.0, 9.0, 5.0)


def test_stretch_of_plain_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Seven units in four milliseconds, again and again until the time is over."""
    clock = [0.0]
    calls: list[int] = []
    monkeypatch.setattr(harness, "perf_counter", lambda: clock[0])

    def work() -> int:
        calls.append(7)
        clock[0] += 0.004
        return 7

    assert stretch(work)(0.019) == pytest.approx(7 / 0.004)
    assert len(calls) == 5


def test_noise_is_stated() -> None:
    """A row tells how far its rounds lie apart and how busy the machine was."""
    row = paired_row("x", "s", [(1.0, 2.0), (9.0, 3.0), (4.0, 4.0)], against="y").to_dict()
    assert (row["ratio"], row["low"], row["high"]) == (1.0, 0.5, 3.0)
    assert row["load"] >= 0.0


def test_contacts_of_timed_days() -> None:
    """The stated share is contacted, all eligibly, and life begins anew after an episode."""
    lives = BusyWorld(2000, CONTACTED)
    actions = lives.actions()
    assert lives.world.mask()[range(2000), actions].all()
    assert (actions > 0).mean() == pytest.approx(CONTACTED, abs=0.03)
    assert lives.stretch()(0.0) > 0
    assert (lives.world.day, lives.step()[1].delivered.any()) == (1, True)
    lives.world.day = EPISODE_DAYS
    lives.actions()
    assert lives.world.day == 0


def test_bytes_of_the_pass_over_everybody() -> None:
    """By hand: the action 8, three rates and days 12, the birthday 4, the result 65."""
    assert dense_bytes(BusyWorld(100, 0.0)) == 8 + 12 + 4 + 65


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
    with pytest.raises(InvalidArgument, match="streams, world, bandwidth"):
        run_benchmarks(tmp_path / "x.json", only=("stream",))
    assert {"streams", "world", "environment", "ppo", "thompson", "off-policy"} < set(WHERE)


@pytest.mark.slow
@pytest.mark.parametrize(
    "name",
    [
        "world",
        "bandwidth",
        "threads",
        "environment",
        "ppo",
        "thompson",
        "off-policy",
        "pipeline",
        "reading",
    ],
)
def test_every_benchmark_measures(name: str, tmp_path: Path) -> None:
    """Each benchmark runs and finds positive figures."""
    for row in run_benchmarks(tmp_path / "x.json", only=(name,), quick=True):
        assert row.value > 0
        assert row.reference > 0
        assert row.ratio > 0
