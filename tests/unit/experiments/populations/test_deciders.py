"""Who decides in a long run: eligible, keyed by customer, at the rate that was asked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from agents.artifacts.artifact import ArtifactStore
from agents.policies.uniform import UniformPolicy
from experiments.populations.deciders import decider, plain
from experiments.populations.plan import DECIDERS
from simulator.rollout import choose
from simulator.scenarios import load
from simulator.world import World
from troth.errors import FailedPrecondition, NotFound


@pytest.fixture(scope="module")
def world(scenario_file: Path) -> World:
    """3,000 customers on the morning of day 0."""
    return World(load(scenario_file), 3000, 5)


@pytest.mark.parametrize("name", DECIDERS)
def test_decisions_are_eligible_and_keyed(world: World, tmp_path: Path, name: str) -> None:
    """Everyone decides within the mask, and alike for a customer in any batch."""
    actions = decider(name, world.scenario, tmp_path)(world)
    assert actions.shape == (world.size,)
    assert world.mask()[np.arange(world.size), actions].all()
    part = World(world.scenario, 100, world.seed, first_customer=700)
    np.testing.assert_array_equal(decider(name, part.scenario, tmp_path)(part), actions[700:800])
    assert (actions == 0).all() == (name == "never_contact")


def test_plain_is_due_as_the_scenario_says(world: World) -> None:
    """Of those who can be reached, the stated share is contacted, all contacts alike."""
    reached = world.mask()[:, 1:].any(axis=1)
    actions = plain(world)
    share = (actions[reached] > 0).mean()
    chance = world.scenario.warm_up.contact_chance
    assert abs(share - chance) < 4 * np.sqrt(chance * (1 - chance) / reached.sum())
    expected = chance * (
        world.mask()[:, 1:] / np.maximum(1, reached * world.mask()[:, 1:].sum(axis=1))[:, None]
    ).sum(axis=0)
    counts = np.bincount(actions, minlength=len(world.catalogue))[1:]
    assert (np.abs(counts - expected) <= 5 * np.sqrt(expected + 1)).all()


def test_an_artifact_decides_as_its_policy(world: World, tmp_path: Path) -> None:
    """By its digest, the stored policy decides; for another catalogue it is refused."""
    digest = ArtifactStore(tmp_path).save(
        UniformPolicy(),
        schema=world.schema,
        catalogue=world.catalogue,
        contexts=world.contexts(),
        mask=world.mask(),
        training={},
    )
    decide = decider(digest, world.scenario, tmp_path)
    np.testing.assert_array_equal(decide(world), choose(world, UniformPolicy()))
    scenario = world.scenario
    fewer = {name: j for name, j in scenario.model_dump()["journeys"].items() if name != "welcome"}
    values = scenario.model_dump()
    values["journeys"] = fewer
    other = World(type(scenario).model_validate(values), 5, 1)
    with pytest.raises(FailedPrecondition, match="another catalogue"):
        decider(digest, other.scenario, tmp_path)
    with pytest.raises(NotFound):
        decider("0" * 64, world.scenario, tmp_path)
