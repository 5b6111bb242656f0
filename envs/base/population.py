"""The vector environment of every decision problem: the population is the batch."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.base.cohort import Cohort, observation_space
from envs.base.problem import ProblemFactory
from envs.rendering.dashboard import draw
from envs.rendering.modes import FRAMES_PER_SECOND, RENDER_MODES, checked_render_mode
from simulator.day.results import RewardKind
from simulator.scenarios import Scenario
from simulator.world import World
from troth.objective import Objective

Observation = NDArray[np.float32]


class PopulationEnv(VectorEnv[Observation, NDArray[np.int64], NDArray[Any]]):
    """``num_envs`` customers at once, in one population: a day is one call.

    Customers do not influence each other; customer i of episode e is number
    ``e * num_envs + i`` of the seed's population. All episodes are truncated together at the
    horizon, and the same step returns the first observation of a fresh cohort
    (``AutoresetMode.SAME_STEP``); the last one of the old cohort is in ``info["final_obs"]``,
    float32 ``(num_envs, D)``, its facts in ``info["final_info"]``, with ``info["_final_obs"]``
    all true. Observations are new arrays each day, laid out column by column.

    Attributes:
        problem: what is decided; set by each subclass.
    """

    problem: ClassVar[ProblemFactory]
    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": RENDER_MODES,
        "render_fps": FRAMES_PER_SECOND,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        scenario: Scenario | str | Path = "reference",
        horizon_days: int = 90,
        reward: RewardKind = "sampled",
        objective: Objective | None = None,
        threads: int = 1,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = checked_render_mode(render_mode)
        self._cohort = Cohort(
            num_envs,
            type(self).problem,
            scenario=scenario,
            horizon_days=horizon_days,
            reward=reward,
            objective=objective,
            threads=threads,
            kept=render_mode is not None,
        )
        problem = self._cohort.problem
        self.num_envs = num_envs
        self.single_observation_space = observation_space(
            self._cohort.scenario.schema, len(problem.extras)
        )
        self.single_action_space = spaces.Discrete(len(problem.actions))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)
        self._never = np.zeros(num_envs, dtype=bool)
        self._everyone = np.ones(num_envs, dtype=bool)

    @property
    def world(self) -> World:
        """The running episode's world."""
        return self._cohort.world

    @property
    def scenario(self) -> Scenario:
        """The parameters."""
        return self._cohort.scenario

    @property
    def reward_kind(self) -> RewardKind:
        """What a step pays."""
        return self._cohort.reward

    @property
    def cohort(self) -> Cohort:
        """The episodes behind."""
        return self._cohort

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (num_envs, A): eligible actions this morning."""
        return self._cohort.sight.mask

    def expected_rewards(self) -> NDArray[np.float64]:
        """float64 (num_envs, A): exact expected reward of each action today, major units.

        NaN where the action is masked.
        """
        return self._cohort.expected_rewards()

    def booked_rewards(self) -> NDArray[np.float64]:
        """float64 (num_envs,): what the last day's books say, major units."""
        return self._cohort.booked()

    def contact_costs(self) -> NDArray[np.int64]:
        """int64 (num_envs, A): cost of each action's contact today, minor units; 0 if masked."""
        return self._cohort.costs()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with another cohort, or with the first one of ``seed``."""
        super().reset(seed=seed, options=options)
        self._cohort.reset(seed, self.np_random)
        sight = self._cohort.sight
        return sight.observation, {"action_mask": sight.mask}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[
        Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        """Serve one action each and live the day.

        Raises:
            InvalidArgument: if an action is outside the action space.
        """
        rewards, over, facts = self._cohort.advance(actions)
        sight = self._cohort.sight
        facts["action_mask"] = sight.mask
        if not over:
            return sight.observation, rewards, self._never.copy(), self._never.copy(), facts
        info = {
            "final_obs": sight.observation,
            "_final_obs": self._everyone.copy(),
            "final_info": facts,
            "_final_info": self._everyone.copy(),
        }
        self._cohort.begin()
        sight = self._cohort.sight
        info["action_mask"] = sight.mask
        return sight.observation, rewards, self._never.copy(), self._everyone.copy(), info

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """The dashboard of the population, uint8 (H, W, 3); ``None`` without a mode.

        The same frame once per customer, since Gymnasium's recorders count them.
        """
        diary = self._cohort.diary
        if diary is None:
            return None
        title = self.spec.id if self.spec is not None else type(self).__name__
        return (draw(diary, title=title, horizon=self._cohort.horizon_days),) * self.num_envs
