"""How often an off-policy interval holds the truth, over many fresh logs of one world.

The policies are those of a finished run. Each log is a new population under the uniform
logging policy; the truth of a log is exact (:meth:`simulator.world.World.expected_rewards`).
A 95 % interval should cover in 95 % of the logs. Where rewards are rare and heavy-tailed it
covers less, and the table says by how much.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path

import numpy as np
from pydantic import BaseModel, ConfigDict
from scipy.stats import binomtest

from agents.policies.uniform import UniformPolicy
from experiments.config import RunConfig
from experiments.evaluate import OffPolicyTask, judge_log
from experiments.executors import Executor, OnProgress
from experiments.home import RunHome, world_seed
from experiments.proofs.pages import write as write_page
from experiments.results import OffPolicy, TrainedAll, read_optional
from experiments.rollout import day_start, record
from experiments.simulate import SeedTask
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.errors import NotFound


class Coverage(BaseModel):
    """One estimator of one policy over all logs.

    Attributes:
        policy, estimator: what was judged, and how.
        logs: how many logs.
        level: what the intervals claim, in (0, 1).
        covered: share of logs whose interval holds the truth.
        covered_low, covered_high: 95 % Wilson interval of that share.
        bias: mean of (estimate - truth) over the mean truth.
        half_width: mean half-width of the intervals over the mean truth.
        effective_sample_size: median over the logs.
    """

    model_config = ConfigDict(frozen=True)

    policy: str
    estimator: str
    logs: int
    level: float
    covered: float
    covered_low: float
    covered_high: float
    bias: float
    half_width: float
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
    home: RunHome, logs: int, executor: Executor, on_progress: OnProgress | None = None
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
    mean = partial(_mean, group)
    truth = mean("truth")
    hits = sum(row.low <= row.truth <= row.high for row in group)
    share = binomtest(hits, len(group)).proportion_ci(method="wilson")
    return Coverage(
        policy=group[0].policy,
        estimator=group[0].estimator,
        logs=len(group),
        level=level,
        covered=hits / len(group),
        covered_low=float(share.low),
        covered_high=float(share.high),
        bias=(mean("value") - truth) / truth,
        half_width=(mean("high") - mean("low")) / 2.0 / truth,
        effective_sample_size=float(np.median([row.effective_sample_size for row in group])),
    )


def _mean(group: Sequence[OffPolicy], name: str) -> float:
    return float(np.mean([getattr(row, name) for row in group]))


def write(rows: Sequence[Coverage], folder: Path) -> Path:
    """Write ``coverage.json`` and ``coverage.md`` into ``folder``; returns the latter."""
    first = rows[0]
    return write_page(
        "coverage",
        rows,
        folder,
        title="Off-policy intervals against the truth",
        text=f"{first.logs} fresh logs of the reference scenario under the uniform policy, "
        f"{first.level:.0%} intervals. *Bias* and *half-width* are shares of the true value.",
        columns=(
            "policy", "method", "covered", "Wilson 95 %", "bias", "half-width", "effective rows",
        ),
        rows=[
            (
                r.policy,
                r.estimator,
                f"{r.covered:.1%}",
                f"{r.covered_low:.0%} to {r.covered_high:.0%}",
                f"{r.bias:+.1%}",
                f"{r.half_width:.0%}",
                f"{r.effective_sample_size:,.0f}",
            )
            for r in rows
        ],
    )  # fmt: skip
