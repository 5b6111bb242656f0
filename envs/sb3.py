"""The population as a Stable-Baselines3 ``VecEnv``, without a loop over customers.

SB3 wants a list of dicts as infos and a mask per environment; both are given without Python
work per customer, except on the day an episode ends.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import Wrapper
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from envs.next_best_action import NextBestActionVectorEnv
from troth.errors import FailedPrecondition

Indices = None | int | Iterable[int]


class PopulationVecEnv(VecEnv):
    """A :class:`NextBestActionVectorEnv` as SB3 and sb3-contrib see it.

    Args:
        env: the population; its customers are SB3's environments.
        bootstrap: whether the horizon counts as a time limit, so that SB3 adds the value of
            the last observation to the last reward, or as the end. SB3 does so with one
            forward pass per customer, which takes longer than the whole episode; at a discount
            of 0.9 a day it matters to the last ten of ninety days only.
    """

    def __init__(self, env: NextBestActionVectorEnv, *, bootstrap: bool = False) -> None:
        self._env = env
        self._bootstrap = bootstrap
        # One shared empty dict: SB3 reads infos and writes to none of them.
        self._nothing: list[dict[str, Any]] = [{}] * env.num_envs
        self._actions: NDArray[np.int64] | None = None
        self._seed: int | None = None
        self._returns = np.zeros(env.num_envs)
        self._days = 0
        self._began = time.monotonic()
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    @property
    def population(self) -> NextBestActionVectorEnv:
        """The environment behind."""
        return self._env

    def seed(self, seed: int | None = None) -> Sequence[int | None]:
        """Seed the population at the next reset."""
        seeds = super().seed(seed)
        self._seed = seeds[0]
        return seeds

    def reset(self) -> NDArray[np.float32]:
        """Begin with another cohort, or with the first one of a seed just given."""
        observation, _ = self._env.reset(seed=self._seed)
        self._seed = None
        self._returns[:] = 0.0
        self._days = 0
        self._reset_seeds()
        self._reset_options()
        return observation

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Take note of the day's actions, int (n,)."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Live the day; infos are empty but at an episode's end.

        Raises:
            FailedPrecondition: without :meth:`step_async` before.
        """
        if self._actions is None:
            raise FailedPrecondition("call step_async() before step_wait()", field="actions")
        observation, rewards, _, over, info = self._env.step(self._actions)
        self._actions = None
        self._returns += rewards
        self._days += 1
        infos = self._endings(info["final_obs"]) if over[0] else self._nothing
        return observation, rewards.astype(np.float32), over, infos

    def _endings(self, last: NDArray[np.float32]) -> list[dict[str, Any]]:
        """What SB3 wants to know at an episode's end: last observations, returns, lengths."""
        elapsed = round(time.monotonic() - self._began, 6)
        endings = [
            {
                "terminal_observation": observation,
                "TimeLimit.truncated": self._bootstrap,
                "episode": {"r": float(total), "l": self._days, "t": elapsed},
            }
            for observation, total in zip(last, self._returns, strict=True)
        ]
        self._returns[:] = 0.0
        self._days = 0
        return endings

    def close(self) -> None:
        """Close the population."""
        self._env.close()

    def has_attr(self, attr_name: str) -> bool:
        """Whether the population has the attribute."""
        return hasattr(self._env, attr_name)

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """The population's attribute, once per customer asked for."""
        value = getattr(self._env, attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of the whole population; ``indices`` must name everyone."""
        self._everyone(indices)
        setattr(self._env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the population; ``action_masks`` gives a row per customer."""
        result = getattr(self._env, method_name)(*method_args, **method_kwargs)
        if method_name == "action_masks":
            return list(result if indices is None else result[list(self._get_indices(indices))])
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """Never: a population has no wrappers per customer."""
        return [False for _ in self._get_indices(indices)]

    def _everyone(self, indices: Indices) -> None:
        if indices is not None and sorted(self._get_indices(indices)) != list(range(self.num_envs)):
            raise FailedPrecondition("customers share one population", field="indices")
