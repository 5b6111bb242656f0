"""Delayed reward: the same money, later."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest

from envs.bridges.sb3 import PopulationVecEnv
from envs.problems.next_best_action import NextBestActionVectorEnv
from envs.registration import NEXT_BEST_ACTION
from envs.wrappers.delayed_reward import DelayedReward, VectorDelayedReward
from simulator.scenarios import Scenario, load
from troth.errors import InvalidArgument

N = 600


@pytest.fixture(scope="module")
def fresh() -> Scenario:
    """A past without contacts, so that nothing is under way on day 0."""
    return load("reference").replace(warm_up={"days": 3, "contact_chance": 0.0})


def test_all_that_is_credited_is_booked_in_the_end(fresh: Scenario) -> None:
    """Ten days of contacts are paid for later: first too little is booked, at last all of it."""
    env = VectorDelayedReward(NextBestActionVectorEnv(N, scenario=fresh, horizon_days=365))
    env.reset(seed=0)
    rng = np.random.default_rng(0)
    credited, booked = np.zeros(N), np.zeros(N)
    for day in range(160):
        mask = env.action_masks()
        actions = (mask * rng.random(mask.shape)).argmax(axis=1) if day < 10 else np.zeros(N, int)
        _, rewards, *_, info = env.step(actions)
        credited += info["credited_reward"]
        booked += rewards
        if day == 9:
            assert (np.abs(credited - booked) > 1e-9).sum() > 3
            assert booked.sum() < credited.sum()
    assert booked == pytest.approx(credited)


def test_contacts_are_paid_at_once(fresh: Scenario) -> None:
    """What a contact costs is booked on its day, whatever it brings."""
    env: Any = NextBestActionVectorEnv(N, scenario=fresh)
    env.reset(seed=1)
    mask = env.action_masks()
    last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
    twin = env.world.fork()
    result = twin.step(last)
    env.step(last)
    assert np.array_equal(result.landed["contact_minor"], result.components["contact_minor"])
    booked = fresh.objective.reward(result.landed) / 100.0
    assert env.booked_rewards() == pytest.approx(booked)


def test_learners_and_specifications_see_the_wrapper(fresh: Scenario) -> None:
    """SB3 is paid the booked rewards, finds the masks, and the wrapper is in the spec."""
    one = DelayedReward(gymnasium.make(NEXT_BEST_ACTION, scenario=fresh))
    assert one.spec is not None
    assert one.spec.additional_wrappers[-1].name == "DelayedReward"
    env = VectorDelayedReward(NextBestActionVectorEnv(N, scenario=fresh))
    bridge = PopulationVecEnv(env)
    bridge.seed(1)
    bridge.reset()
    (mask,) = bridge.env_method("action_masks")
    _, rewards, _, _ = bridge.step(mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1))
    assert rewards == pytest.approx(env.unwrapped.booked_rewards(), abs=1e-5)  # type: ignore[attr-defined]


def test_needs_an_environment_that_books() -> None:
    """Another environment is refused."""
    with pytest.raises(InvalidArgument, match="env"):
        DelayedReward(gymnasium.make("CartPole-v1"))
