"""``summary.json``: the demo in figures, for programs."""

from __future__ import annotations

from typing import Any

from experiments.runs.results import (
    BehindGuardrails,
    Checks,
    OffPolicy,
    RunResults,
    Served,
    Standing,
)


def summarise(results: RunResults, served: Served, checks: Checks) -> dict[str, Any]:
    """The summary, plain values only.

    ``policies`` and ``evaluations`` are without guardrails, ``guarded`` has them behind these;
    they follow from the seed and the machine's arithmetic alone, in
    the reproducible mode from the seed; latencies and seconds do not.
    An evaluation without an interval has ``null`` for ``interval`` and ``covered``; an end that
    is ``null`` in an interval is infinite.
    """
    return {
        "seed": results.seed,
        "currency": results.currency,
        "policies": [_standing(row) for row in results.standings],
        "evaluations": [_evaluation(row) for row in results.off_policy],
        "guarded": None if results.guarded is None else _guarded(results.guarded),
        "served": {
            "policy": results.best.policy,
            "policy_digest": results.digest_of(results.best.policy),
            "decisions": served.decisions,
            "by_channel": served.by_channel,
            "by_served_by": served.by_served_by,
            "refusals": served.refusals,
            "p50_ms": served.p50_ms,
            "p99_ms": served.p99_ms,
            "outcomes": served.outcomes,
            "repeats": served.repeats,
            "errors": served.errors,
        },
        "audit_ok": checks.audit_ok,
        "audit_entries": checks.audit_entries,
        "unapproved_refused": checks.unapproved_refused,
        "unapproved_reason": checks.unapproved_reason,
        "repeat_identical": checks.repeat_identical,
        "replayed": checks.replayed,
        "replay_identical": checks.replay_identical == checks.replayed,
        "machine": results.provenance.machine.model_dump(mode="json"),
        "seconds": results.seconds,
    }


def _standing(row: Standing) -> dict[str, Any]:
    return {
        "name": row.policy,
        "mean_value_per_customer": row.mean,
        "interval": [row.low, row.high],
        "share_of_oracle_gap_closed": row.gap_closed[0],
        "share_interval": list(row.gap_closed[1:]),
        "over_uniform": list(row.over_uniform),
        "over_rfm": list(row.over_rfm),
        "values_by_seed": list(row.seeds),
    }


def _evaluation(row: OffPolicy) -> dict[str, Any]:
    return {
        "policy": row.policy,
        "estimator": row.estimator,
        "seed_index": row.seed_index,
        "value": row.value,
        "interval": [row.low, row.high] if row.has_interval else None,
        "truth": row.truth,
        "covered": row.covered,
        "verdict": row.verdict,
    }


def _guarded(guarded: BehindGuardrails) -> dict[str, Any]:
    return {
        "guardrails_digest": guarded.guardrails_digest,
        "policies": [
            {
                **_standing(row),
                "over_unguarded": list(guarded.changes[row.policy]),
                "took": [took.model_dump() for took in guarded.took(row.policy)],
            }
            for row in guarded.standings
        ],
        "evaluations": [_evaluation(row) for row in guarded.off_policy],
    }
