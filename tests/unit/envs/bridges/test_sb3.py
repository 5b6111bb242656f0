"""The population as Stable-Baselines3 and sb3-contrib use it."""

from __future__ import annotations

import gymnasium
import numpy as np
import pytest
from gymnasium import Wrapper

from envs.bridges.sb3 import PopulationVecEnv
from envs.problems.next_best_action import NextBestActionVectorEnv
from simulator.scenarios import Scenario
from troth.errors import FailedPrecondition, InvalidArgument


def population(scenario: Scenario, *, bootstrap: bool = False) -> PopulationVecEnv:
    """Six customers for three days."""
    env = NextBestActionVectorEnv(6, scenario=scenario, horizon_days=3)
    return PopulationVecEnv(env, bootstrap=bootstrap)


def test_it_is_the_population(brisk: Scenario) -> None:
    """Observations, rewards and masks are those of the vector environment, to the bit."""
    bridge = population(brisk)
    plain = NextBestActionVectorEnv(6, scenario=brisk, horizon_days=3)
    bridge.seed(4)
    observation = bridge.reset()
    expected, info = plain.reset(seed=4)
    for _ in range(5):
        assert np.array_equal(observation, expected)
        (masks,) = bridge.env_method("action_masks")
        assert np.array_equal(masks, info["action_mask"])
        actions = masks.shape[1] - 1 - masks[:, ::-1].argmax(axis=1)
        observation, rewards, dones, infos = bridge.step(actions)
        expected, wanted, _, truncated, info = plain.step(actions)
        assert rewards == pytest.approx(wanted, abs=1e-6)
        assert np.array_equal(dones, truncated)
        assert len(infos) == 6


@pytest.mark.parametrize("bootstrap", [False, True])
def test_episode_ends_say_what_sb3_wants(brisk: Scenario, bootstrap: bool) -> None:
    """The last observation, the return and the length come with the step that resets."""
    bridge = population(brisk, bootstrap=bootstrap)
    bridge.seed(1)
    bridge.reset()
    total = np.zeros(6)
    for day in range(3):
        last = bridge.get_attr("world", indices=0)[0].fork()
        observation, rewards, dones, infos = bridge.step(np.zeros(6, dtype=np.int64))
        total += rewards
        assert dones.all() == (day == 2)
        assert any(infos) == (day == 2)
    last.step(np.zeros(6, dtype=np.int64))
    assert bridge.returns == pytest.approx(total, abs=1e-5)
    for i, info in enumerate(infos):
        assert info["TimeLimit.truncated"] is bootstrap
        assert info["episode"]["l"] == 3
        if bootstrap:
            assert np.array_equal(info["terminal_observation"], last.observe()[i])
            assert info["episode"]["r"] == pytest.approx(total[i], abs=1e-5)
        else:
            assert info is infos[0]
            assert info["episode"]["r"] == pytest.approx(total.mean(), abs=1e-5)
    assert not np.array_equal(observation, last.observe())


def test_attributes_and_methods_reach_the_population(brisk: Scenario) -> None:
    """sb3-contrib asks whether masks exist, and for some rows of them."""
    bridge = population(brisk)
    bridge.reset()
    assert bridge.has_attr("action_masks")
    assert not bridge.has_attr("nothing_of_the_kind")
    assert len(bridge.get_attr("num_envs")) == 6
    assert bridge.get_attr("num_envs", indices=[0, 1]) == [6, 6]
    some = bridge.env_method("action_masks", indices=[4, 2])
    (whole,) = bridge.env_method("action_masks")
    assert np.array_equal(np.stack(some), whole[[4, 2]])
    assert np.array_equal(bridge.env_method("action_masks", indices=3)[0], whole[3])
    assert bridge.env_is_wrapped(Wrapper) == [False] * 6


def test_sb3_can_film_it(brisk: Scenario) -> None:
    """SB3 gets the population's one dashboard, not a tile per customer."""
    env = NextBestActionVectorEnv(6, scenario=brisk, render_mode="rgb_array")
    bridge = PopulationVecEnv(env)
    bridge.reset()
    frame = bridge.render()
    frames = env.render()
    assert frames is not None
    assert frame is not None
    assert frame.shape == frames[0].shape
    assert np.array_equal(frame, frames[0])
    assert population(brisk).get_images() == [None]


def test_customers_cannot_be_set_apart(brisk: Scenario) -> None:
    """An attribute belongs to the whole population."""
    bridge = population(brisk)
    bridge.set_attr("render_mode", None)
    with pytest.raises(FailedPrecondition, match="indices"):
        bridge.set_attr("render_mode", None, indices=[0])
    with pytest.raises(FailedPrecondition, match="step_async"):
        bridge.step_wait()


def test_masked_ppo_trains_on_it(brisk: Scenario) -> None:
    """MaskablePPO runs over episode ends and never takes a masked action."""
    from sb3_contrib import MaskablePPO

    env = NextBestActionVectorEnv(16, scenario=brisk, horizon_days=5, reward="expected")
    refused = []
    step = env.step

    def watched(actions):  # type: ignore[no-untyped-def]
        result = step(actions)
        info = result[-1]
        refused.append(info.get("final_info", info)["refused"].sum())
        return result

    env.step = watched  # type: ignore[method-assign]
    model = MaskablePPO(
        "MlpPolicy", PopulationVecEnv(env, bootstrap=True),
        n_steps=6, batch_size=48, n_epochs=1, seed=0, device="cpu",
    )  # fmt: skip
    model.learn(16 * 12)
    assert len(refused) == 12
    assert sum(refused) == 0
    assert len(model.ep_info_buffer) == 32


def test_a_single_environment_is_no_population() -> None:
    """SB3 wraps those by itself; the bridge says what it wants."""
    with pytest.raises(InvalidArgument, match=r"env: .* gymnasium\.make_vec"):
        PopulationVecEnv(gymnasium.make("CartPole-v1"))  # type: ignore[arg-type]
