"""The whole decision: rewards, truth and facts of a day."""

from __future__ import annotations

import numpy as np
import pytest

from envs.problems.next_best_action import NextBestActionVectorEnv
from simulator.scenarios import Scenario


def test_observations_and_masks_are_the_worlds(brisk: Scenario) -> None:
    """The learner sees the encoded contexts and the world's mask, nothing else."""
    env = NextBestActionVectorEnv(50, scenario=brisk, horizon_days=3)
    observation, info = env.reset(seed=0)
    for _ in range(4):
        assert np.array_equal(observation, env.world.observe())
        assert observation == pytest.approx(env.world.contexts().encoded, abs=1e-5)
        assert np.array_equal(info["action_mask"], env.world.mask())
        observation, *_, info = env.step(env.action_space.sample())


def test_last_observation_is_of_the_morning_after(brisk: Scenario) -> None:
    """What comes with an episode's end is the old cohort's next morning."""
    env = NextBestActionVectorEnv(3, scenario=brisk, horizon_days=1)
    env.reset(seed=0)
    nothing = np.zeros(3, dtype=np.int64)
    last_morning = env.world.fork()
    *_, info = env.step(nothing)
    last_morning.step(nothing)
    assert np.array_equal(info["final_obs"], last_morning.observe())
    assert "purchased" in info["final_info"]


def test_an_ineligible_call_costs_nothing(brisk: Scenario) -> None:
    """The same call is paid for where it is eligible, and only there."""
    env = NextBestActionVectorEnv(40, scenario=brisk)
    _, info = env.reset(seed=1)
    call = brisk.catalogue.index("churn_recovery/3/twenty_percent/call_centre")
    eligible = info["action_mask"][:, call]
    assert eligible.any()
    assert not eligible.all()
    *_, info = env.step(np.full(40, call))
    assert np.array_equal(info["refused"], ~eligible)
    assert np.array_equal(info["contact_minor"] > 0, eligible)
    assert np.array_equal(info["served"], np.where(eligible, call, 0))


def test_rewards_are_major_units_under_the_objective(brisk: Scenario) -> None:
    """A reward is the weighted components over a hundred."""
    env = NextBestActionVectorEnv(500, scenario=brisk)
    _, info = env.reset(seed=5)
    _, rewards, *_, facts = env.step(info["action_mask"].argmax(axis=1))
    assert rewards == pytest.approx(brisk.objective.reward(facts) / 100.0)


def test_truth_and_costs_are_the_worlds_where_eligible(brisk: Scenario) -> None:
    """Expected rewards in major units, NaN where masked; costs in minor units, 0 there."""
    env = NextBestActionVectorEnv(30, scenario=brisk)
    _, info = env.reset(seed=2)
    mask, truth, costs = info["action_mask"], env.expected_rewards(), env.contact_costs()
    assert truth[mask] == pytest.approx(env.world.expected_rewards()[mask] / 100.0)
    assert np.isnan(truth[~mask]).all()
    assert np.array_equal(costs, np.where(mask, brisk.catalogue.cost_minor, 0))


def test_what_the_scenarios_budget_drops_is_marked(brisk: Scenario) -> None:
    """Facts say what was really sent: the first customers' contacts, as far as money goes."""
    poor = brisk.replace(firm={"budget_minor_per_customer": 0.5})
    env = NextBestActionVectorEnv(60, scenario=poor)
    _, info = env.reset(seed=1)
    costs = np.where(info["action_mask"], brisk.catalogue.cost_minor, -1)
    actions = costs.argmax(axis=1)
    wanted = brisk.catalogue.cost_minor[actions]
    paid, left = np.zeros(60, dtype=bool), 30
    for i, cost in enumerate(wanted):
        paid[i] = cost <= left
        left -= cost * paid[i]
    *_, info = env.step(actions)
    assert not paid.all()
    assert np.array_equal(info["refused"], ~paid)
    assert np.array_equal(info["served"], np.where(paid, actions, 0))
    assert info["contact_minor"].sum() <= 30


def test_expected_rewards_know_the_scenarios_budget(brisk: Scenario) -> None:
    """A contact that is not paid for is not expected to bring anything."""
    poor = brisk.replace(firm={"budget_minor_per_customer": 0.5})
    env = NextBestActionVectorEnv(60, scenario=poor, reward="expected")
    _, info = env.reset(seed=1)
    actions = np.where(info["action_mask"], brisk.catalogue.cost_minor, -1).argmax(axis=1)
    truth = env.expected_rewards()
    _, rewards, _, _, info = env.step(actions)
    assert info["refused"].any()
    assert rewards == pytest.approx(truth[np.arange(60), info["served"]])
