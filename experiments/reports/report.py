"""The report a governance board reads: one HTML file with plots, tables and provenance."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment
from markupsafe import Markup

from agents.learners.registry import LEARNERS
from agents.ope.registry import ESTIMATORS
from experiments.reports.charts import IntervalGroup, IntervalRow, Line, interval_chart, line_chart
from experiments.runs.baselines import NEVER_CONTACT, ORACLE, RFM, UNIFORM
from experiments.runs.results import Checks, OffPolicy, RunResults, Served, Standing
from troth.files import write_text
from troth.pages.page import environment

TITLES: Mapping[str, str] = {
    UNIFORM: "Uniform over eligible",
    RFM: "RFM rules",
    ORACLE: "One-step oracle",
    NEVER_CONTACT: "Never contact",
}
"""Names for people of the policies that every run evaluates."""

_COVERED = {True: "covers truth", False: "misses truth", None: "no interval"}
_STYLES = {True: "trained", False: "missed", None: "quiet"}


def title_of(policy: str) -> str:
    """The name of a policy for people: a baseline's, or that of the learner it is called after."""
    if policy in LEARNERS.own:
        return LEARNERS.find(policy).thing.title
    return TITLES.get(policy, policy.replace("_", " "))


def estimator_title(name: str) -> str:
    """The name of an estimator for people; a package's is called as configurations call it."""
    return ESTIMATORS.find(name).thing.title if name in ESTIMATORS.own else name


def render(
    results: RunResults,
    *,
    served: Served | None = None,
    checks: Checks | None = None,
) -> str:
    """The report as HTML without any outside reference.

    ``served`` and ``checks`` are of a served day, if there was one.
    """
    return (
        _templates()
        .get_template("report.html")
        .render(
            r=results,
            best=results.best,
            by_name={row.policy: row for row in results.standings},
            served=served,
            checks=checks,
            closed_loop=Markup(closed_loop_chart(results)),  # noqa: S704  # escaped where made
            off_policy_plot=Markup(off_policy_chart(results)),  # noqa: S704
            curves=[Markup(svg) for svg in learning_curves(results)],  # noqa: S704
            estimates=_by_standing(results),
            coverage=coverage(results.off_policy),
            money=money_rows(results),
            contact_channels=_channels(results),
            warnings=sorted({w for row in results.off_policy for w in row.warnings}),
            guarded=guarded_rows(results),
            reasons=took_reasons(results),
            guarded_estimates=guarded_estimates(results),
        )
    )


def write(path: Path, html: str) -> None:
    """Write the report; the file appears whole or not at all."""
    write_text(path, html)


def closed_loop_chart(results: RunResults) -> str:
    """Value per customer of every policy, with its interval over seeds."""
    rows = tuple(
        IntervalRow(
            label=title_of(row.policy),
            mean=row.mean,
            low=row.low,
            high=row.high,
            text=f"{row.mean:,.2f}",
            style=_style(row),
        )
        for row in results.standings
    )
    return interval_chart(
        [IntervalGroup("", rows)],
        axis=f"{results.currency} per customer in {results.days} days",
        title="Value of each policy in closed loop",
    )


def off_policy_chart(results: RunResults, seed_index: int = 0) -> str:
    """Each estimate with its interval, the truth as a second mark, policy by policy."""
    groups = []
    for standing in results.standings:
        rows = tuple(
            IntervalRow(
                label=row.estimator.upper(),
                mean=row.value,
                low=-math.inf if row.low is None and row.has_interval else row.low,
                high=math.inf if row.high is None and row.has_interval else row.high,
                text=_COVERED[row.covered] if row.value is not None else "no estimate",
                style=_STYLES[row.covered],
                truth=row.truth,
            )
            for row in results.off_policy
            if row.policy == standing.policy and row.seed_index == seed_index
        )
        if rows:
            groups.append(IntervalGroup(title_of(standing.policy), rows))
    return interval_chart(
        groups,
        axis=f"{results.currency} per decision",
        title="Off-policy estimates and the truth",
    )


def learning_curves(results: RunResults) -> list[str]:
    """One chart per learner that has a curve, one line per seed."""
    charts = []
    for learner in dict.fromkeys(row.learner for row in results.trained if row.curve):
        lines = [
            Line(f"repetition {row.seed_index + 1}", smooth(row.curve))
            for row in results.trained
            if row.learner == learner
        ]
        charts.append(
            line_chart(
                lines,
                x_axis="decisions made while training",
                y_axis=f"{title_of(learner)}: mean reward, {results.currency} per decision",
                title=f"Learning curves of {title_of(learner)}",
            )
        )
    return charts


