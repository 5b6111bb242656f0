"""The tables of a run, for people; each fits a terminal of 80 columns."""

from __future__ import annotations

from experiments.reports.report import count_of, coverage, interval_of
from experiments.runs.results import RunResults, Standing
from troth.cli.output import show_table


def show_results(results: RunResults) -> None:
    """Print the standings and the off-policy estimates."""
    level = f"{100 * results.level:g} %"
    show_table(
        f"Value per customer in {results.days} days, {results.currency},"
        f" {len(results.standings[0].seeds)} seeds, {level} intervals",
        ("policy", "value", "over uniform", "over RFM", "gap"),
        [_standing(row) for row in results.standings],
    )
    counts = coverage(results.off_policy)
    show_table(
        f"Off-policy on held-out logs, {results.currency} per decision, first seed"
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
