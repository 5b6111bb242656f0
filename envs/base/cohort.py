"""A cohort: the customers of one episode after another, and what their decisions earn.

What the single and the vector environment of every decision problem have in common: what is
seen in the morning, which contacts the actions are, rewards, truth.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.base import loops
from envs.base.episodes import MINOR_PER_MAJOR, Episodes, check_count
from envs.base.problem import NOTHING_GIVEN, DecisionProblem, Given, Morning, ProblemFactory
from simulator.day.results import RewardKind, StepResult
from simulator.scenarios import Scenario
from simulator.view.encoder import Encoder
from troth.errors import FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema
from troth.objective import COMPONENTS, Objective


def observation_space(schema: FeatureSchema, extras: int = 0) -> spaces.Box:
    """Box float32 (D + E,): between the encodings of the raw bounds; extras are in 0..1."""
    encoder = Encoder.of(schema)
    ends = np.empty((schema.width, 2), dtype=np.float32)
    encoder.write(ends, np.ascontiguousarray(encoder.bounds.T), 0, 2)
    low, high = ends.T
    category = np.array([bool(f.levels) for f in schema.features for _ in f.columns])
    low[category], high[category] = 0.0, 1.0
    low = np.concatenate((low, np.zeros(extras, dtype=np.float32)))
    high = np.concatenate((high, np.ones(extras, dtype=np.float32)))
    return spaces.Box(low, high, dtype=np.float32)


@dataclass(frozen=True, slots=True)
class CohortView:
    """What is known of a morning before deciding.

    Attributes:
        morning: what the firm sees.
        observation: float32 (n, D + E), a view of one block per column.
        mask: bool (n, A), actions that are eligible.
        given: what the problem's rules give each customer; see
            :meth:`envs.base.problem.DecisionProblem.see`.
    """

    morning: Morning
    observation: NDArray[np.float32]
    mask: NDArray[np.bool_]
    given: Given


class Cohort(Episodes):
    """Episodes of ``size`` customers each; every episode has customers of its own.

    Args:
        size: customers per episode, at least 1.
        problem: what is decided.
        scenario: name, path or the scenario itself.
        horizon_days: days of an episode, at least 1.
        reward: see :class:`envs.base.episodes.Episodes`.
        objective: weights; the scenario's by default.
        threads: how many work on a day; no number depends on it.
        kept: whether a diary is kept, for rendering.

    Raises:
        InvalidArgument: naming the argument.
    """

    def __init__(
        self,
        size: int,
        problem: ProblemFactory,
        *,
        scenario: Scenario | str | Path,
        horizon_days: int,
        reward: RewardKind,
        objective: Objective | None,
        threads: int = 1,
        kept: bool = False,
    ) -> None:
        check_count(size, "num_envs")
        check_count(horizon_days, "horizon_days")
        super().__init__(
            size,
            scenario=scenario,
            reward=reward,
            objective=objective,
            threads=threads,
            kept=kept,
        )
        self.size = size
        self.problem: DecisionProblem = problem(self.scenario)
        self.horizon_days = horizon_days
        self._sight: CohortView | None = None
        self._last: StepResult | None = None

    @property
    def sight(self) -> CohortView:
        """What is known this morning, worked out when first asked for."""
        if self._sight is None:
            self._sight = self._look()
        return self._sight

    def begin(self) -> None:
        """The next episode: a fresh cohort on the morning of day 0."""
        self._sight = None
        super().begin()

    def advance(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], bool, dict[str, Any]]:
        """Serve one action each and live the day.

        Args:
            actions: int (n,) in 0..A-1; one that is ineligible, or that a budget of the
                scenario does not pay for, is served as *no contact* and marked in ``refused``.

        Returns:
            Rewards (n,) in major units, whether the horizon is reached, and the day's facts.
        """
        world, sight = self.world, self.sight
        granted, refused = self._serve(actions, sight)
        served = world.affordable(granted)
        refused |= served != granted
        expected = None
        if self.reward == "expected":
            expected = world.expected_rewards(self.objective, served)
        result = world.step(served)
        self._last, self._sight = result, None
        minor = self.credited(result) if expected is None else expected
        rewards = minor / MINOR_PER_MAJOR
        if self.diary is not None:
            self.diary.note(world, served, result, rewards)
        facts: dict[str, Any] = {
            "refused": refused,
            "served": served,
            "delivered": result.delivered,
            "clicked": result.clicked,
            "purchased": result.purchased,
            "opted_out": result.opted_out,
            **dict(zip(COMPONENTS, result.money, strict=False)),
        }
        return rewards, world.day >= self.horizon_days, facts

    def booked(self) -> NDArray[np.float64]:
        """What the last day's books say: float64 (n,), major units.

        Raises:
            FailedPrecondition: before the first :meth:`advance`.
        """
        if self._last is None:
            raise FailedPrecondition("no day has been lived yet", field="step")
        return self.landed(self._last) / MINOR_PER_MAJOR

    def expected_rewards(self) -> NDArray[np.float64]:
        """E[reward | all hidden state, action] of today, float64 (n, A), major units.

        Exact. NaN where the action is not eligible.
        """
        truth = self.world.expected_rewards(self.objective) / MINOR_PER_MAJOR
        if not self.problem.whole:
            truth = np.take_along_axis(truth, np.maximum(self.columns(), 0), axis=1)
        return np.where(self.sight.mask, truth, np.nan)

    def costs(self) -> NDArray[np.int64]:
        """What each action's contact would cost today, int64 (n, A) minor units; 0 if masked."""
        return np.where(self.sight.mask, self.world.catalogue.cost_minor[self.columns()], 0)

    def columns(self) -> NDArray[np.int64]:
        """Which contact each action would be today, int64 (n, A) columns of the catalogue.

        -1 where the action is not eligible. No contact occurs twice in a row.
        """
        sight = self.sight
        everyone = np.arange(sight.mask.shape[1])
        if self.problem.whole:
            return np.where(sight.mask, everyone, -1)
        table = np.full(sight.mask.shape, -1, dtype=np.int64)
        for a in everyone:
            found = self.problem.contacts(sight.morning, sight.given, np.full(self.size, a))
            table[sight.mask[:, a], a] = found[sight.mask[:, a]]
        return table

    def _look(self) -> CohortView:
        world, problem = self.world, self.problem
        width = self.scenario.schema.width
        seen = np.empty((width + len(problem.extras), self.size), dtype=np.float32)
        world.observe(seen[:width])
        morning = Morning(world.day, seen[:width], world.mask())
        if problem.whole:
            return CohortView(morning, seen.T, morning.eligible, NOTHING_GIVEN)
        mask = np.empty((self.size, len(problem.actions)), dtype=bool)
        given = problem.see(morning, mask, seen[width:])
        mask.setflags(write=False)
        return CohortView(morning, seen.T, mask, given)

    def _serve(
        self, actions: NDArray[np.int64], sight: CohortView
    ) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
        actions = np.asarray(actions)
        if actions.shape != (self.size,) or actions.dtype.kind not in "iu":
            raise InvalidArgument(
                f"{actions.dtype} {actions.shape} is not integer ({self.size},)", field="action"
            )
        actions = actions.astype(np.int64, copy=False)
        granted, refused = np.empty(self.size, dtype=np.int64), np.empty(self.size, dtype=bool)
        outside = loops.grant(granted, refused, actions, sight.mask)
        if outside >= 0:
            last = sight.mask.shape[1] - 1
            raise InvalidArgument(f"{actions[outside]} is outside 0..{last}", field="action")
        if self.problem.whole:
            return granted, refused
        return self.problem.contacts(sight.morning, sight.given, granted), refused
