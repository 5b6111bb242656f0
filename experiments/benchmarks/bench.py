"""All benchmarks, and the file their rows go to."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from experiments.benchmarks.harness import QUICK, BenchmarkRow, Timing
from experiments.runs.executors import one_thread
from experiments.runs.numerics import observed
from troth.errors import InvalidArgument, NotFound
from troth.files import write_text

Benchmark = Callable[[Timing], list[BenchmarkRow]]
OnProgress = Callable[[str, int, int], None]
"""Called with (benchmark, done, in all)."""
OnAbsent = Callable[[str, str], None]
"""Called with (benchmark, what it needs)."""

WHERE: Mapping[str, tuple[str, str]] = {
    "streams": ("streams", "streams"),
    "world": ("days", "against_numpy"),
    "bandwidth": ("days", "bandwidth"),
    "threads": ("days", "threads"),
    "sizes": ("days", "sizes"),
    "environment": ("environments", "environment"),
    "chances": ("chances", "common_chances"),
    "ppo": ("learning", "ppo"),
    "ppo-share": ("learning", "ppo_share"),
    "thompson": ("learning", "thompson"),
    "off-policy": ("learning", "off_policy"),
    "pipeline": ("deciding", "pipeline"),
    "postgresql": ("deciding", "postgresql"),
    "reading": ("reading", "reading"),
    "service": ("service", "service"),
}
"""Module and function of each benchmark; imported when it is run."""


def run_benchmarks(
    output: Path,
    *,
    only: tuple[str, ...] = (),
    quick: bool = False,
    on_progress: OnProgress | None = None,
    on_absent: OnAbsent | None = None,
) -> list[BenchmarkRow]:
    """Measure and write ``output``.

    A benchmark that needs what this machine lacks is left out, unless it is asked for alone.

    Args:
        output: a JSON list of rows.
        only: names of benchmarks; all if empty.
        quick: fewer, shorter rounds over smaller populations, for a first look.
        on_progress: hears of each benchmark.
        on_absent: hears of each that is left out.

    Raises:
        InvalidArgument: for a name that is none, naming those there are.
        NotFound: if what is asked for needs what is not here.
    """
    for name in only:
        if name not in WHERE:
            raise InvalidArgument(f"{name!r} is not one of {', '.join(WHERE)}", field="only")
    names = [name for name in WHERE if not only or name in only]
    tell = on_progress or (lambda _name, _done, _total: None)
    rows: list[BenchmarkRow] = []
    machine = str(observed())
    timing = QUICK if quick else Timing()
    for done, name in enumerate(names):
        tell(name, done, len(names))
        with one_thread():  # on a shared machine, more would measure the neighbours
            try:
                found = _load(name)(timing)
            except NotFound as error:
                if only:
                    raise
                if on_absent is not None:
                    on_absent(name, error.message)
                continue
        rows += [replace(row, machine=machine) for row in found]
    tell("measured", len(names), len(names))
    write_text(
        output, json.dumps([row.to_dict() for row in rows], indent=2, allow_nan=False) + "\n"
    )
    return rows


def _load(name: str) -> Benchmark:
    from importlib import import_module

    module, function = WHERE[name]
    found: Benchmark = getattr(import_module(f"experiments.benchmarks.{module}"), function)
    return found
