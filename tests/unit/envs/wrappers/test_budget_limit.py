"""A shared budget: who is paid for, what the mask shows, what is left."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.vector import VectorEnv, VectorWrapper

from envs.bridges.sb3 import PopulationVecEnv
from envs.problems.next_best_action import NextBestActionEnv, NextBestActionVectorEnv
from envs.registration import DECISIONS
from envs.wrappers.budget_limit import BudgetLimit, VectorBudgetLimit
from simulator.compiled import kernel
from simulator.scenarios import Scenario
from troth.errors import InvalidArgument

CALL = "churn_recovery/3/twenty_percent/call_centre"
N = 40


def limited(scenario: Scenario, **arguments: Any) -> VectorBudgetLimit:
    """Forty customers for three days under a budget."""
    env = NextBestActionVectorEnv(N, scenario=scenario, horizon_days=3)
    return VectorBudgetLimit(env, **arguments)


def dearest(env: Any) -> np.ndarray:
    """The most expensive action of each mask."""
    return np.where(env.action_masks(), env.unwrapped.contact_costs(), -1).argmax(axis=1)


def test_pays_in_order_and_lets_the_cheap_pass() -> None:
    """Who cannot be paid for gets nothing; those behind them may still afford less."""
    actions, broke = np.array([1, 2, 2, 1, 0]), np.zeros(5, dtype=bool)
    costs = np.tile([0, 1, 5], (5, 1))
    assert kernel.pay(actions, broke, costs, 7, 1) == 0
    assert actions.tolist() == [1, 2, 0, 1, 0]
    assert broke.tolist() == [False, False, True, False, False]


def test_never_spends_more_than_the_budget(brisk: Scenario) -> None:
    """Over an episode all contacts together cost at most the budget, and it is used."""
    env = limited(brisk, budget_minor=700, period="episode")
    env.reset(seed=1)
    spent, refused = 0, 0
    for _ in range(3):
        *_, info = env.step(dearest(env))
        facts = info.get("final_info", info)
        spent += int(facts["contact_minor"].sum())
        refused += int(facts["refused"].sum())
    assert 300 < spent <= 700
    assert refused > 0


def test_mask_and_observation_show_what_is_left(brisk: Scenario) -> None:
    """Contacts dearer than what is left are masked; the last column is the share left."""
    env = limited(brisk, budget_minor=310, period="episode")
    observation, info = env.reset(seed=1)
    call = brisk.catalogue.index(CALL)
    assert info["action_mask"][:, call].any()
    assert (observation[:, -1] == 1.0).all()
    assert env.observation_space.contains(observation)
    actions = np.zeros(N, dtype=np.int64)
    actions[info["action_mask"][:, call].argmax()] = call
    observation, *_, info = env.step(actions)
    assert env.left_minor == 10
    assert observation[:, -1] == pytest.approx(10 / 310)
    assert not info["action_mask"][:, call].any()
    assert info["action_mask"][:, 0].all()
    costs = env.unwrapped.contact_costs()  # type: ignore[attr-defined]
    assert np.array_equal(info["action_mask"], env.env.action_masks() & (costs <= 10))  # type: ignore[attr-defined]


@pytest.mark.parametrize(("period", "left"), [("day", 310), ("episode", 10)])
def test_a_day_or_an_episode_fills_it_again(brisk: Scenario, period: Any, left: int) -> None:
    """A daily budget is whole each morning, an episode's only at the next beginning."""
    env = limited(brisk, budget_minor=310, period=period)
    _, info = env.reset(seed=1)
    call = brisk.catalogue.index(CALL)
    actions = np.zeros(N, dtype=np.int64)
    actions[info["action_mask"][:, call].argmax()] = call
    env.step(actions)
    assert env.left_minor == left
    env.step(np.zeros(N, dtype=np.int64))
    observation, *_, info = env.step(np.zeros(N, dtype=np.int64))
    assert info["final_obs"][:, -1] == pytest.approx(left / 310)
    assert (observation[:, -1] == 1.0).all()
    assert env.left_minor == 310


def test_the_first_in_line_changes_by_the_day() -> None:
    """The same customers do not always come first."""
    firsts = {day * N // 7 % N for day in range(7)}
    assert len(firsts) == 7


def test_same_seed_same_grants(brisk: Scenario) -> None:
    """Who is granted a contact depends on nothing but the customers' numbers and the day."""
    runs = []
    for _ in range(2):
        env = limited(brisk, budget_minor=400)
        env.reset(seed=3)
        runs.append([env.step(dearest(env))[-1]["action_mask"] for _ in range(3)])
    assert all(np.array_equal(a, b) for a, b in zip(*runs, strict=True))


def test_without_a_budget_only_free_contacts_remain(brisk: Scenario) -> None:
    """A budget of nought masks all that costs anything."""
    env = limited(brisk, budget_minor=0)
    _, info = env.reset(seed=1)
    free = brisk.catalogue.cost_minor == 0
    assert not info["action_mask"][:, ~free].any()
    assert info["action_mask"][:, free].any(axis=0).sum() > 1


def test_one_customer_has_a_budget_of_his_own(brisk: Scenario) -> None:
    """The single wrapper masks, refuses and shows what is left as the vector one does."""
    env = BudgetLimit(NextBestActionEnv(scenario=brisk), budget_minor=1)
    observation, _ = env.reset(seed=4)
    assert env.observation_space.contains(observation)
    costs = env.unwrapped.contact_costs()  # type: ignore[attr-defined]
    dear = int(costs.argmax())
    assert costs[dear] > 1
    assert not env.action_masks()[dear]
    *_, info = env.step(dear)
    assert info["refused"]
    assert info["served"] == 0
    cheap = int((env.action_masks() & (env.unwrapped.contact_costs() == 1)).argmax())  # type: ignore[attr-defined]
    observation, *_, info = env.step(cheap)
    assert info["served"] == cheap > 0
    assert observation[-1] == 0.0
    assert (env.unwrapped.contact_costs()[env.action_masks()] == 0).all()  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", DECISIONS)
def test_wraps_every_decision_problem(name: str, brisk: Scenario) -> None:
    """Both are proper wrappers, and SB3 sees the mask and the observation they show."""
    one = BudgetLimit(gymnasium.make(name, scenario=brisk), budget_minor=5)
    assert one.spec is not None
    assert one.spec.additional_wrappers[-1].name == "BudgetLimit"
    many: VectorEnv[Any, Any, Any] = gymnasium.make_vec(
        name, num_envs=N, vectorization_mode="vector_entry_point", scenario=brisk
    )
    env = VectorBudgetLimit(many, budget_minor=5)
    assert isinstance(env, VectorWrapper)
    bridge = PopulationVecEnv(env)
    bridge.seed(0)
    assert bridge.reset().shape == (N, *env.single_observation_space.shape)
    assert np.array_equal(bridge.env_method("action_masks")[0], env.action_masks())


@pytest.mark.parametrize(
    ("field", "arguments"),
    [("budget_minor", {"budget_minor": -1}), ("period", {"budget_minor": 1, "period": "year"})],
)
def test_bad_arguments_are_named(brisk: Scenario, field: str, arguments: dict[str, Any]) -> None:
    """A budget that cannot be is refused with the argument's name."""
    with pytest.raises(InvalidArgument, match=field):
        limited(brisk, **arguments)


def test_nothing_to_pay_for_is_refused() -> None:
    """An environment without contacts cannot have a budget for them."""
    with pytest.raises(InvalidArgument, match="env"):
        BudgetLimit(gymnasium.make("CartPole-v1"), budget_minor=1)
