"""``summary.json``: the demo in figures, for programs."""

from __future__ import annotations

from typing import Any

from experiments.runs.results import Checks, RunResults, Served


def summarise(results: RunResults, served: Served, checks: Checks) -> dict[str, Any]:
    """The summary, plain values only.

    ``policies`` and ``evaluations`` follow from the seed and the machine's arithmetic alone, in
    the reproducible mode from the seed; latencies and seconds do not.
    An evaluation without an interval has ``null`` for ``interval`` and ``covered``; an end that
    is ``null`` in an interval is infinite.
    """
    return {
        "seed": results.seed,
        "currency": results.currency,
        "policies": [
            {
                "name": row.policy,
                "mean_value_per_customer": row.mean,
                "interval": [row.low, row.high],
                "share_of_oracle_gap_closed": row.gap_closed[0],
                "share_interval": list(row.gap_closed[1:]),
                "over_uniform": list(row.over_uniform),
                "over_rfm": list(row.over_rfm),
                "values_by_seed": list(row.seeds),
            }
            for row in results.standings
        ],
        "evaluations": [
            {
                "policy": row.policy,
                "estimator": row.estimator,
                "seed_index": row.seed_index,
                "value": row.value,
                "interval": [row.low, row.high] if row.has_interval else None,
                "truth": row.truth,
                "covered": row.covered,
                "verdict": row.verdict,
            }
            for row in results.off_policy
        ],
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
