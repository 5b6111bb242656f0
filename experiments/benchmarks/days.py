"""A day of the world: against plain NumPy, the memory's bandwidth, two threads, other sizes."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.harness import (
    BenchmarkRow,
    Stretch,
    Timing,
    Work,
    compare_stretches,
    paired_row,
    stretch,
)
from experiments.benchmarks.numpy_day import live_day
from experiments.benchmarks.worlds import CONTACTED, CUSTOMERS, BusyWorld, conditions
from simulator.compiled.kernel import compiled, draws
from simulator.compiled.threads import Threads
from simulator.day.results import StepResult
from simulator.model.rules import Rules

READ_BY_ALL = ("own_rate", "visit_rate", "wake", "birthday")
"""Columns that a day reads of everybody; all others only where something happens."""
STREAMED = 1 << 25
"""Float32 values of the bandwidth's measurement: 128 MiB, far beyond any cache."""
DRAWN = 256
"""Customers whose draws fit the first cache."""
DRAWS = 1 << 21
SIZES = (10_000, 100_000, 1_000_000)
THREADED = (100_000, 400_000)


def against_numpy(timing: Timing) -> list[BenchmarkRow]:
    """The compiled day and plain NumPy's, from the same mornings; they must agree."""
    lives = BusyWorld(CUSTOMERS, CONTACTED)
    rules, pairs = Rules.of(lives.world.scenario), []
    for round_ in range(-1, timing.rounds):
        days, spent = 0, np.zeros(2)
        while days == 0 or spent[0] < timing.seconds:
            actions, people = lives.actions(), lives.world.people.copy()
            today = rules.today(lives.world.seed, lives.world.day)
            began = time.perf_counter()
            result = lives.world.step(actions)
            stepped = time.perf_counter()
            by_hand = live_day(people, rules, today, actions, seed=lives.world.seed)
            spent += stepped - began, time.perf_counter() - stepped
            days += 1
        if not np.array_equal(result.spend_minor, by_hand.spend_minor):
            raise RuntimeError("the compiled day and NumPy's are not the same day")
        if round_ >= 0:
            pairs.append(tuple(days * CUSTOMERS / spent))
    return [
        paired_row(
            f"day of {CUSTOMERS:,} customers",
            "customer-days/s",
            pairs,
            against="plain NumPy of the same model, to the same result",
            goal=5.0,
            note=conditions(),
        )
    ]


def bandwidth(timing: Timing) -> list[BenchmarkRow]:
    """Bytes that a day must move against bytes that one core can read, change and write.

    Twice over: what the one pass over everybody touches, and all state there is.
    """
    values = np.ones(STREAMED, dtype=np.float32)

    def change() -> int:
        _add_one(values)
        return 2 * values.nbytes

    quiet, lively = BusyWorld(CUSTOMERS, 0.0), BusyWorld(CUSTOMERS, CONTACTED)
    dense, state = dense_bytes(lively), lively.world.memory_per_customer()
    return [
        compare_stretches(
            f"bandwidth of a day, {name}: {size:.0f} bytes per customer",
            "bytes/s",
            _times(lives.stretch(), size),
            stretch(change),
            against="read, add one, write float32 of 128 MiB; one core",
            timing=timing,
            goal=goal,
            note=conditions(share),
        )
        for name, lives, share, size, goal in (
            ("what a pass over everybody touches, nobody contacted", quiet, 0.0, dense, 0.33),
            ("what a pass over everybody touches", lively, CONTACTED, dense, None),
            ("all state, as if read once", lively, CONTACTED, state, None),
        )
    ]


def threads(timing: Timing) -> list[BenchmarkRow]:
    """Two threads against one, on the same days; and the same of what needs no memory.

    Two cores of a shared machine are seldom two: what a second thread brings to arithmetic in
    registers is all that it can bring to anything in those seconds.
    """
    return [row for size in THREADED for row in _threads(timing.scaled(size), timing)]


def _threads(size: int, timing: Timing) -> list[BenchmarkRow]:
    runs = [BusyWorld(size, CONTACTED, threads=count).stretch() for count in (2, 1)]
    runs += [stretch(_drawing(count)) for count in (2, 1)]
    for run in runs:
        run(0.0)
    rounds = [[run(timing.seconds) for run in runs] for _ in range(timing.rounds)]
    note = conditions().replace("one core", "two cores, as far as others leave them")
    name = f"day of {size:,} customers, two threads"
    return [
        paired_row(
            name,
            "customer-days/s",
            [(two, one) for two, one, _, _ in rounds],
            against="one thread",
            goal=1.9,
            note=note,
        ),
        paired_row(
            f"{name}: speed-up",
            "times",
            [(two / one, both / alone) for two, one, both, alone in rounds],
            against="that of random draws, which need no memory",
            goal=0.95,
            note=note,
        ),
    ]


def sizes(timing: Timing) -> list[BenchmarkRow]:
    """Time and memory per customer in small and large populations, the largest first."""
    worlds, notes = {}, {}
    for size in reversed(SIZES):
        before = _resident()
        worlds[size] = BusyWorld(size, CONTACTED)
        worlds[size].step()
        worlds[size].actions()
        notes[size] = f"{worlds[size].world.memory_per_customer():.0f} bytes of state per customer"
        if size == SIZES[-1]:  # later ones live in memory that the process has already
            grown = (_resident() - before) / size
            notes[size] += f", {grown:.0f} bytes of process with mask and raw features"
    rounds = [
        {size: 1e9 / lives.stretch()(timing.seconds) for size, lives in worlds.items()}
        for _ in range(timing.rounds)
    ]
    return [
        paired_row(
            f"time per customer-day among {size:,}",
            "ns",
            [(each[size], each[SIZES[0]]) for each in rounds],
            against=f"among {SIZES[0]:,}",
            better="lower",
            goal=1.2,
            note=f"{notes[size]}; {conditions()}",
        )
        for size in SIZES[1:]
    ]


def dense_bytes(lives: BusyWorld) -> float:
    """Bytes per customer of the action, the columns read of everybody and the day's result."""
    people, result = lives.world.people, StepResult.empty(1)
    fields: tuple[NDArray[Any], ...] = result
    read = sum(getattr(people, name).itemsize for name in READ_BY_ALL)
    return float(np.dtype(np.int64).itemsize + read + sum(field.nbytes for field in fields))


@compiled
def _add_one(values: NDArray[np.float32]) -> None:
    for i in range(values.shape[0]):
        values[i] += np.float32(1.0)


@compiled
def _draw(times: int) -> float:
    out, rows = np.empty((4, DRAWN)), np.arange(DRAWN)
    zero = np.uint64(0)
    for time_ in range(times):
        draws(out, rows, 0, 0, time_, zero, zero, zero)
    return float(out[0, 0])


def _drawing(count: int) -> Work:
    """Draws that take about as long as a day, by so many threads."""
    pool = Threads(count)

    def work() -> int:
        pool.run(DRAWS, lambda start, stop: _draw((stop - start) // DRAWN))
        return DRAWS

    return work


def _times(run: Stretch, factor: float) -> Stretch:
    return lambda seconds: run(seconds) * factor


def _resident() -> int:
    """Bytes of memory that this process holds; 0 where the system does not tell."""
    pages = Path("/proc/self/statm")
    if not pages.exists():
        return 0
    return int(pages.read_text().split()[1]) * 4096
