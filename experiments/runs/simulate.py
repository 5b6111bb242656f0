"""First stage: a population lives under the logging policy, and every decision is logged."""

from __future__ import annotations

import time
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.artifacts.artifact import ArtifactStore
from experiments.runs.baselines import baselines
from experiments.runs.config import RunConfig
from experiments.runs.results import Logged
from experiments.runs.rollout import record
from experiments.runs.run_folder import RunFolder, world_seed
from simulator.known_facts import day_start
from simulator.scenarios import load as load_scenario
from simulator.world import World
from troth.files import whole


@dataclass(frozen=True, slots=True)
class SeedTask:
    """One repetition of a stage.

    Attributes:
        config: the run.
        home: where it keeps things.
        index: the repetition, from 0.
    """

    config: RunConfig
    home: RunFolder
    index: int


def simulate(task: SeedTask) -> Logged:
    """Write the training log, the held-out log and the truth beside the latter.

    The held-out customers are of the same population, but none of them is in the training
    log: an estimate on it says how a policy does on people it has not learnt from.
    """
    began = time.perf_counter()
    config, home, index = task.config, task.home, task.index
    scenario = load_scenario(config.scenario)
    seed = world_seed(config.seed, index, "log")
    policy = baselines()[config.log.policy]

    world = World(scenario, config.log.customers, seed)
    digest = ArtifactStore(home.artifacts).save(
        policy,
        schema=world.schema,
        catalogue=world.catalogue,
        contexts=world.contexts(),
        mask=world.mask(),
        training={"learner": config.log.policy},
    )
    training = record(
        world,
        policy,
        config.log.days,
        start=day_start(scenario.start),
        policy_digest=digest,
        objective=scenario.objective,
    )
    training.batch.write(home.training_log(index))

    others = World(
        scenario, config.log.held_out_customers, seed, first_customer=config.log.customers
    )
    held_out = record(
        others,
        policy,
        config.log.days,
        start=day_start(scenario.start),
        policy_digest=digest,
        objective=scenario.objective,
        expected=True,
    )
    held_out.batch.write(home.held_out_log(index))
    assert held_out.expected_minor is not None  # noqa: S101  # asked for above
    with whole(home.held_out_truth(index)) as partial, partial.open("wb") as file:
        np.save(file, held_out.expected_minor, allow_pickle=False)
    return Logged(
        index=index,
        rows=len(training.batch),
        held_out_rows=len(held_out.batch),
        seconds=time.perf_counter() - began,
    )


def read_truth(home: RunFolder, index: int) -> NDArray[np.float64]:
    """float64 (n, K) of the held-out log of one seed, minor units."""
    truth: NDArray[np.float64] = np.load(home.held_out_truth(index), allow_pickle=False)
    return truth
