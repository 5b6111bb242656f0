"""Measure two things side by side, in turns, and report their ratio.

Absolute figures of a shared machine are hearsay; a ratio of two things measured in turns in
one run is not. Each round times the subject and its reference one after the other, and the
median over rounds is reported, of the rates and of the ratio; how far the rounds lie apart
and how busy the machine was is reported beside it.
"""

from __future__ import annotations

import os
import statistics
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any, Literal

Work = Callable[[], int]
"""Does some work and returns how many units of it were done."""

Stretch = Callable[[float], float]
"""Works for about so many seconds and returns the units done per second; it times itself, and
so leaves out what only prepares the work."""

Better = Literal["higher", "lower"]


def _load() -> float:
    return round(os.getloadavg()[0] / (os.cpu_count() or 1), 2)


@dataclass(frozen=True, slots=True, kw_only=True)
class BenchmarkRow:
    """One line of ``benchmarks/results.json``.

    Attributes:
        name: what was measured.
        value: its median.
        unit: of ``value`` and ``reference``.
        reference: the median of what it is compared with, from the same rounds.
        ratio: median over rounds of value / reference.
        against: what the reference is.
        better: whether a higher or a lower ratio is the better one.
        low: the lowest ratio of any round.
        high: the highest; a wide range says that the machine was noisy.
        load: of the machine when this was measured, processes that run or wait per core.
        goal: the ratio aimed at, if any.
        note: what else must be known of the conditions.
        machine: where, and by which kernels of the numeric libraries.
    """

    name: str
    value: float
    unit: str
    reference: float
    ratio: float
    against: str
    better: Better = "higher"
    low: float | None = None
    high: float | None = None
    load: float = field(default_factory=_load)
    goal: float | None = None
    note: str = ""
    machine: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {name: getattr(self, name) for name in self.__slots__}


@dataclass(frozen=True, slots=True)
class Timing:
    """How long to measure.

    Attributes:
        rounds: subject and reference in turns, this many times; odd gives a true median.
        seconds: about this long for each of the two in each round.
        scale: of populations that are large because real ones are, in (0, 1].
    """

    rounds: int = 7
    seconds: float = 0.4
    scale: float = 1.0

    def scaled(self, customers: int) -> int:
        """How many there are of a population of ``customers``."""
        return round(customers * self.scale)


QUICK = Timing(rounds=3, seconds=0.05, scale=0.1)
"""For tests and a first look."""


def compare(
    name: str,
    unit: str,
    subject: Work,
    reference: Work,
    *,
    against: str,
    timing: Timing,
    goal: float | None = None,
    note: str = "",
) -> BenchmarkRow:
    """Rates of two pieces of work, units per second, measured in turns."""
    calls = [_calls(work, timing.seconds) for work in (subject, reference)]
    rates = [(_rate(subject, calls[0]), _rate(reference, calls[1])) for _ in range(timing.rounds)]
    return paired_row(name, unit, rates, against=against, goal=goal, note=note)


def compare_stretches(
    name: str,
    unit: str,
    subject: Stretch,
    reference: Stretch,
    *,
    against: str,
    timing: Timing,
    goal: float | None = None,
    note: str = "",
) -> BenchmarkRow:
    """The same of work that times itself; a first stretch of each compiles and is left out."""
    subject(0.0)
    reference(0.0)
    rates = [(subject(timing.seconds), reference(timing.seconds)) for _ in range(timing.rounds)]
    return paired_row(name, unit, rates, against=against, goal=goal, note=note)


def stretch(work: Work) -> Stretch:
    """Plain work as a stretch."""

    def run(seconds: float) -> float:
        units, spent = 0, 0.0
        while True:
            began = perf_counter()
            units += work()
            spent += perf_counter() - began
            if spent >= seconds:
                return units / spent

    return run


def paired_row(
    name: str,
    unit: str,
    pairs: Sequence[tuple[float, float]],
    *,
    against: str,
    better: Better = "higher",
    goal: float | None = None,
    note: str = "",
) -> BenchmarkRow:
    """The row of (subject, reference) figures, one pair per round."""
    ratios = [a / b for a, b in pairs]
    return BenchmarkRow(
        name=name,
        unit=unit,
        value=statistics.median(a for a, _ in pairs),
        reference=statistics.median(b for _, b in pairs),
        ratio=statistics.median(ratios),
        against=against,
        better=better,
        low=min(ratios),
        high=max(ratios),
        goal=goal,
        note=note,
    )


def latency_row(
    name: str, subject: list[list[float]], reference: list[list[float]], *, against: str
) -> BenchmarkRow:
    """Median latency per round of two services that were asked in turns.

    ``subject`` and ``reference`` hold the milliseconds of each call, one list per round.
    """
    pairs = [
        (statistics.median(a), statistics.median(b))
        for a, b in zip(subject, reference, strict=True)
    ]
    return paired_row(name, "ms", pairs, against=against, better="lower")


def _calls(work: Work, seconds: float) -> int:
    """How many calls fill ``seconds``, judged without the first, which compiles."""
    work()
    began = perf_counter()
    work()
    once = perf_counter() - began
    return max(1, round(seconds / max(once, 1e-9)))


def _rate(work: Work, calls: int) -> float:
    began = perf_counter()
    units = sum(work() for _ in range(calls))
    return units / (perf_counter() - began)
