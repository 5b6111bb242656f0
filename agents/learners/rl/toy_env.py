"""The toy as an environment. Brings torch."""

from __future__ import annotations

from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray
from stable_baselines3.common.vec_env import VecEnv

from agents.learners.toy import Problem
from troth.errors import InvalidArgument

ENVS = 256
DAYS = 8


class ToyEnv(VecEnv):
    """Customers of the problem, new ones every day; rewards in hundreds.

    Args:
        problem: what they respond to.
        seed: of customers and rewards.
        width: of the observations; another than the schema's does not fit.
    """

    def __init__(self, problem: Problem, seed: int, width: int = 6) -> None:
        self.problem = problem
        self.rng = np.random.default_rng(seed)
        super().__init__(
            ENVS,
            spaces.Box(-np.inf, np.inf, (width,), np.float32),
            spaces.Discrete(len(problem.catalogue)),
        )

    def _next(self) -> NDArray[np.float32]:
        self.contexts = self.problem.contexts(ENVS, self.rng)
        self.mask = self.problem.mask(ENVS, self.rng)
        encoded: NDArray[np.float32] = self.contexts.encoded
        return encoded

    def reset(self) -> NDArray[np.float32]:
        """First day."""
        self.day = 0
        return self._next()

    def step_async(self, actions: NDArray[np.int64]) -> None:
        """Keep the actions; masked ones must not come."""
        if not self.mask[np.arange(ENVS), actions].all():
            raise InvalidArgument("takes a masked action", field="actions")
        self.actions = actions

    def step_wait(self) -> Any:
        """Noisy effect of each action."""
        mean = self.problem.expected(self.contexts)
        reward = (mean - mean[:, :1])[np.arange(ENVS), self.actions]
        reward = (reward + 50.0 * self.rng.standard_normal(ENVS)) / 100.0
        self.day += 1
        done = np.full(ENVS, self.day % DAYS == 0)
        return self._next(), reward.astype(np.float32), done, [{} for _ in range(ENVS)]

    def close(self) -> None:
        """Nothing to close."""

    def env_method(self, method_name: str, *args: Any, **kwargs: Any) -> list[Any]:
        """Only the masks."""
        if method_name != "action_masks":
            raise AttributeError(method_name)
        return list(self.mask)

    def has_attr(self, attr_name: str) -> bool:
        """Only the masks."""
        return attr_name == "action_masks"

    def get_attr(self, attr_name: str, indices: Any = None) -> list[Any]:
        """One value per environment."""
        return [getattr(self, attr_name, None)] * ENVS

    def set_attr(self, attr_name: str, value: Any, indices: Any = None) -> None:
        """Not needed."""
        raise NotImplementedError

    def env_is_wrapped(self, wrapper_class: Any, indices: Any = None) -> list[bool]:
        """Never."""
        return [False] * ENVS
