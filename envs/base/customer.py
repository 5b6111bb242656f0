"""The single environment of every decision problem: one customer, one decision a day."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
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


class CustomerEnv(gymnasium.Env[Any, Any]):
    """One member of a loyalty programme under a decision problem; see the subclasses.

    Attributes:
        problem: what is decided; set by each subclass.
    """

    problem: ClassVar[ProblemFactory]
    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": RENDER_MODES,
        "render_fps": FRAMES_PER_SECOND,
    }

    def __init__(
        self,
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
            1,
            type(self).problem,
            scenario=scenario,
            horizon_days=horizon_days,
            reward=reward,
            objective=objective,
            threads=threads,
            kept=render_mode is not None,
        )
        problem = self._cohort.problem
        self.observation_space = observation_space(
            self._cohort.scenario.schema, len(problem.extras)
        )
        self.action_space = spaces.Discrete(len(problem.actions))

    @property
    def world(self) -> World:
        """The running episode's world, one customer wide."""
        return self._cohort.world

    @property
    def reward_kind(self) -> RewardKind:
        """What a step pays."""
        return self._cohort.reward

    @property
    def cohort(self) -> Cohort:
        """The episodes behind."""
        return self._cohort

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (A,): eligible actions this morning."""
        mask: NDArray[np.bool_] = self._cohort.sight.mask[0]
        return mask

    def expected_rewards(self) -> NDArray[np.float64]:
        """float64 (A,): exact expected reward of each action today, major units; NaN if masked."""
        truth: NDArray[np.float64] = self._cohort.expected_rewards()[0]
        return truth

    def booked_rewards(self) -> NDArray[np.float64]:
        """float64 (1,): what the last day's books say, major units."""
        return self._cohort.booked()

    def contact_costs(self) -> NDArray[np.int64]:
        """int64 (A,): what each action's contact costs today, minor units; 0 if masked."""
        costs: NDArray[np.int64] = self._cohort.costs()[0]
        return costs

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with another customer; see *Episode End*."""
        super().reset(seed=seed, options=options)
        self._cohort.reset(seed, self.np_random)
        return self._cohort.sight.observation[0], {"action_mask": self.action_masks()}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Serve ``action`` and live the day.

        Raises:
            InvalidArgument: if ``action`` is outside the action space.
        """
        rewards, over, facts = self._cohort.advance(np.asarray(action).reshape(1))
        info = {name: values[0] for name, values in facts.items()}
        info["action_mask"] = self.action_masks()
        return self._cohort.sight.observation[0], float(rewards[0]), False, over, info

    def render(self) -> NDArray[np.uint8] | None:
        """The dashboard of the episode so far, uint8 (H, W, 3); ``None`` without a mode."""
        diary = self._cohort.diary
        if diary is None:
            return None
        title = self.spec.id if self.spec is not None else type(self).__name__
        return draw(diary, title=title, horizon=self._cohort.horizon_days)
