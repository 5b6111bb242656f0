"""A budget for contacts that all customers share.

Contacts are granted in the order of the customers' numbers, each morning beginning with
another one (day d begins at customer ``d * n // 7 mod n``), so that the same people do not
always come first. One that costs more than is left is served as *no contact* and marked in
``refused``; those after them may still afford less. Contacts without cost are always granted.

Under a shared budget customers do influence each other, and a mask promises only that a
contact could be paid for if nobody else were contacted first.
"""

from __future__ import annotations

from typing import Any, Literal

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.utils import RecordConstructorArgs
from gymnasium.vector import VectorEnv, VectorWrapper
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from simulator.compiled import kernel
from troth.errors import InvalidArgument

Period = Literal["day", "episode"]

_ROTATION = 7


class Purse:
    """What is left of a budget.

    Args:
        env: the unwrapped environment.
        budget_minor: per period, minor units, >= 0.
        period: ``day`` or ``episode``.

    Raises:
        InvalidArgument: naming the argument.
    """

    def __init__(self, env: Any, budget_minor: int, period: Period) -> None:
        if not hasattr(env, "contact_costs"):
            raise InvalidArgument(f"{type(env).__name__} has no contacts to pay for", field="env")
        if budget_minor < 0:
            raise InvalidArgument(f"{budget_minor} is below 0", field="budget_minor")
        if period not in ("day", "episode"):
            raise InvalidArgument(f"{period!r} is not 'day' or 'episode'", field="period")
        self._env = env
        self._budget = budget_minor
        self._period = period
        self.left = budget_minor

    @property
    def share(self) -> float:
        """What is left, 0..1 of the period's budget; 0 of no budget."""
        return self.left / self._budget if self._budget else 0.0

    def refill(self, *, episode: bool = False) -> None:
        """Begin the next day, or the next episode."""
        if episode or self._period == "day":
            self.left = self._budget

    def affordable(self, masks: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """``masks`` less the actions that cost more than is left; same shape."""
        costs: NDArray[np.int64] = self._env.contact_costs()
        return masks & (costs <= self.left)

    def grant(self, actions: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Pay for ``actions`` (n,) while the budget lasts.

        Returns:
            bool (n,), true where it does not; their actions have become *no contact*.
        """
        size = actions.shape[0]
        costs = np.atleast_2d(self._env.contact_costs())
        broke = np.zeros(size, dtype=bool)
        begin = self._env.world.day * size // _ROTATION % size
        self.left = kernel.pay(actions, broke, costs, self.left, begin)
        return broke


class BudgetLimit(gymnasium.Wrapper[Any, Any, Any, Any], RecordConstructorArgs):
    """A budget for the contacts of one customer.

    The observation gains a last column, the share of the budget that is left; the mask shows
    only what it can pay for.

    Args:
        env: one with one discrete decision a day.
        budget_minor: per period, minor units, >= 0.
        period: ``day`` or ``episode``.
    """

    def __init__(
        self, env: gymnasium.Env[Any, Any], *, budget_minor: int, period: Period = "episode"
    ) -> None:
        RecordConstructorArgs.__init__(self, budget_minor=budget_minor, period=period)
        gymnasium.Wrapper.__init__(self, env)
        self._purse = Purse(env.unwrapped, budget_minor, period)
        self.observation_space = widened(env.observation_space)

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (A,): eligible actions that the budget can pay for."""
        return self._purse.affordable(self.env.get_wrapper_attr("action_masks")())

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Any, dict[str, Any]]:
        """Begin another episode with the whole budget."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._purse.refill(episode=True)
        info["action_mask"] = self.action_masks()
        return self._seen(observation), info

    def step(self, action: Any) -> tuple[Any, Any, bool, bool, dict[str, Any]]:
        """Serve ``action`` if the budget can pay for it."""
        asked = np.array([action], dtype=np.int64).reshape(1)
        broke = self._purse.grant(asked)
        observation, reward, terminated, truncated, info = self.env.step(asked[0])
        info["refused"] = np.bool_(info["refused"] | broke[0])
        self._purse.refill()
        info["action_mask"] = self.action_masks()
        return self._seen(observation), reward, terminated, truncated, info

    def _seen(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        return np.append(observation, np.float32(self._purse.share))


class VectorBudgetLimit(VectorWrapper[Any, Any, Any, Any, NDArray[Any]]):
    """A budget for the contacts of a whole population.

    The observation gains a last column, the share of the budget that is left; the mask shows
    only what it can pay for. Every episode begins with the whole budget.

    Args:
        env: one with one discrete decision per customer and day.
        budget_minor: for all customers together, per period, minor units, >= 0.
        period: ``day`` or ``episode``.
    """

    def __init__(
        self,
        env: VectorEnv[Any, Any, NDArray[Any]],
        *,
        budget_minor: int,
        period: Period = "day",
    ) -> None:
        super().__init__(env)
        self._purse = Purse(env.unwrapped, budget_minor, period)
        self.single_observation_space = widened(env.single_observation_space)
        self.observation_space = batch_space(self.single_observation_space, env.num_envs)

    @property
    def left_minor(self) -> int:
        """What is left of the period's budget, minor units."""
        return self._purse.left

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (num_envs, A): eligible actions that the budget can pay for."""
        return self._purse.affordable(self.env.action_masks())  # type: ignore[attr-defined]

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[NDArray[np.float32], dict[str, Any]]:
        """Begin with another cohort and the whole budget."""
        observation, info = self.env.reset(seed=seed, options=options)
        self._purse.refill(episode=True)
        info["action_mask"] = self.action_masks()
        return self._seen(observation), info

    def step(
        self, actions: Any
    ) -> tuple[NDArray[np.float32], NDArray[Any], NDArray[Any], NDArray[Any], dict[str, Any]]:
        """Serve the actions that the budget can pay for."""
        asked = np.array(actions, dtype=np.int64)
        broke = self._purse.grant(asked)
        observation, rewards, terminated, truncated, info = self.env.step(asked)
        facts = info.get("final_info", info)
        facts["refused"] = facts["refused"] | broke
        self._purse.refill()
        if "final_obs" in info:
            info["final_obs"] = self._seen(info["final_obs"])
            self._purse.refill(episode=True)
        info["action_mask"] = self.action_masks()
        return self._seen(observation), rewards, terminated, truncated, info

    def _seen(self, observation: NDArray[np.float32]) -> NDArray[np.float32]:
        n, width = observation.shape
        seen = np.empty((width + 1, n), dtype=np.float32)
        seen[:width] = observation.T
        seen[width] = self._purse.share
        return seen.T


def widened(space: spaces.Space[Any]) -> spaces.Box:
    """A box with one more column, in 0..1.

    Raises:
        InvalidArgument: if the space is no box of one dimension.
    """
    if not isinstance(space, spaces.Box) or len(space.shape) != 1:
        raise InvalidArgument(f"{space} is no box of one dimension", field="observation_space")
    low = np.append(space.low, np.float32(0.0))
    high = np.append(space.high, np.float32(1.0))
    return spaces.Box(low, high, dtype=np.float32)
