"""Which figures of a run are the same again: here, and on older processors.

The same run is carried out five times, each in a process of its own: twice as it comes, in the
reproducible mode, and both once more held to the instruction sets of 2008 by the variables that
every library reads. Where QEMU is installed, a short run is emulated as a whole on a processor
of that year, which no library can tell from a real one.
"""

from __future__ import annotations

import math
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from pydantic import BaseModel, ConfigDict

from experiments.proofs.pages import write as write_page
from experiments.reports.report import title_of
from experiments.runs import numerics
from experiments.runs.apart import ApartRunner
from experiments.runs.config import RunConfig, parse
from experiments.runs.executors import OnProgress
from experiments.runs.results import RunResults
from experiments.runs.run_folder import RunFolder

OLDER = {
    "MKL_ENABLE_INSTRUCTIONS": "SSE4_2",
    "NUMBA_CPU_NAME": "nehalem",
    "NUMBA_CPU_FEATURES": "+sse4.2,+popcnt,-avx,-avx2,-fma,-f16c,-bmi,-bmi2,-avx512f",
}
"""Holds MKL and Numba to a processor of 2008; the rest is held by what the mode sets as well."""
QEMU = "qemu-x86_64"
EMULATED_CPU = "Nehalem"
RUNS = ("plain", "plain, again", "reproducible", "plain, older", "reproducible, older")
NATIVE, EMULATED = "short", "short, emulated"
LAST_BIT = 17
"""Digits of a float64 that is the same."""
_UNFIXED = ("MKL_CBWR", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")


class Ran(BaseModel):
    """One run.

    Attributes:
        name: see :data:`RUNS`.
        machine: where, and by which kernels.
        seconds: of wall-clock time, simulating to judging.
        values: mean value per customer by policy, major units.
        artifacts: digests by learner, one per repetition.
        estimates: off-policy value, low, high and truth, in a fixed order; ``None``: not given.
        spreads: (low, high, over RFM) of each policy, in a fixed order.
    """

    model_config = ConfigDict(frozen=True)

    name: str
    machine: numerics.Machine
    seconds: float
    values: dict[str, float]
    artifacts: dict[str, tuple[str, ...]]
    estimates: tuple[float | None, ...]
    spreads: tuple[float, ...]


class RunAgreement(BaseModel):
    """How far two runs agree.

    Attributes:
        pair: their names.
        artifacts: by learner, how many of its policies are the same bytes, of how many.
        digits: by kind of figure, leading digits that the least agreeing one shares;
            :data:`LAST_BIT` where all are the same to the last bit.
    """

    model_config = ConfigDict(frozen=True)

    pair: tuple[str, str]
    artifacts: dict[str, tuple[int, int]]
    digits: dict[str, int]


class Reproduced(BaseModel):
    """The proof.

    Attributes:
        size: how large each run was, the short ones left out.
        runs: what was run, in order.
        agreements: pairs of them.
        slower: time of the reproducible run over the mean of the two plain ones around it.
    """

    model_config = ConfigDict(frozen=True)

    size: str
    runs: tuple[Ran, ...]
    agreements: tuple[RunAgreement, ...]
    slower: float


def environments() -> dict[str, dict[str, str]]:
    """Variables of each run of :data:`RUNS`."""
    mode = numerics.settings()
    held = {name: value for name, value in mode.items() if name not in _UNFIXED} | OLDER
    return {
        "plain": {},
        "reproducible": mode,
        "plain, again": {},
        "plain, older": held,
        "reproducible, older": mode | OLDER,
    }


def reproduce(config: RunConfig, workers: int, on_progress: OnProgress | None = None) -> Reproduced:
    """Carry out all runs and compare them.

    Raises:
        FailedPrecondition: if no settings are known for this machine.
    """
    tell = on_progress or (lambda _done, _total: None)
    plans = environments()
    short = shutil.which(QEMU) is not None
    total = len(plans) + 2 * short
    runs: dict[str, Ran] = {}
    with TemporaryDirectory() as folder:

        def carry_out(name: str, config: RunConfig, workers: int, **how: Any) -> None:
            tell(len(runs), total)
            home = RunFolder(Path(folder) / str(len(runs)))
            runs[name] = described(name, ApartRunner(config, home, workers, **how).run())

        for name, environment in plans.items():
            mode = config.model_copy(update={"reproducible": name.startswith("reproducible")})
            carry_out(name, mode, workers, environment=environment)
        if short:  # Numba's code is made for the older processor in both, and once
            held = plans["reproducible, older"]
            small = shortened(config)
            program = (QEMU, "-cpu", EMULATED_CPU, sys.executable)
            carry_out(NATIVE, small, 0, environment=held)
            carry_out(EMULATED, small, 0, environment=held, program=program)
    tell(total, total)
    pairs = [
        ("plain", "plain, again"),
        ("plain", "plain, older"),
        ("reproducible", "reproducible, older"),
        ("plain", "reproducible"),
        *([(NATIVE, EMULATED)] if short else []),
    ]
    plain = (runs["plain"].seconds + runs["plain, again"].seconds) / 2.0
    return Reproduced(
        size=size_of(config),
        runs=tuple(runs.values()),
        agreements=tuple(agree(runs[one], runs[other]) for one, other in pairs),
        slower=runs["reproducible"].seconds / plain,
    )


def size_of(config: RunConfig) -> str:
    """In words."""
    log, judged = config.log, config.evaluation
    return (
        f"{judged.seeds} repetitions, each of {log.customers * log.days:,} logged decisions and of "
        f"{judged.customers:,} customers for {judged.days} days"
    )


def shortened(config: RunConfig) -> RunConfig:
    """So little of ``config`` that an emulated processor gets through, every learner included."""
    data = config.model_dump(mode="json")
    data["log"] |= {"customers": 1500, "days": 2, "held_out_customers": 200}
    data["evaluation"] |= {"seeds": 5, "customers": 120, "days": 2}
    for learner in data["learners"]:
        if learner["environment"] is None:
            learner["settings"] |= {"draws": 16, "iterations": 2}
        else:
            learner["settings"] |= {"total_steps": 512, "batch_size": 128}
            learner["environment"] |= {"customers": 64, "horizon_days": 4}
    return parse({**data, "reproducible": True}, source="the short run")


def described(name: str, results: RunResults) -> Ran:
    """The figures of one run that are compared."""
    artifacts: dict[str, tuple[str, ...]] = {}
    for row in sorted(results.trained, key=lambda row: row.seed_index):
        artifacts[row.learner] = (*artifacts.get(row.learner, ()), row.digest)
    ranked = sorted(results.standings, key=lambda row: row.policy)
    judged = sorted(results.off_policy, key=lambda r: (r.policy, r.estimator, r.seed_index))
    return Ran(
        name=name,
        machine=results.provenance.machine,
        seconds=sum(results.seconds.values()),
        values={row.policy: row.mean for row in ranked},
        artifacts=artifacts,
        estimates=tuple(x for r in judged for x in (r.value, r.low, r.high, r.truth)),
        spreads=tuple(x for row in ranked for x in (row.low, row.high, *row.over_rfm)),
    )


def agree(one: Ran, other: Ran) -> RunAgreement:
    """How far two runs of the same configuration agree."""
    return RunAgreement(
        pair=(one.name, other.name),
        artifacts={
            learner: (
                sum(a == b for a, b in zip(mine, other.artifacts[learner], strict=True)),
                len(mine),
            )
            for learner, mine in one.artifacts.items()
        },
        digits={
            **{
                title_of(policy): shared_digits([value], [other.values[policy]])
                for policy, value in one.values.items()
            },
            "their intervals": shared_digits(one.spreads, other.spreads),
            "off-policy estimates": shared_digits(one.estimates, other.estimates),
        },
    )


def shared_digits(one: Sequence[float | None], other: Sequence[float | None]) -> int:
    """Leading significant digits that the least agreeing pair shares, at most 17.

    0.123456 and 0.123466 share four: they differ by less than a unit of the fourth.
    """
    return min((_digits(a, b) for a, b in zip(one, other, strict=True)), default=LAST_BIT)


def _digits(a: float | None, b: float | None) -> int:
    if a == b:
        return LAST_BIT
    if a is None or b is None:
        return 0
    apart = abs(a - b) / max(abs(a), abs(b))
    return max(0, min(LAST_BIT - 1, math.floor(-math.log10(apart))))


def write(found: Reproduced, folder: Path) -> Path:
    """Write ``reproducible.json`` and ``reproducible.md`` into ``folder``; returns the latter."""
    first = found.runs[0]
    names: Mapping[tuple[str, str], str] = {
        ("plain", "plain, again"): "twice here",
        ("plain", "plain, older"): "older instruction sets",
        ("reproducible", "reproducible, older"): "**reproducible**, older instruction sets",
        ("plain", "reproducible"): "plain against reproducible",
        (NATIVE, EMULATED): f"**reproducible**, short, on an emulated {EMULATED_CPU}",
    }
    columns = [names[agreement.pair] for agreement in found.agreements]
    figures = list(found.agreements[0].digits)
    rows: list[list[str]] = [
        [f"weights of {title_of(learner)}", *_cells(found, _weights(learner))]
        for learner in first.artifacts
    ]
    for figure in figures:
        label = figure if figure in figures[-2:] else f"value of {figure}"
        rows.append([label, *_cells(found, _figure(figure))])
    machines = {run.name: str(run.machine) for run in found.runs}
    whole = sum(run.name in RUNS for run in found.runs)
    text = (
        f"a run of {found.size}, carried out {whole} times. Weights: how many of the "
        "policies are the same bytes. *same* is to the last bit; else the leading digits that "
        f"agree. The reproducible mode took {found.slower:.2f} times as long as the plain runs "
        "before and after it, from the first log to the last estimate.\n\n"
        + "\n".join(f"- {name}: {where}" for name, where in machines.items())
    )
    return write_page(
        "reproducible",
        found,
        folder,
        title="Which figures are the same again",
        text=text,
        columns=("figure", *columns),
        rows=rows,
    )


def _cells(found: Reproduced, cell: Callable[[RunAgreement], str]) -> list[str]:
    return [cell(agreement) for agreement in found.agreements]


def _weights(learner: str) -> Callable[[RunAgreement], str]:
    return lambda agreement: "{} of {}".format(*agreement.artifacts[learner])


def _figure(name: str) -> Callable[[RunAgreement], str]:
    def cell(agreement: RunAgreement) -> str:
        digits = agreement.digits[name]
        return "same" if digits == LAST_BIT else f"{digits} digit{'s' * (digits != 1)}"

    return cell
