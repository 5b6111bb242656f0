"""Every registered environment against Gymnasium's checkers and our own."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode

import envs
from envs.next_best_action import NextBestActionEnv, NextBestActionVectorEnv
from envs.registration import ENVIRONMENTS
from simulator.scenarios import Scenario, load
from troth.errors import FailedPrecondition, InvalidArgument


@pytest.fixture(scope="module")
def brisk() -> Scenario:
    """The reference with a short warm-up."""
    return load("reference").replace(warm_up={"days": 3})


def roll_out(env: Any, seed: int, steps: int) -> list[tuple[Any, ...]]:
    """What a seeded run of random actions brings."""
    env.action_space.seed(seed)
    observation, info = env.reset(seed=seed)
    seen = [(observation, info["action_mask"])]
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        seen.append((observation, reward, terminated, truncated, info["action_mask"]))
        if np.all(truncated) and isinstance(env.unwrapped, gymnasium.Env):
            env.reset()
    return seen


def assert_same(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> None:
    """Both runs are the same to the bit."""
    for a, b in zip(left, right, strict=True):
        for x, y in zip(a, b, strict=True):
            assert np.array_equal(x, y)


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_gymnasium_finds_nothing_to_warn_about(name: str) -> None:
    """The single environment passes Gymnasium's checker; warnings are errors here."""
    check_env(gymnasium.make(name).unwrapped)


@pytest.mark.parametrize("name", ENVIRONMENTS)
@pytest.mark.parametrize("vector", [False, True])
def test_same_seed_same_roll_out(name: str, vector: bool, brisk: Scenario) -> None:
    """Two runs of one seed are identical, over episode ends as well; another seed differs."""

    def make() -> Any:
        if vector:
            return gymnasium.make_vec(
                name, num_envs=5, vectorization_mode="vector_entry_point",
                scenario=brisk, horizon_days=4,
            )  # fmt: skip
        return gymnasium.make(name, scenario=brisk, horizon_days=4)

    first, again = roll_out(make(), 3, 10), roll_out(make(), 3, 10)
    assert_same(first, again)
    assert not np.array_equal(first[-1][0], roll_out(make(), 4, 10)[-1][0])


def test_spaces_hold_what_is_observed(brisk: Scenario) -> None:
    """Observations lie in their space, which is bounded, float32 and as wide as the schema."""
    env = NextBestActionVectorEnv(50, scenario=brisk, horizon_days=5)
    assert env.single_observation_space.shape == (brisk.schema.width,)
    assert np.isfinite(env.single_observation_space.low).all()
    observation, _ = env.reset(seed=0)
    for _ in range(6):
        assert observation.dtype == np.float32
        assert env.observation_space.contains(observation)
        observation = env.step(env.action_space.sample())[0]


def test_vector_of_one_is_the_single_env(brisk: Scenario) -> None:
    """The two forms are one environment: same customer, same rewards."""
    single = NextBestActionEnv(scenario=brisk, horizon_days=6)
    vector = NextBestActionVectorEnv(1, scenario=brisk, horizon_days=6)
    left, _ = single.reset(seed=9)
    right, _ = vector.reset(seed=9)
    assert np.array_equal(left, right[0])
    for _ in range(5):
        action = int(single.action_masks().nonzero()[0][-1])
        left, reward, _, _, _ = single.step(action)
        right, rewards, _, _, _ = vector.step(np.array([action]))
        assert np.array_equal(left, right[0])
        assert reward == rewards[0]


