"""What every registered environment promises, single and vector, run on each of them."""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
import pytest
import stable_baselines3.common.env_checker
from gymnasium.utils.env_checker import check_env
from gymnasium.vector import AutoresetMode, VectorEnv

import envs
from envs.bridges.sb3 import PopulationVecEnv
from envs.registration import DECISIONS, ENVIRONMENTS
from envs.wrappers.delayed_reward import DelayedReward, VectorDelayedReward
from simulator.scenarios import Scenario, load
from troth.errors import FailedPrecondition, InvalidArgument

HORIZON = 4
"""Steps of a short episode."""

every = pytest.mark.parametrize("name", ENVIRONMENTS)
every_decision = pytest.mark.parametrize("name", DECISIONS)


@pytest.fixture(scope="module")
def brisk() -> Scenario:
    """The reference with a short warm-up."""
    return load("reference").replace(warm_up={"days": 3})


def horizon(name: str, steps: int = HORIZON) -> dict[str, int]:
    """The argument that makes episodes ``steps`` long."""
    return {"horizon_days": steps} if name in DECISIONS else {"horizon_weeks": steps, "members": 6}


def single(name: str, scenario: Scenario, **more: Any) -> Any:
    """A single environment with short episodes, as users make it."""
    return gymnasium.make(name, scenario=scenario, **{**horizon(name), **more})


def vector(name: str, scenario: Scenario, n: int = 5, **more: Any) -> Any:
    """A vector environment with short episodes, as users make it."""
    return gymnasium.make_vec(
        name,
        num_envs=n,
        vectorization_mode="vector_entry_point",
        scenario=scenario,
        **{**horizon(name), **more},
    )


def roll_out(env: Any, seed: int, steps: int) -> list[tuple[Any, ...]]:
    """What a seeded run of random actions brings."""
    env.action_space.seed(seed)
    observation, info = env.reset(seed=seed)
    seen = [(observation, info.get("action_mask", True))]
    for _ in range(steps):
        observation, reward, terminated, truncated, info = env.step(env.action_space.sample())
        seen.append((observation, reward, terminated, truncated, info.get("action_mask", True)))
        if truncated is True:
            observation, info = env.reset()
            seen.append((observation, info.get("action_mask", True)))
    return seen


def assert_same(left: list[tuple[Any, ...]], right: list[tuple[Any, ...]]) -> None:
    """Both runs are the same to the bit."""
    for a, b in zip(left, right, strict=True):
        for x, y in zip(a, b, strict=True):
            assert np.array_equal(x, y)


@every
def test_gymnasium_finds_nothing_to_warn_about(name: str, brisk: Scenario) -> None:
    """The single environment passes Gymnasium's checker; warnings are errors here."""
    check_env(single(name, brisk, render_mode="rgb_array").unwrapped)


@every
def test_sb3_finds_nothing_to_warn_about(name: str, brisk: Scenario) -> None:
    """The single environment passes Stable-Baselines3's checker; warnings are errors here."""
    stable_baselines3.common.env_checker.check_env(single(name, brisk).unwrapped)


@every
def test_is_known_by_a_versioned_id_with_a_whole_docstring(name: str) -> None:
    """The id says which version it is, and both classes say what Gymnasium's readers expect."""
    spec = gymnasium.spec(name)
    assert spec.namespace == "troth"
    assert spec.version is not None
    sections = ("Description", "Action Space", "Observation Space", "Rewards", "Episode End")
    for made in (gymnasium.make(name), vector(name, load("reference"), 1)):
        text = type(made.unwrapped).__doc__ or ""
        for section in (*sections, "Arguments", "Version History"):
            assert f"## {section}\n" in text
        assert f"v{spec.version}:" in text


