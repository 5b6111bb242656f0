"""Second stage: learners read the log or act in the environment, and leave artifacts."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from agents.artifacts.artifact import ArtifactStore
from agents.learners.linear_bandit import LinearThompsonConfig, fit_linear_thompson
from agents.policies.storable import StorablePolicy
from experiments.runs.config import EnvironmentConfig, LearnerConfig, RunConfig
from experiments.runs.results import Trained
from experiments.runs.run_folder import RunFolder, world_seed
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.streams import derive_seed, generator

if TYPE_CHECKING:
    from agents.learners.masked_ppo import MaskedPpoConfig

Settings = TypeVar("Settings")
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
    """Every learner on every seed, the slow kind first, so that workers end together."""
    order = sorted(config.learners, key=lambda learner: learner.kind != "masked_ppo")
    return [
        TrainTask(config, home, index, learner)
        for learner in order
        for index in range(config.evaluation.seeds)
    ]


def check_learners(config: RunConfig) -> None:
    """Refuse wrong learner settings before anything is simulated.

    Raises:
        InvalidArgument: naming the learner, the setting, its value and what is allowed.
    """
    for learner in config.learners:
        if learner.kind == "linear_thompson":
            bandit_settings(learner)
            if learner.environment is not None:
                raise InvalidArgument(
                    "a learner that reads a log has no environment",
                    field=f"learners.{learner.name}.environment",
                )
        else:
            ppo_settings(learner)
            _environment_of(learner)


def bandit_settings(learner: LearnerConfig) -> LinearThompsonConfig:
    """The typed settings of a linear Thompson learner."""
    return _typed(LinearThompsonConfig, learner)


def ppo_settings(learner: LearnerConfig) -> MaskedPpoConfig:
    """The typed settings of a masked PPO learner."""
    from agents.learners.masked_ppo import MaskedPpoConfig

    return _typed(MaskedPpoConfig, learner)


def _typed(kind: type[Settings], learner: LearnerConfig) -> Settings:
    where = f"learners.{learner.name}.settings"
    known = [field.name for field in fields(kind)]  # type: ignore[arg-type]  # a dataclass
    for key in learner.settings:
        if key not in known:
            raise InvalidArgument(
                f"{learner.kind} has no such setting; it has {', '.join(known)}",
                field=f"{where}.{key}",
            )
    try:
        return TypeAdapter(kind).validate_python(learner.settings)
    except InvalidArgument as error:
        raise InvalidArgument(error.message, field=f"{where}.{error.field}") from error
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"])
        raise InvalidArgument(
            f"{first['input']!r}: {first['msg'].lower()}", field=f"{where}.{key}"
        ) from error


def train(task: TrainTask) -> Trained:
    """Train one learner on one seed and save what it learnt."""
    began = time.perf_counter()
    steps: Mapping[str, Callable[[TrainTask], tuple[StorablePolicy, int, Curve]]] = {
        "linear_thompson": _train_bandit,
        "masked_ppo": _train_ppo,
    }
    policy, decisions, curve = steps[task.learner.kind](task)
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
    return {
        "learner": task.learner.model_dump(mode="json"),
        "config_digest": task.config.digest,
        "scenario_digest": load_scenario(task.config.scenario).digest,
        "seed": str(task.config.seed),
        "seed_index": task.index,
        "decisions": decisions,
    }


def _train_bandit(task: TrainTask) -> tuple[StorablePolicy, int, Curve]:
    log = LoggedBatch.read(task.home.training_log(task.index))
    rng = generator("experiments.train", task.config.seed, task.index, task.learner.name)
    policy = fit_linear_thompson(log, bandit_settings(task.learner), rng)
    return policy, len(log), ()


def _train_ppo(task: TrainTask) -> tuple[StorablePolicy, int, Curve]:
    from agents.learners.masked_ppo import train_masked_ppo
    from envs.bridges.sb3 import PopulationVecEnv
    from envs.problems.next_best_action import NextBestActionVectorEnv

    environment = _environment_of(task.learner)
    scenario = load_scenario(task.config.scenario)
    native = NextBestActionVectorEnv(
        environment.customers,
        scenario=task.config.scenario,
        horizon_days=environment.horizon_days,
        reward=environment.reward,
    )
    env = PopulationVecEnv(native)
    env.seed(world_seed(task.config.seed, task.index, "environment") % 2**31)
    try:
        found = train_masked_ppo(
            env,
            ppo_settings(task.learner),
            schema=scenario.schema,
            catalogue=scenario.catalogue,
            seed=derive_seed("experiments.train", task.config.seed, task.index) % 2**32,
        )
    finally:
        env.close()
    curve = tuple((point.steps, point.mean_reward) for point in found.curve)
    return found.policy, found.curve[-1].steps, curve


def _environment_of(learner: LearnerConfig) -> EnvironmentConfig:
    if learner.environment is None:
        raise InvalidArgument(
            "a learner that acts needs customers and horizon_days",
            field=f"learners.{learner.name}.environment",
        )
    return learner.environment
