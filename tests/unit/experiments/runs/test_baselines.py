"""One list of baselines: whoever takes a policy by name takes exactly these."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from agents.learners.registry import LEARNERS
from experiments import baselines, commands
from experiments.demo import evidence
from experiments.populations.deciders import decider
from experiments.populations.plan import DECIDERS, Plan
from experiments.reports.report import TITLES, title_of
from experiments.runs.baselines import NAMES, ORACLE
from experiments.runs.config import RESERVED, LogConfig, load, parse
from experiments.runs.evaluate import play_tasks
from experiments.runs.run_folder import RunFolder
from simulator.rollout import choose
from simulator.scenarios import load as load_scenario
from simulator.world import World
from tests.support.worlds import PLAIN
from troth.errors import InvalidArgument
from troth.policy import Policy, check_distribution


def test_there_are_three() -> None:
    """Uniform, silence and RFM rules, each a policy, made anew whenever they are asked for."""
    assert list(baselines()) == list(NAMES) == ["uniform", "never_contact", "rfm"]
    assert all(isinstance(policy, Policy) for policy in baselines().values())
    assert baselines()["rfm"] is not baselines()["rfm"]


def test_each_is_what_it_is_called() -> None:
    """All eligible actions alike, none at all, and one contact at most."""
    world = World(load_scenario(PLAIN), 200, 5)
    mask = world.mask()
    answers = {
        name: check_distribution(policy.distribution(world.contexts(), world.catalogue, mask), mask)
        for name, policy in baselines().items()
    }
    np.testing.assert_allclose(answers["uniform"], mask / mask.sum(axis=1, keepdims=True))
    assert (answers["never_contact"][:, 0] == 1.0).all()
    assert set(np.unique(answers["rfm"])) == {0.0, 1.0}
    assert (answers["rfm"][:, 0] < 1.0).any()


def test_names_cost_nothing() -> None:
    """Asking for the list imports no policy, nor what they compute with."""
    code = (
        "import sys; from experiments import baselines;"
        "print([m for m in ('numpy', 'numba', 'pydantic', 'agents') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_runs_play_them_all(tmp_path: Path) -> None:
    """On every seed, with the oracle, before the learners; no learner may take their names."""
    config = load("reference")
    trained = {
        (learner.name, seed): "a" * 64
        for learner in config.learners
        for seed in range(config.evaluation.seeds)
    }
    tasks = play_tasks(config, RunFolder(tmp_path), trained)
    first = [task.policy for task in tasks if task.index == 0 and not task.guarded]
    assert first == [task.policy for task in tasks if task.index == 0 and task.guarded]
    assert first[: len(NAMES) + 1] == [*NAMES, ORACLE] == list(RESERVED)
    for name in RESERVED:
        data = config.model_dump(mode="json")
        data["learners"][0]["name"] = name
        with pytest.raises(InvalidArgument, match=f"'{name}' is taken by another policy"):
            parse(data, source="a test")


def test_populations_take_them_all(tmp_path: Path) -> None:
    """Beside the plain programme; each decides as the baseline of its name; no others exist."""
    scenario = load_scenario(PLAIN)
    world = World(scenario, 200, 5)
    assert set(DECIDERS) == {*NAMES, "plain"}
    for name, policy in baselines().items():
        np.testing.assert_array_equal(
            decider(name, scenario, tmp_path)(world), choose(world, policy)
        )
    options = {"customers": 10, "days": 1, "seed": 1, "shard": 10}
    for name in DECIDERS:
        assert Plan.of(str(PLAIN), policy=name, **options).policy == name
    for name in (ORACLE, "rfm_rules", "Uniform", "nobody", "uniform\n"):
        with pytest.raises(InvalidArgument, match="policy: "):
            Plan.of(str(PLAIN), policy=name, **options)


def test_plans_keep_the_name_they_had_for_silence() -> None:
    """``never`` of earlier plans and scripts is read as ``never_contact``."""
    options = {"customers": 10, "days": 1, "seed": 1, "shard": 10}
    plan = Plan.of(str(PLAIN), policy="never", **options)
    assert plan == Plan.of(str(PLAIN), policy="never_contact", **options)


def test_the_command_names_them_all() -> None:
    """The help of ``troth live`` is the list."""
    app = typer.Typer()
    commands.register(app)
    shown = CliRunner().invoke(app, ["live", "--help"], env={"COLUMNS": "400"}).output
    assert "uniform, never_contact, rfm, plain, or the digest" in " ".join(shown.split())


def test_reports_have_a_title_for_each() -> None:
    """Beside the oracle; policies called after a learner that Troth ships have the learner's."""
    assert set(TITLES) == set(RESERVED)
    shipped = {kind: title_of(kind) for kind in LEARNERS.own}
    assert shipped["linear_thompson"] == "Linear Thompson sampling"
    assert shipped["masked_ppo"] == "Masked PPO"
    assert len({*TITLES.values(), *shipped.values()}) == len(TITLES) + len(shipped)
    assert set(evidence.TITLES) <= set(NAMES)


def test_logs_are_made_by_one_of_them() -> None:
    """By one that explores: a log of a policy that never varies tells nothing of others."""
    field = LogConfig.model_fields["policy"]
    assert set(get_args(field.annotation)) == {field.default} <= set(NAMES)