@every
def test_vector_spaces_batch_the_single_ones(name: str, brisk: Scenario) -> None:
    """Single and vector environment have the same spaces, and the batch has one row each."""
    one, many = single(name, brisk), vector(name, brisk)
    assert isinstance(many.unwrapped, VectorEnv)
    assert many.single_observation_space == one.observation_space
    assert many.single_action_space == one.action_space
    assert many.observation_space.shape == (5, *one.observation_space.shape)
    assert np.isfinite(one.observation_space.low).all()
    assert np.isfinite(one.observation_space.high).all()
    assert many.metadata["autoreset_mode"] is AutoresetMode.SAME_STEP
    assert many.metadata["render_modes"] == one.metadata["render_modes"] == ["rgb_array"]


@every
def test_steps_have_the_promised_shapes_and_types(name: str, brisk: Scenario) -> None:
    """Observations lie in their space; rewards are float64, ends are bool, one per row."""
    env = vector(name, brisk)
    env.action_space.seed(1)
    observation, info = env.reset(seed=1)
    for _ in range(2 * HORIZON + 1):
        assert observation.dtype == np.float32
        assert env.observation_space.contains(observation)
        actions = env.action_space.sample()
        observation, rewards, terminated, truncated, info = env.step(actions)
        assert (rewards.dtype, rewards.shape) == (np.float64, (5,))
        assert (terminated.dtype, terminated.shape) == (np.bool_, (5,))
        assert (truncated.dtype, truncated.shape) == (np.bool_, (5,))
        assert np.isfinite(rewards).all()
        assert isinstance(info, dict)


@every_decision
def test_masks_are_the_eligible_actions(name: str, brisk: Scenario) -> None:
    """No contact is always eligible, and what a mask allows is served as asked."""
    env = vector(name, brisk, 40)
    _, info = env.reset(seed=2)
    for _ in range(HORIZON - 1):
        mask = info["action_mask"]
        assert (mask.dtype, mask.shape) == (np.bool_, (40, env.single_action_space.n))
        assert mask[:, 0].all()
        assert np.array_equal(mask, env.unwrapped.action_masks())
        last = mask.shape[1] - 1 - mask[:, ::-1].argmax(axis=1)
        assert last.any()
        *_, info = env.step(last)
        assert not info["refused"].any()
        assert np.array_equal(info["served"] > 0, last > 0)


@every_decision
def test_ineligible_actions_are_served_as_no_contact(name: str, brisk: Scenario) -> None:
    """They cost nothing and are marked, so that unmasked random play is possible."""
    env = vector(name, brisk, 40)
    _, info = env.reset(seed=1)
    mask = info["action_mask"]
    action = int((mask.any(axis=0) & ~mask.all(axis=0)).nonzero()[0][-1])
    eligible = mask[:, action]
    *_, info = env.step(np.full(40, action))
    assert np.array_equal(info["refused"], ~eligible)
    assert np.array_equal(info["served"] > 0, eligible)
    assert not info["contact_minor"][~eligible].any()


@every
@pytest.mark.parametrize("many", [False, True], ids=["single", "vector"])
def test_same_seed_same_roll_out(name: str, many: bool, brisk: Scenario) -> None:
    """Two runs of one seed are identical, over episode ends as well; another seed differs."""

    def make() -> Any:
        return vector(name, brisk) if many else single(name, brisk)

    first, again = roll_out(make(), 3, 10), roll_out(make(), 3, 10)
    assert_same(first, again)
    assert not np.array_equal(first[-1][0], roll_out(make(), 4, 10)[-1][0])


@every
def test_customers_live_alone_as_in_the_batch(name: str, brisk: Scenario) -> None:
    """Row i of a vector environment is the i-th episode of the single one, to the bit."""
    one, many = single(name, brisk), vector(name, brisk, 3)
    many.action_space.seed(7)
    actions = [many.action_space.sample() for _ in range(HORIZON)]
    batch = [many.reset(seed=7)[0]]
    for chosen in actions:
        seen, *rest = many.step(chosen)
        batch.append((rest[-1].get("final_obs", seen), rest[0]))
    for i in range(3):
        observation, _ = one.reset(seed=7 if i == 0 else None)
        assert np.array_equal(observation, batch[0][i])
        for chosen, (later, rewards) in zip(actions, batch[1:], strict=True):
            observation, reward, *_ = one.step(chosen[i])
            assert np.array_equal(observation, later[i])
            assert reward == rewards[i]