def test_all_episodes_end_together_and_begin_afresh(brisk: Scenario) -> None:
    """At the horizon everyone is truncated and the same step shows new customers."""
    env = NextBestActionVectorEnv(3, scenario=brisk, horizon_days=2)
    assert env.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    env.reset(seed=0)
    first = env.world.customer_ids.tolist()
    nothing = np.zeros(3, dtype=np.int64)
    *_, terminated, truncated, info = env.step(nothing)
    assert not terminated.any()
    assert not truncated.any()
    assert "final_obs" not in info
    last_morning = env.world.fork()
    observation, _, terminated, truncated, info = env.step(nothing)
    last_morning.step(nothing)
    assert truncated.all()
    assert not terminated.any()
    assert np.array_equal(info["final_obs"], last_morning.contexts().encoded)
    assert info["_final_obs"].all()
    assert "purchased" in info["final_info"]
    assert env.world.day == 0
    assert set(env.world.customer_ids).isdisjoint(first)
    assert np.array_equal(observation, env.world.contexts().encoded)
    assert np.array_equal(info["action_mask"], env.world.mask())


def test_ineligible_actions_are_served_as_no_contact(brisk: Scenario) -> None:
    """They cost nothing and are marked, so that unmasked random play is possible."""
    env = NextBestActionVectorEnv(40, scenario=brisk)
    _, info = env.reset(seed=1)
    call = env.scenario.catalogue.index("churn_recovery/3/twenty_percent/call_centre")
    eligible = info["action_mask"][:, call]
    assert eligible.any()
    assert not eligible.all()
    *_, info = env.step(np.full(40, call))
    assert np.array_equal(info["refused"], ~eligible)
    assert np.array_equal(info["contact_minor"] > 0, eligible)
    assert np.array_equal(info["served"], np.where(eligible, call, 0))


def test_expected_reward_is_the_mean_of_the_sampled(brisk: Scenario) -> None:
    """Both kinds of reward agree on average; the expected one varies less."""
    sampled = NextBestActionVectorEnv(3000, scenario=brisk, horizon_days=6)
    expected = NextBestActionVectorEnv(3000, scenario=brisk, horizon_days=6, reward="expected")
    totals = []
    for env in (sampled, expected):
        _, info = env.reset(seed=2)
        total = np.zeros(3000)
        for _ in range(6):
            mask = info["action_mask"]
            actions = np.where(mask[:, 1:].any(axis=1), 1 + mask[:, 1:].argmax(axis=1), 0)
            _, rewards, *_, info = env.step(actions)
            total += rewards
        totals.append(total)
    difference = totals[0] - totals[1]
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(3000)
    assert totals[1].std() < 0.5 * totals[0].std()


def test_rewards_are_major_units_under_the_objective(brisk: Scenario) -> None:
    """A reward is the weighted components over a hundred."""
    env = NextBestActionVectorEnv(500, scenario=brisk)
    _, info = env.reset(seed=5)
    _, rewards, *_, facts = env.step(info["action_mask"].argmax(axis=1))
    assert rewards == pytest.approx(brisk.objective.reward(facts) / 100.0)


def test_unseeded_resets_bring_other_customers(brisk: Scenario) -> None:
    """Without a seed the first cohort is random, and each reset brings the next."""
    env = NextBestActionEnv(scenario=brisk)
    env.reset()
    first = env.world
    env.reset()
    assert env.world.seed == first.seed
    assert env.world.first_customer == first.first_customer + 1


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("num_envs", {"num_envs": 0}),
        ("horizon_days", {"horizon_days": 0}),
        ("reward", {"reward": "average"}),
    ],
)
def test_bad_arguments_are_named(field: str, arguments: dict[str, Any]) -> None:
    """An environment that cannot be is refused with the argument's name."""
    with pytest.raises(InvalidArgument, match=field):
        NextBestActionVectorEnv(**arguments)


def test_steps_need_a_reset_and_known_actions(brisk: Scenario) -> None:
    """Stepping first or outside the catalogue is refused."""
    env = NextBestActionEnv(scenario=brisk)
    with pytest.raises(FailedPrecondition, match="reset"):
        env.step(0)
    env.reset(seed=0)
    with pytest.raises(InvalidArgument, match="action"):
        env.step(len(brisk.catalogue))


def test_registering_twice_changes_nothing() -> None:
    """Importing the package again, or registering by hand, keeps one entry."""
    before = gymnasium.registry[ENVIRONMENTS[0]]
    envs.register()
    assert gymnasium.registry[ENVIRONMENTS[0]] is before