def smooth(curve: Sequence[tuple[int, float]]) -> tuple[tuple[float, float], ...]:
    """A trailing mean over seven rollouts.

    However many days a rollout has, seven of them are whole weeks, and the day of the week
    moves the reward more than a good deal of learning does.
    """
    points = []
    for at, (steps, _) in enumerate(curve):
        window = [value for _, value in curve[max(0, at - 6) : at + 1]]
        points.append((float(steps), sum(window) / len(window)))
    return tuple(points)


def _by_standing(results: RunResults, seed_index: int = 0) -> list[OffPolicy]:
    """The estimates of one repetition, best policy first."""
    order = {row.policy: at for at, row in enumerate(results.standings)}
    rows = [row for row in results.off_policy if row.seed_index == seed_index]
    return sorted(rows, key=lambda row: order[row.policy])


def coverage(rows: Sequence[OffPolicy]) -> dict[tuple[str, str], tuple[int, int]]:
    """For each (policy, estimator): how many seeds' intervals cover the truth, of how many.

    Seeds without an interval count in neither number.
    """
    counts: dict[tuple[str, str], tuple[int, int]] = {}
    for row in rows:
        hit, total = counts.get((row.policy, row.estimator), (0, 0))
        counts[row.policy, row.estimator] = (
            hit + (row.covered is True),
            total + row.has_interval,
        )
    return counts


def interval_of(row: OffPolicy) -> str:
    """An off-policy interval for people; an end that is not finite is said in words."""
    if not row.has_interval:
        return "no interval"
    low = "-infinite" if row.low is None else f"{row.low:,.4f}"
    return f"{low} to " + ("infinite" if row.high is None else f"{row.high:,.4f}")


def guarded_rows(results: RunResults) -> list[dict[str, Any]]:
    """Each policy behind the guardrails, best first, beside itself without them."""
    if results.guarded is None:
        return []
    alone = {row.policy: row for row in results.standings}
    return [
        {
            "behind": row,
            "alone": alone[row.policy],
            "change": results.guarded.changes[row.policy],
            "took": {
                (took.guardrail, took.reason): took for took in results.guarded.took(row.policy)
            },
        }
        for row in results.guarded.standings
    ]


def took_reasons(results: RunResults) -> list[tuple[str, str]]:
    """Guardrails and reasons, in their order."""
    if results.guarded is None:
        return []
    first = results.guarded.standings[0].policy
    return [(took.guardrail, took.reason) for took in results.guarded.took(first)]


def guarded_estimates(results: RunResults, seed_index: int = 0) -> list[OffPolicy]:
    """The estimates of one repetition behind the guardrails, best policy first."""
    if results.guarded is None:
        return []
    order = {row.policy: at for at, row in enumerate(results.guarded.standings)}
    rows = [row for row in results.guarded.off_policy if row.seed_index == seed_index]
    return sorted(rows, key=lambda row: order[row.policy])


def count_of(counts: tuple[int, int]) -> str:
    """How many intervals cover, of how many; a dash where there is none."""
    return "{} of {}".format(*counts) if counts[1] else "-"


def money_rows(results: RunResults) -> list[dict[str, Any]]:
    """Per policy the mean of each reward component (major units) and contacts by channel."""
    rows = []
    for standing in results.standings:
        played = [row for row in results.played if row.policy == standing.policy]
        components = {
            name: sum(row.components[name] for row in played) / len(played)
            for name in played[0].components
        }
        contacts = {
            name: sum(row.contacts[name] for row in played) / len(played)
            for name in played[0].contacts
        }
        major = {
            name.removesuffix("_minor"): value / (100.0 if name.endswith("_minor") else 1.0)
            for name, value in components.items()
        }
        rows.append({"standing": standing, "components": major, "contacts": contacts})
    return rows


def _channels(results: RunResults) -> list[str]:
    return list(results.played[0].contacts) if results.played else []


def _style(row: Standing) -> str:
    return "trained" if row.trained else ("oracle" if row.policy == ORACLE else "quiet")


def _templates() -> Environment:
    templates = environment("experiments.reports")
    templates.filters["title_of"] = title_of
    templates.filters["money"] = lambda value: f"{value:,.2f}"
    templates.filters["signed"] = lambda value: f"{value:+,.2f}"
    templates.filters["percent"] = lambda value: f"{100.0 * value:.1f} %"
    templates.filters["four"] = lambda value: f"{value:,.4f}"
    templates.filters["interval"] = interval_of
    templates.filters["counted"] = count_of
    templates.filters["count"] = lambda value: f"{value:,d}"
    templates.filters["minute"] = lambda text: text[:16].replace("T", " ") + " UTC"
    templates.filters["words"] = lambda value: str(value).replace("_", " ")
    templates.globals["estimator_title"] = estimator_title
    return templates
