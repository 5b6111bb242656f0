"""Second stage: learners read the log or act in the environment, and leave artifacts."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.artifacts.artifact import ArtifactStore
from agents.learners.learner import (
    EnvLearner,
    Learner,
    LogLearner,
    OnlineLearner,
    TrainedPolicy,
)
from agents.policies.storable import StorablePolicy
from experiments.runs.config import LearnerConfig, RunConfig
from experiments.runs.results import Trained
from experiments.runs.run_folder import RunFolder, world_seed
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.errors import FailedPrecondition, TrothError
from troth.logs.batches import LoggedBatch
from troth.streams import derive_seed, generator
from troth.text import exception_text

Curve = tuple[tuple[int, float], ...]
SELF_TEST_CUSTOMERS = 256
"""Customers from whom an artifact's self-test contexts are taken."""


@dataclass(frozen=True, slots=True)
class TrainTask:
    """One learner on one seed."""

    config: RunConfig
    home: RunFolder
    index: int
    learner: LearnerConfig


def train_tasks(config: RunConfig, home: RunFolder) -> list[TrainTask]:
    """Every learner on every seed, the slow first, those that act: workers end together."""
    order = sorted(config.learners, key=lambda learner: not learner.acts)
    return [
        TrainTask(config, home, index, learner)
        for learner in order
        for index in range(config.evaluation.seeds)
    ]


def train(task: TrainTask) -> Trained:
    """Train one learner on one seed and save what it learnt."""
    began = time.perf_counter()
    policy, decisions, curve = _learn(task)
    scenario = load_scenario(task.config.scenario)
    world = World(
        scenario, SELF_TEST_CUSTOMERS, world_seed(task.config.seed, task.index, "self_test")
    )
    digest = ArtifactStore(task.home.artifacts).save(
        policy,
        schema=world.schema,
        catalogue=world.catalogue,
        contexts=world.contexts(),
        mask=world.mask(),
        training=_facts(task, decisions),
    )
    return Trained(
        learner=task.learner.name,
        seed_index=task.index,
        digest=digest,
        seconds=time.perf_counter() - began,
        decisions=decisions,
        curve=curve,
    )


def _facts(task: TrainTask, decisions: int) -> dict[str, Any]:
    """How the policy came about: part of the artifact's digest, so no times and no paths."""
    extension = task.learner.extension
    return {
        "learner": task.learner.model_dump(mode="json"),
        **({} if extension is None else {"extension": extension.to_dict()}),
        "config_digest": task.config.digest,
        "scenario_digest": load_scenario(task.config.scenario).digest,
        "seed": str(task.config.seed),
        "seed_index": task.index,
        "decisions": decisions,
    }


def _learn(task: TrainTask) -> tuple[StorablePolicy, int, Curve]:
    """The policy, the decisions it was learned from, and how training went.

    Raises:
        FailedPrecondition: if a package's learner fails, whatever it raises.
    """
    extension = task.learner.extension
    try:
        return _taught(task, task.learner.made())
    except (Exception, SystemExit) as error:
        if extension is None or isinstance(error, TrothError):
            raise
        raise FailedPrecondition(
            f"{extension.name!r} of {extension.distribution} {extension.version} failed: "
            f"{exception_text(error)}",
            field=f"learners.{task.learner.name}",
        ) from error


def _taught(task: TrainTask, learner: Learner) -> tuple[StorablePolicy, int, Curve]:
    if isinstance(learner, EnvLearner):
        found = _act(task, learner)
        curve = tuple((point.steps, point.mean_reward) for point in found.curve)
        return found.policy, curve[-1][0] if curve else 0, curve
    log = LoggedBatch.read(task.home.training_log(task.index))
    rng = generator("experiments.train", task.config.seed, task.index, task.learner.name)
    if isinstance(learner, OnlineLearner):
        learning = learner.begin(log.contexts.schema, log.catalogue)
        for day in np.unique(log.step):  # as they came in
            learning.update(log.take(log.step == day))
        return learning.policy(rng), len(log), ()
    assert isinstance(learner, LogLearner)  # noqa: S101  # the registry knows no other
    return learner.fit(log, rng), len(log), ()


def _act(task: TrainTask, learner: EnvLearner) -> TrainedPolicy:
    from envs.bridges.sb3 import PopulationVecEnv
    from envs.problems.next_best_action import NextBestActionVectorEnv

    environment = task.learner.environment
    assert environment is not None  # noqa: S101  # or it would not have been made
    scenario = load_scenario(task.config.scenario)
    env = PopulationVecEnv(
        NextBestActionVectorEnv(
            environment.customers,
            scenario=task.config.scenario,
            horizon_days=environment.horizon_days,
            reward=environment.reward,
        )
    )
    env.seed(world_seed(task.config.seed, task.index, "environment") % 2**31)
    try:
        return learner.train(
            env,
            schema=scenario.schema,
            catalogue=scenario.catalogue,
            seed=derive_seed("experiments.train", task.config.seed, task.index) % 2**32,
        )
    finally:
        env.close()
