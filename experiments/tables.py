"""The tables of a run, for people."""

from __future__ import annotations

from experiments.report import coverage
from experiments.results import RunResults
from troth.output import show_table


def show_results(results: RunResults) -> None:
    """Print the standings and the off-policy estimates."""
    level = f"{100 * results.level:g} %"
    show_table(
        f"Value per customer in {results.days} days, {results.currency},"
        f" {len(results.standings[0].seeds)} seeds, {level} intervals",
        ("policy", "mean", "low", "high", "over uniform", "over RFM", "gap closed"),
        [
            (
                row.policy,
                row.mean,
                row.low,
                row.high,
                _interval(row.over_uniform),
                _interval(row.over_rfm),
                f"{100 * row.gap_closed[0]:.1f} %",
            )
            for row in results.standings
        ],
    )
    counts = coverage(results.off_policy)
    show_table(
        f"Off-policy estimates on held-out logs, {results.currency} per decision, first seed",
        ("policy", "estimator", "value", "low", "high", "truth", "covered", "of all seeds"),
        [
            (
                row.policy,
                row.estimator,
                row.value,
                row.low,
                row.high,
                row.truth,
                "yes" if row.covered else "NO",
                "{} of {}".format(*counts[row.policy, row.estimator]),
            )
            for row in results.off_policy
            if row.seed_index == 0
        ],
    )


def _interval(triple: tuple[float, float, float]) -> str:
    return f"{triple[0]:+.3f} ({triple[1]:+.3f} to {triple[2]:+.3f})"
