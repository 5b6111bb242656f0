"""The truth is true: expected rewards against Monte Carlo, in every registered environment.

In a scenario where people buy and respond often, so that some hundred replicates suffice.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from numpy.typing import NDArray

from envs.registration import DECISIONS, PROGRAMME_DESIGN
from simulator.scenarios import Scenario, load
from simulator.world import World
from tests.support.worlds import PLAIN

PAIRS = 200
REPLICATES = 800

Float = NDArray[np.float64]


@pytest.fixture(scope="module")
def busy() -> Scenario:
    """The reference with frequent purchases, strong responses and frequent opt-outs."""
    reference = load(PLAIN)
    eager = {"opt_out": 0.1, "affinity_sigma": 0.3}
    return reference.replace(
        warm_up={"days": 3},
        purchases={"r": 3.0, "alpha_weeks": 2.0, "a": 0.02, "b": 5.0},
        email={"visit_intercept": 0.0, "lift_intercept": 1.0, "conversion_given_visit_email": 0.9},
        loyalty={"surprise_per_day": 0.2},
        response={"lapsed": 1.0, "ceiling": 0.9},
        persuadability={
            name: {**section, "gain": 1.0}
            for name, section in reference.persuadability.model_dump().items()
        },
        channels={
            name: {**section.model_dump(), **eager, "delivery": max(section.delivery, 0.4)}
            for name, section in reference.channels.items()
        },
    )


def monte_carlo(world: World, actions: NDArray[np.int64], replicates: int) -> Float:
    """Rewards of a day in alternative lives, float64 (replicates, n), major units."""
    goal = world.scenario.objective
    rewards = np.empty((replicates, world.size))
    for r in range(replicates):
        rewards[r] = goal.reward(world.fork(replicate=r).step(actions).components) / 100.0
    return rewards


@pytest.mark.parametrize("name", DECISIONS)
def test_expected_rewards_are_the_mean_of_many_lives(name: str, busy: Scenario) -> None:
    """Of 200 random customers and eligible contacts each, within four standard errors.

    Compared with no contact in the same lives, which takes most of the noise out, and the
    expectation of no contact by itself.
    """
    env: Any = gymnasium.make_vec(
        name, num_envs=PAIRS + 60, vectorization_mode="vector_entry_point", scenario=busy
    ).unwrapped
    env.reset(seed=11)
    env.step(np.zeros(env.num_envs, dtype=np.int64))
    mask = env.action_masks()
    rng = np.random.default_rng(12)
    actions = np.where(mask[:, 1:], rng.random((env.num_envs, mask.shape[1] - 1)), -1.0)
    actions = np.where(mask[:, 1:].any(axis=1), 1 + actions.argmax(axis=1), 0)
    rows = np.flatnonzero(actions)[:PAIRS]
    assert len(rows) == PAIRS
    truth = env.expected_rewards()
    assert (truth.shape, truth.dtype) == (mask.shape, np.float64)
    assert np.array_equal(np.isfinite(truth), mask)
    served = env.cohort.columns()[np.arange(env.num_envs), actions]
    contacted = monte_carlo(env.world, served, REPLICATES)[:, rows]
    alone = monte_carlo(env.world, np.zeros_like(served), REPLICATES)[:, rows]
    assert_mean(contacted - alone, truth[rows, actions[rows]] - truth[rows, 0])
    assert_mean(alone, truth[rows, 0])


def test_expected_profit_of_a_day_is_the_mean_of_many_lives(busy: Scenario) -> None:
    """Of 200 random programmes, within four standard errors, on the day they take effect.

    And of the scenario's own for the same members.
    """
    members = 4
    env: Any = gymnasium.make_vec(
        PROGRAMME_DESIGN, num_envs=PAIRS, vectorization_mode="vector_entry_point",
        scenario=busy, members=members,
    ).unwrapped  # fmt: skip
    env.reset(seed=13)
    env.step(np.zeros((PAIRS, 4), dtype=np.float32))
    actions = np.random.default_rng(14).uniform(-1.0, 1.0, (PAIRS, 4))
    contacts = env.programmes.plain_contacts()
    assert (contacts > 0).mean() > 0.05

    def lives(knobs: Float) -> Float:
        world = env.world.fork()
        world.set_programme(env.programmes.programme(knobs))
        return monte_carlo(world, contacts, REPLICATES).reshape(-1, PAIRS, members).mean(axis=2)

    assert_mean(lives(np.zeros((PAIRS, 4))), env.expected_rewards())
    assert_mean(lives(actions), env.expected_rewards(actions))


def assert_mean(lives: Float, expected: Float) -> None:
    """Each column's mean is its expectation within four standard errors, and so is the whole."""
    error = lives.std(axis=0, ddof=1) / np.sqrt(len(lives))
    sure = error == 0.0  # e.g. one who has left buys nothing in any life
    assert lives.mean(axis=0)[sure] == pytest.approx(expected[sure], abs=1e-9)
    z = (lives.mean(axis=0) - expected)[~sure] / error[~sure]
    assert len(z) > PAIRS // 2
    assert np.abs(z).max() < 4.0
    assert abs(z.mean()) * np.sqrt(len(z)) < 4.0
    assert 0.8 < z.std() < 1.25  # what is always a little off would show here
