"""What the demo prints at its end."""

from __future__ import annotations

from experiments.demo.main import Finished
from experiments.reports.tables import show_results
from troth.cli.output import say, show_mapping, show_table


def show(finished: Finished) -> None:
    """Standings, off-policy estimates, the served day, the checks, and where things lie."""
    show_results(finished.results)
    summary = finished.summary
    served = summary["served"]
    show_table(
        f"The served day: {served['decisions']:,} decisions by {served['policy']}",
        ("what", "which", "decisions"),
        [
            (what, name, count)
            for what, key in (
                ("channel", "by_channel"),
                ("answered by", "by_served_by"),
                ("guardrail acted", "refusals"),
            )
            for name, count in served[key].items()
        ],
    )
    show_mapping(
        "Checks",
        {
            "latency": f"p50 {served['p50_ms']:.1f} ms, p99 {served['p99_ms']:.1f} ms",
            "outcomes reported": f"{served['outcomes']:,}",
            "requests without an answer": sum(served["errors"].values()),
            "unapproved policy": ("refused: " if summary["unapproved_refused"] else "SERVED: ")
            + summary["unapproved_reason"],
            "repeated requests": f"{served['repeats']}, "
            + ("answered identically" if summary["repeat_identical"] else "DIFFERING ANSWERS"),
            "replayed decisions": f"{summary['replayed']}, "
            + ("bit for bit the same" if summary["replay_identical"] else "DIFFERENT"),
            "audit log": f"{summary['audit_entries']:,} entries, "
            + ("verified" if summary["audit_ok"] else "DOES NOT VERIFY"),
        },
    )
    show_table(
        "Time",
        ("stage", "seconds"),
        [(name, round(value, 1)) for name, value in summary["seconds"].items()],
    )
    say(f"Report: {finished.report}")
    say(f"Replay any decision, e.g.: {finished.replay}")
