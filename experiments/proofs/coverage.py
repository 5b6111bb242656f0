"""How often an off-policy interval holds the truth, over many fresh logs of one world.

The policies are those of a finished run. Each log is a new population under the uniform
logging policy; the truth of a log is exact (:meth:`simulator.world.World.expected_rewards`).
A 95 % interval should cover in 95 % of the logs. Where rewards are rare and heavy-tailed it
covers less, and the table says by how much. The direct method has no interval to judge.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import binomtest

from agents.policies.uniform import UniformPolicy
from experiments.proofs.pages import write as write_page
from experiments.runs.config import RunConfig
from experiments.runs.evaluate import OffPolicyTask, judge_log
from experiments.runs.executors import Executor, OnProgress
from experiments.runs.results import OffPolicy, TrainedAll, read_optional
from experiments.runs.rollout import record
from experiments.runs.run_folder import RunFolder, world_seed
from experiments.runs.simulate import SeedTask
from simulator.known_facts import day_start
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.errors import NotFound


class Coverage(BaseModel):
    """One estimator of one policy over all logs.

    Attributes:
        policy, estimator: what was judged, and how.
        logs: how many logs.
        level: what the intervals claim, in (0, 1).
        intervals: how many of them have an interval.
        covered: share of those whose interval holds the truth; ``None`` if none has one.
        covered_low, covered_high: 95 % Wilson interval of that share.
        bias: mean of (estimate - truth) over the mean truth, on the logs with an estimate.
        half_width: mean half-width of the intervals over the mean truth; ``None`` if there is
            none, or one is infinite.
        effective_sample_size: median over the logs.
    """

    model_config = ConfigDict(frozen=True)

    policy: str
    estimator: str
    logs: int
    level: float
    intervals: int
    covered: float | None
    covered_low: float | None
    covered_high: float | None
    bias: float | None
    half_width: float | None
    effective_sample_size: float


def judge_fresh_log(task: OffPolicyTask) -> tuple[OffPolicy, ...]:
    """Simulate one log, counted by ``task.seed.index``, and judge every policy on it."""
    seed = task.seed
    config = seed.config
    scenario = load_scenario(config.scenario)
    world = World(
        scenario,
        config.log.held_out_customers,
        world_seed(config.seed, seed.index, "coverage"),
    )
    fresh = record(
        world,
        UniformPolicy(),
        config.log.days,
        start=day_start(scenario.start),
        policy_digest="",
        objective=scenario.objective,
        expected=True,
    )
    assert fresh.expected_minor is not None  # noqa: S101  # asked for above
    return judge_log(task, fresh.batch, fresh.expected_minor)


def cover(
    home: RunFolder, logs: int, executor: Executor, on_progress: OnProgress | None = None
) -> list[Coverage]:
    """Judge the policies of a finished run on ``logs`` fresh logs.

    Raises:
        NotFound: if ``home`` holds no trained policies.
        DataLoss: if what it holds cannot be read.
    """
    config = read_optional(RunConfig, home.config)
    trained = read_optional(TrainedAll, home.trained)
    if config is None or trained is None:
        raise NotFound(f"{home.root} holds no trained policies; `troth demo` does", field="home")
    digests = tuple((row.learner, row.digest) for row in trained.rows if row.seed_index == 0)
    tasks = [OffPolicyTask(SeedTask(config, home, index), digests) for index in range(logs)]
    judged = executor.map(judge_fresh_log, tasks, on_progress)
    return summarise([row for rows in judged for row in rows], config.ope.level)


def summarise(rows: Sequence[OffPolicy], level: float) -> list[Coverage]:
    """One row per policy and estimator, in the order of their first appearance."""
    groups: dict[tuple[str, str], list[OffPolicy]] = {}
    for row in rows:
        groups.setdefault((row.policy, row.estimator), []).append(row)
    return [_summary(group, level) for group in groups.values()]


def _summary(group: Sequence[OffPolicy], level: float) -> Coverage:
    truth = float(np.mean([row.truth for row in group]))
    errors = [row.value - row.truth for row in group if row.value is not None]
    judged = [row.covered for row in group if row.covered is not None]
    share = binomtest(sum(judged), len(judged)).proportion_ci(method="wilson") if judged else None
    widths = [row.high - row.low for row in group if row.low is not None and row.high is not None]
    whole = bool(judged) and len(widths) == len(judged)
    return Coverage(
        policy=group[0].policy,
        estimator=group[0].estimator,
        logs=len(group),
        level=level,
        intervals=len(judged),
        covered=sum(judged) / len(judged) if judged else None,
        covered_low=None if share is None else float(share.low),
        covered_high=None if share is None else float(share.high),
        bias=float(np.mean(errors)) / truth if errors else None,
        half_width=float(np.mean(widths)) / 2.0 / truth if whole else None,
        effective_sample_size=float(np.median([row.effective_sample_size for row in group])),
    )


def write(rows: Sequence[Coverage], folder: Path) -> Path:
    """Write ``coverage.json`` and ``coverage.md`` into ``folder``; returns the latter."""
    first = rows[0]
    return write_page(
        "coverage",
        rows,
        folder,
        title="Off-policy intervals against the truth",
        text=f"{first.logs} fresh logs of the reference scenario under the uniform policy, "
        f"{first.level:.0%} intervals. *Bias* and *half-width* are shares of the true value. "
        "The direct method is a point without an interval.",
        columns=(
            "policy", "method", "covered", "Wilson 95 %", "bias", "half-width", "effective rows",
        ),
        rows=[
            (
                r.policy,
                r.estimator,
                *_coverage(r),
                "no estimate" if r.bias is None else f"{r.bias:+.1%}",
                ("infinite" if r.intervals else "-")
                if r.half_width is None
                else f"{r.half_width:.0%}",
                f"{r.effective_sample_size:,.0f}",
            )
            for r in rows
        ],
    )  # fmt: skip


def _coverage(row: Coverage) -> tuple[str, str]:
    if row.covered is None or row.covered_low is None or row.covered_high is None:
        return "no interval", "-"
    return f"{row.covered:.1%}", f"{row.covered_low:.0%} to {row.covered_high:.0%}"
