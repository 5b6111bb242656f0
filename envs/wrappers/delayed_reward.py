"""Delayed reward: a step pays what its day's books say, not what its decision will bring.

The environments credit to a decision all that it brings, even what comes weeks later; a firm
books money on the day it comes. Under these wrappers the reward of a step is what was booked
on its days: purchases the customer made anyway, and responses to earlier contacts that fell
due. What has not come by the horizon is not paid.
"""

from __future__ import annotations

from typing import Any

import gymnasium
import numpy as np
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from numpy.typing import NDArray

from troth.errors import InvalidArgument


class DelayedReward(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """Pays a single environment's rewards on the day they are booked.

    Args:
        env: one of ours, with ``reward="sampled"``.

    Raises:
        InvalidArgument: for another environment, or one that pays expectations.
    """

    def __init__(self, env: gymnasium.Env[Any, Any]) -> None:
        RecordConstructorArgs.__init__(self)
        gymnasium.Wrapper.__init__(self, env)
        _check(env.unwrapped)

    def step(self, action: Any) -> tuple[Any, float, bool, bool, dict[str, Any]]:
        """As the environment's, but for the reward; the credited one is in ``info``."""
        observation, credited, terminated, truncated, info = self.env.step(action)
        info["credited_reward"] = credited
        booked = _booked(self.env.unwrapped)
        return observation, float(booked[0]), terminated, truncated, info


class VectorDelayedReward(VectorWrapper[Any, Any, Any, Any, NDArray[Any]]):
    """Pays a vector environment's rewards on the day they are booked.

    Args:
        env: one of ours, with ``reward="sampled"``.

    Raises:
        InvalidArgument: for another environment, or one that pays expectations.
    """

    def __init__(self, env: VectorEnv[Any, Any, NDArray[Any]]) -> None:
        super().__init__(env)
        _check(env.unwrapped)

    def step(
        self, actions: Any
    ) -> tuple[Any, NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """As the environment's, but for the rewards; the credited ones are in ``info``."""
        observation, credited, terminated, truncated, info = self.env.step(actions)
        info["credited_reward"] = credited
        return observation, _booked(self.env.unwrapped), terminated, truncated, info

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (num_envs, A): eligible actions; only where the environment has them."""
        masks: NDArray[np.bool_] = self.env.action_masks()  # type: ignore[attr-defined]
        return masks


def _booked(env: Any) -> NDArray[np.float64]:
    booked: NDArray[np.float64] = env.booked_rewards()
    return booked


def _check(env: Any) -> None:
    if not hasattr(env, "booked_rewards"):
        raise InvalidArgument(f"{type(env).__name__} books no rewards", field="env")
    if env.reward_kind != "sampled":
        raise InvalidArgument("expected rewards are booked on no day", field="reward")
