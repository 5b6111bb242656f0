"""A population as a Stable-Baselines3 ``VecEnv``, without a loop over customers.

SB3 wants a list of dicts as infos and a mask per environment. Days give it one shared empty
dict, and masks go over as one block; the end of an episode gives it one shared dict too,
unless it is to bootstrap, for which it wants each customer's last observation in a dict.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from gymnasium import Wrapper
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from troth.errors import FailedPrecondition, InvalidArgument

Indices = None | int | Iterable[int]


class PopulationVecEnv(VecEnv):
    """One of our vector environments, wrapped or not, as SB3 and sb3-contrib see it.

    Args:
        env: the population; its customers, or programmes, are SB3's environments.
        bootstrap: whether the horizon counts as a time limit, so that SB3 adds the value of
            the last observation to the last reward, or as the end. SB3 does so with one
            forward pass per customer, which takes longer than the whole episode; at a discount
            of 0.9 a day it matters to the last ten of ninety days only. Without it an
            episode's end tells SB3 the population's mean return, once for all, and
            :attr:`returns` each customer's.

    Raises:
        InvalidArgument: for an environment that is no vector environment.
    """

    def __init__(self, env: VectorEnv[Any, Any, NDArray[Any]], *, bootstrap: bool = False) -> None:
        if not isinstance(env, VectorEnv):
            raise InvalidArgument(
                f"{type(env).__name__} is no vector environment: gymnasium.make_vec makes one",
                field="env",
            )
        self._env = env
        self._bootstrap = bootstrap
        self.render_mode = env.render_mode
        # One shared empty dict: SB3 reads infos and writes to none of them.
        self._nothing: list[dict[str, Any]] = [{}] * env.num_envs
        self._actions: NDArray[Any] | None = None
        self._seed: int | None = None
        self._returns = np.zeros(env.num_envs)
        self._ended: NDArray[np.float64] | None = None
        self._steps = 0
        self._began = time.monotonic()
        super().__init__(env.num_envs, env.single_observation_space, env.single_action_space)

    @property
    def population(self) -> VectorEnv[Any, Any, NDArray[Any]]:
        """The environment behind."""
        return self._env

    @property
    def returns(self) -> NDArray[np.float64] | None:
        """float64 (n,): each customer's return in the last episode that ended."""
        return self._ended

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
        self._steps = 0
        self._reset_seeds()
        self._reset_options()
        seen: NDArray[np.float32] = observation
        return seen

    def step_async(self, actions: NDArray[Any]) -> None:
        """Take note of the step's actions, (n,) or (n, A)."""
        self._actions = actions

    def step_wait(
        self,
    ) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.bool_], list[dict[str, Any]]]:
        """Live the step; infos are empty but at an episode's end.

        Raises:
            FailedPrecondition: without :meth:`step_async` before.
        """
        if self._actions is None:
            raise FailedPrecondition("call step_async() before step_wait()", field="actions")
        observation, rewards, _, over, info = self._env.step(self._actions)
        self._actions = None
        self._returns += rewards
        self._steps += 1
        infos = self._endings(info["final_obs"]) if over[0] else self._nothing
        return observation, rewards.astype(np.float32), over, infos

    def _endings(self, last: NDArray[np.float32]) -> list[dict[str, Any]]:
        """What SB3 wants to know at an episode's end: returns, lengths, last observations."""
        elapsed = round(time.monotonic() - self._began, 6)
        steps, returns = self._steps, self._returns
        self._ended, self._returns, self._steps = returns, np.zeros_like(returns), 0
        if not self._bootstrap:
            mean = {"r": float(returns.mean()), "l": steps, "t": elapsed}
            return [{"TimeLimit.truncated": False, "episode": mean}] * self.num_envs
        return [
            {
                "terminal_observation": observation,
                "TimeLimit.truncated": True,
                "episode": {"r": float(total), "l": steps, "t": elapsed},
            }
            for observation, total in zip(last, returns, strict=True)
        ]

    def close(self) -> None:
        """Close the population."""
        self._env.close()

    def get_images(self) -> Sequence[NDArray[np.uint8] | None]:
        """The population's dashboard, once."""
        frames = self._env.render()
        return [None] if frames is None else [np.asarray(frames[0])]

    def has_attr(self, attr_name: str) -> bool:
        """Whether the population, or a wrapper around it, has the attribute."""
        return self._owner(attr_name) is not None

    def get_attr(self, attr_name: str, indices: Indices = None) -> list[Any]:
        """The population's attribute, once per customer asked for.

        Raises:
            AttributeError: if it has none.
        """
        value = getattr(self._owner(attr_name), attr_name)
        return [value for _ in self._get_indices(indices)]

    def set_attr(self, attr_name: str, value: Any, indices: Indices = None) -> None:
        """Set an attribute of the whole population; ``indices`` must name everyone."""
        self._everyone(indices)
        setattr(self._owner(attr_name) or self._env, attr_name, value)

    def env_method(
        self, method_name: str, *method_args: Any, indices: Indices = None, **method_kwargs: Any
    ) -> list[Any]:
        """Call a method of the population.

        ``action_masks`` gives a row per customer asked for, or for everyone one block, bool
        (n, A): sb3-contrib stacks what it gets and reshapes it, and a row each would cost more
        than the day.

        Raises:
            AttributeError: if there is no such method.
        """
        result = getattr(self._owner(method_name), method_name)(*method_args, **method_kwargs)
        if method_name == "action_masks":
            return [result] if indices is None else list(result[list(self._get_indices(indices))])
        return [result for _ in self._get_indices(indices)]

    def env_is_wrapped(
        self, wrapper_class: type[Wrapper[Any, Any, Any, Any]], indices: Indices = None
    ) -> list[bool]:
        """Never: a population has no wrappers per customer."""
        return [False for _ in self._get_indices(indices)]

    def _owner(self, name: str) -> Any:
        """The outermost of the wrappers and the environment that has ``name``, or ``None``.

        A wrapper that hands on masks the environment does not have counts as not having them.
        """
        if name == "action_masks" and not hasattr(self._env.unwrapped, name):
            return None
        env: Any = self._env
        while not hasattr(env, name):
            if env is env.unwrapped:
                return None
            env = env.env
        return env

    def _everyone(self, indices: Indices) -> None:
        if indices is not None and sorted(self._get_indices(indices)) != list(range(self.num_envs)):
            raise FailedPrecondition("customers share one population", field="indices")
