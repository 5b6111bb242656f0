"""Made-up results of a run, for tests of what is done with results."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from experiments.runs.leaderboard import changes, standings
from experiments.runs.numerics import Machine
from experiments.runs.results import (
    BehindGuardrails,
    Checks,
    MeasuredMean,
    OffPolicy,
    Played,
    Provenance,
    RunResults,
    Served,
    TookShare,
    Trained,
)
from troth.objective import COMPONENTS

VALUES = {
    "uniform": 10.0,
    "rfm": 12.0,
    "linear_thompson": 15.0,
    "masked_ppo": 14.5,
    "oracle": 20.0,
}


def played(values: dict[str, float] | None = None, seeds: int = 5) -> list[Played]:
    """One record per policy and seed; seed s adds s to every policy's value."""
    return [
        Played(
            policy=name,
            seed_index=seed,
            value=value + seed,
            components=dict.fromkeys(COMPONENTS, 100.0),
            contacts={"email": 2.0, "sms": 0.5},
            figures={
                "money": MeasuredMean(
                    value=value + seed, low=value + seed - 0.4, high=value + seed + 0.4
                ),
                "contacts": MeasuredMean(value=2.5, low=2.4, high=2.6),
                "opt_outs": MeasuredMean(value=0.02, low=0.015, high=0.026),
            },
            seconds=1.0,
        )
        for seed in range(seeds)
        for name, value in (values or VALUES).items()
    ]


def off_policy(seeds: int = 5) -> list[OffPolicy]:
    """IPS covers the truth on every seed, SNIPS on none, DM has no interval."""
    return [
        OffPolicy(
            policy=name,
            estimator=estimator,
            seed_index=seed,
            value=value,
            has_interval=estimator != "dm",
            stderr=None if estimator == "dm" else 0.02,
            low=None if estimator == "dm" else value - 0.04,
            high=None if estimator == "dm" else value + 0.04,
            truth=0.5,
            effective_sample_size=1234.0,
            max_weight=9.0,
            unsupported_mass=0.0,
            verdict="with_care",
            rows=5000,
            warnings=("one row carries 7 % of <all> weight",) if estimator == "ips" else (),
        )
        for seed in range(seeds)
        for name in VALUES
        for estimator, value in (("ips", 0.51), ("snips", 0.40), ("dm", 0.40))
    ]


TOOK = (
    TookShare(guardrail="consent", reason="no_consent", mass=0.125, rows=0.25),
    TookShare(guardrail="quiet_hours", reason="quiet_hours", mass=0.0, rows=0.0),
)
GUARDED = {**VALUES, "linear_thompson": 13.0, "masked_ppo": 14.0}
"""Behind guardrails the other learner is the best."""


def guarded() -> BehindGuardrails:
    """The same run behind the guardrails ``bbb...``; seed s costs the better learner 0.2 s more."""
    rows = [
        row.model_copy(
            update={
                "guarded": True,
                "took": TOOK,
                "value": row.value - 0.2 * row.seed_index * (row.policy == "masked_ppo"),
            }
        )
        for row in played(GUARDED)
    ]
    trained = {"linear_thompson", "masked_ppo"}
    behind = standings(rows, trained=trained, level=0.95)
    return BehindGuardrails(
        guardrails_digest="b" * 64,
        standings=behind,
        changes=changes(standings(played(), trained=trained, level=0.95), behind, level=0.95),
        played=tuple(rows),
        off_policy=tuple(row.model_copy(update={"guarded": True}) for row in off_policy()),
    )


def machine(*, reproducible: bool = False) -> Machine:
    """A processor of the year 2013."""
    return Machine(
        cpu="Test processor (haswell)",
        architecture="x86_64",
        instruction_sets=("avx2", "fma"),
        libc="glibc 2.36",
        kernels={"OpenBLAS of numpy": "Haswell", "NumPy": "X86_V3", "ATEN": "AVX2", "MKL": "AUTO"},
        settings={},
        arithmetic="0123456789abcdef",
        reproducible=reproducible,
    )


def results(name: str = "Test run") -> RunResults:
    """A complete run of five seeds and two learners, without guardrails."""
    rows = played()
    return RunResults(
        name=name,
        seed=7,
        level=0.95,
        currency="EUR",
        objective={**dict.fromkeys(COMPONENTS, -1.0), "margin_minor": 1.0, "opt_outs": -200.0},
        days=28,
        customers=4000,
        logged_decisions=100_000,
        held_out_decisions=20_000,
        provenance=Provenance(
            troth="0.1.0",
            python="3.11",
            platform="test",
            scenario="reference",
            scenario_digest="a" * 64,
            catalogue_digest="b" * 64,
            schema_digest="c" * 64,
            config_digest="d" * 64,
            created_at="2025-01-01T00:00:00.000000Z",
            libraries={"numpy": "2.4"},
            machine=machine(),
        ),
        standings=standings(rows, trained={"linear_thompson", "masked_ppo"}, level=0.95),
        trained=tuple(
            Trained(
                learner=learner,
                seed_index=seed,
                digest=f"{seed}" * 64,
                seconds=3.0,
                decisions=1000,
                curve=((100, 0.1), (200, 0.2 + 0.01 * seed)) if learner == "masked_ppo" else (),
            )
            for learner in ("linear_thompson", "masked_ppo")
            for seed in range(5)
        ),
        played=tuple(rows),
        off_policy=tuple(off_policy()),
        seconds={"simulate": 1.0, "train": 2.0},
    )


def served() -> Served:
    """A served day."""
    return Served(
        decisions=2000,
        by_channel={"email": 700, "none": 1300},
        by_served_by={"model": 1990, "baseline": 10},
        refusals={"consent": 12, "quiet_hours": 40, "frequency_cap": 7},
        p50_ms=2.5,
        p99_ms=9.75,
        outcomes=900,
        repeats=50,
    )


def checks(*, audit_ok: bool = True) -> Checks:
    """The checks around a served day."""
    return Checks(
        audit_ok=audit_ok,
        audit_entries=2100,
        unapproved_refused=True,
        unapproved_reason="short of quorum",
        repeat_identical=True,
        replayed=50,
        replay_identical=50,
    )


@pytest.fixture
def records() -> SimpleNamespace:
    """The builders above."""
    return SimpleNamespace(
        VALUES=VALUES,
        GUARDED=GUARDED,
        played=played,
        guarded=guarded,
        off_policy=off_policy,
        results=results,
        served=served,
        checks=checks,
        machine=machine,
    )