@every
def test_all_episodes_end_together_and_begin_afresh(name: str, brisk: Scenario) -> None:
    """At the horizon everyone is truncated and the same step shows new customers."""
    env = vector(name, brisk)
    env.action_space.seed(0)
    env.reset(seed=0)
    first = env.unwrapped.world.customer_ids.tolist()
    for _ in range(HORIZON - 1):
        *_, terminated, truncated, info = env.step(env.action_space.sample())
        assert not terminated.any()
        assert not truncated.any()
        assert "final_obs" not in info
    observation, _, terminated, truncated, info = env.step(env.action_space.sample())
    assert truncated.all()
    assert not terminated.any()
    assert info["_final_obs"].all()
    assert info["_final_info"].all()
    assert info["final_obs"].shape == observation.shape
    assert not np.array_equal(info["final_obs"], observation)
    assert isinstance(info["final_info"], dict)
    assert env.unwrapped.world.day == 0
    assert set(env.unwrapped.world.customer_ids).isdisjoint(first)


@every
def test_observations_are_the_holders_own(name: str, brisk: Scenario) -> None:
    """What was observed does not change afterwards."""
    env = vector(name, brisk)
    observation, _ = env.reset(seed=5)
    held = observation.copy()
    for _ in range(HORIZON):
        env.step(env.action_space.sample())
    assert np.array_equal(observation, held)


@every
def test_unseeded_resets_bring_other_customers(name: str, brisk: Scenario) -> None:
    """Without a seed the first cohort is random, and each reset brings the next."""
    env = single(name, brisk).unwrapped
    env.reset()
    first = env.world
    env.reset()
    assert env.world.seed == first.seed
    assert env.world.first_customer == first.first_customer + first.size


@every
def test_expected_reward_is_the_mean_of_the_sampled(name: str, brisk: Scenario) -> None:
    """Both kinds of reward agree on average; the expected one varies less."""
    n = 1500 if name in DECISIONS else 60
    totals = []
    for kind in ("sampled", "expected"):
        env = vector(name, brisk, n, reward=kind)
        env.action_space.seed(6)
        env.reset(seed=6)
        total = np.zeros(n)
        for _ in range(HORIZON):
            total += env.step(env.action_space.sample())[1]
        totals.append(total)
    difference = totals[0] - totals[1]
    assert abs(difference.mean()) < 4 * difference.std() / np.sqrt(n)
    assert totals[1].std() < 0.7 * totals[0].std()


@every
def test_renders_a_dashboard(name: str, brisk: Scenario) -> None:
    """From the first morning on there is an RGB frame that changes as time goes by."""
    one, many = (f(name, brisk, render_mode="rgb_array") for f in (single, vector))
    for env in (one, many):
        env.action_space.seed(3)
        env.reset(seed=3)
    frames = []
    for _ in range(2):
        frame, batch = one.render(), many.render()
        assert (frame.dtype, frame.ndim, frame.shape[2]) == (np.uint8, 3, 3)
        assert len(batch) == 5
        assert all(other is batch[0] for other in batch)
        assert batch[0].shape == frame.shape
        frames.append((frame, batch[0]))
        one.step(one.action_space.sample())
        many.step(many.action_space.sample())
    assert not np.array_equal(frames[0][0], frames[1][0])
    assert not np.array_equal(frames[0][1], frames[1][1])
    assert vector(name, brisk).unwrapped.render() is None
    with pytest.raises(InvalidArgument, match="render_mode"):
        vector(name, brisk, render_mode="human")


