"""The tables of a run, for people; each fits a terminal of 80 columns."""

from __future__ import annotations

from experiments.reports.report import count_of, coverage, interval_of
from experiments.runs.results import BehindGuardrails, RunResults, Standing
from troth.cli.output import say, show_table


def show_results(results: RunResults) -> None:
    """Print the standings and the off-policy estimates."""
    level = f"{100 * results.level:g} %"
    show_table(
        f"Value per customer in {results.days} days, {results.currency},"
        f" {len(results.standings[0].seeds)} seeds, {level} intervals",
        ("policy", "value", "over uniform", "over RFM", "gap"),
        [_standing(row) for row in results.standings],
    )
    _show_guarded(results)
    counts = coverage(results.off_policy)
    show_table(
        f"Off-policy on held-out logs, no guardrails, {results.currency} per decision, first seed"
        " (covered: on all seeds)",
        ("policy", "method", "value", "interval", "truth", "covered"),
        [
            (
                row.policy,
                row.estimator,
                "no estimate" if row.value is None else f"{row.value:.4f}",
                interval_of(row),
                f"{row.truth:.4f}",
                _covered(row.covered, counts[row.policy, row.estimator]),
            )
            for row in results.off_policy
            if row.seed_index == 0
        ],
    )


def _show_guarded(results: RunResults) -> None:
    """What is served, beside the table before; says so where a run had no guardrails."""
    guarded = results.guarded
    if guarded is None:
        say("All of this is WITHOUT guardrails: the run had none.", style="yellow")
        return
    show_table(
        f"The same behind the guardrails {guarded.guardrails_digest[:12]}",
        ("policy", "value", "change", "over RFM", "took", "most of it"),
        [_guarded_standing(row, guarded) for row in guarded.standings],
    )


def _guarded_standing(row: Standing, guarded: BehindGuardrails) -> tuple[str, ...]:
    took = guarded.took(row.policy)
    most = max(took, key=lambda each: each.mass)
    return (
        row.policy,
        f"{row.mean:.4f} ±{(row.high - row.low) / 2:.3f}",
        _difference(guarded.changes[row.policy]),
        _difference(row.over_rfm),
        f"{100 * sum(each.mass for each in took):.1f} %",
        most.reason if most.mass > 0.0 else "-",
    )


def _covered(covered: bool | None, counts: tuple[int, int]) -> str:
    if covered is None:
        return count_of(counts)
    return ("yes" if covered else "NO") + f" ({count_of(counts)})"


def _standing(row: Standing) -> tuple[str, ...]:
    return (
        row.policy,
        f"{row.mean:.4f} ±{(row.high - row.low) / 2:.3f}",
        _difference(row.over_uniform),
        _difference(row.over_rfm),
        f"{100 * row.gap_closed[0]:.1f} %",
    )


def _difference(triple: tuple[float, float, float]) -> str:
    mean, low, high = triple
    return f"{mean:+.3f} ±{(high - low) / 2:.3f}"