@every
def test_can_pay_on_the_day_money_is_booked(name: str, brisk: Scenario) -> None:
    """The delayed reward is what the environment books, and the credited one is kept."""
    many, plain = VectorDelayedReward(vector(name, brisk)), vector(name, brisk)
    one = DelayedReward(single(name, brisk))
    many.action_space.seed(8)
    many.reset(seed=8)
    plain.reset(seed=8)
    one.reset(seed=8)
    for step in range(HORIZON):
        actions = many.action_space.sample()
        _, booked, _, truncated, info = many.step(actions)
        assert np.array_equal(info["credited_reward"], plain.step(actions)[1])
        assert np.array_equal(booked, many.unwrapped.booked_rewards())
        assert truncated.all() == (step == HORIZON - 1)
        _, paid, _, _, info = one.step(actions[0])
        assert paid == booked[0]
    with pytest.raises(InvalidArgument, match="reward"):
        VectorDelayedReward(vector(name, brisk, reward="expected"))


@every
def test_sb3_learns_on_it(name: str, brisk: Scenario) -> None:
    """PPO, masked where there are masks, runs over episode ends and takes no masked action."""
    from sb3_contrib import MaskablePPO
    from stable_baselines3 import PPO

    env = vector(name, brisk, 12, reward="expected")
    refused = []
    step = env.step

    def watched(actions):  # type: ignore[no-untyped-def]
        result = step(actions)
        facts = result[-1].get("final_info", result[-1])
        refused.append(facts.get("refused", np.zeros(12)).sum())
        return result

    env.step = watched
    learner = MaskablePPO if name in DECISIONS else PPO
    model = learner(
        "MlpPolicy", PopulationVecEnv(env), n_steps=HORIZON + 1, batch_size=30, n_epochs=1,
        seed=0, device="cpu",
    )  # fmt: skip
    before = [p.detach().clone() for p in model.policy.parameters()]
    model.learn(12 * (2 * HORIZON + 2))
    assert len(refused) == 2 * HORIZON + 2
    assert sum(refused) == 0
    assert any((a != b).any() for a, b in zip(before, model.policy.parameters(), strict=True))
    assert model.ep_info_buffer is not None
    assert len(model.ep_info_buffer) == 24


@every
@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("num_envs", {"num_envs": 0}),
        ("horizon", {"horizon_days": 0, "horizon_weeks": 0}),
        ("horizon", {"horizon_days": 9.5, "horizon_weeks": "4"}),
        ("threads", {"threads": True}),
        ("objective", {"objective": {"margin_minor": 1.0}}),
        ("reward", {"reward": "average"}),
    ],
)
def test_bad_arguments_are_named(name: str, field: str, arguments: dict[str, Any]) -> None:
    """An environment that cannot be is refused with the argument's name."""
    cls = type(vector(name, load("reference"), 1).unwrapped)
    known = {
        k: v for k, v in arguments.items() if not k.startswith("horizon") or k in horizon(name)
    }
    with pytest.raises(InvalidArgument, match=field):
        cls(**known)


@every
def test_steps_need_a_reset_and_known_actions(name: str, brisk: Scenario) -> None:
    """Stepping first, or with another shape or value, is refused with the field's name."""
    env = vector(name, brisk).unwrapped
    with pytest.raises(FailedPrecondition, match="reset"):
        env.step(env.action_space.sample())
    env.reset(seed=0)
    for bad in (env.action_space.sample()[:2], env.action_space.sample() + 1000):
        with pytest.raises(InvalidArgument, match="action"):
            env.step(bad)


def test_registering_twice_changes_nothing() -> None:
    """Importing the package again, or registering by hand, keeps one entry each."""
    before = [gymnasium.registry[name] for name in ENVIRONMENTS]
    envs.register()
    assert all(gymnasium.registry[n] is b for n, b in zip(ENVIRONMENTS, before, strict=True))
