"""Episodes of a fresh population each: seeds, worlds, what days are worth, a diary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from envs.rendering.diary import Diary
from simulator.day.results import RewardKind, StepResult, check_reward_kind
from simulator.scenarios import Scenario, load
from simulator.world import World
from troth.errors import FailedPrecondition, InvalidArgument
from troth.objective import Objective
from troth.streams import derive_seed

MINOR_PER_MAJOR = 100.0


def check_count(value: object, field: str) -> None:
    """Refuse what is no whole number from 1 on.

    Raises:
        InvalidArgument: naming ``field`` and the value.
    """
    if not isinstance(value, int | np.integer) or isinstance(value, bool):
        raise InvalidArgument(f"{value!r} is not a whole number", field=field)
    if value < 1:
        raise InvalidArgument(f"{value} is below 1", field=field)


class Episodes:
    """One population of ``customers`` after another, all of one seed.

    Args:
        customers: per episode, at least 1.
        scenario: name, path or the scenario itself.
        reward: ``sampled``, what the day's decision brought, or ``expected``, its expectation
            given all hidden state: the same mean with far less variance, for learners only,
            since no firm can observe it.
        objective: weights; the scenario's by default.
        threads: how many work on a day; no number depends on it.
        kept: whether a diary is kept, for rendering.

    Raises:
        InvalidArgument: naming the argument.
    """

    def __init__(
        self,
        customers: int,
        *,
        scenario: Scenario | str | Path,
        reward: RewardKind,
        objective: Objective | None,
        threads: int,
        kept: bool,
    ) -> None:
        check_reward_kind(reward)
        check_count(threads, "threads")
        if objective is not None and not isinstance(objective, Objective):
            raise InvalidArgument(
                f"{objective!r} is no troth.objective.Objective", field="objective"
            )
        self.customers = customers
        self._threads = threads
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.reward = reward
        self.objective = objective or self.scenario.objective
        self.diary = Diary() if kept else None
        self._seed: int | None = None
        self._episode = -1
        self._world: World | None = None

    @property
    def world(self) -> World:
        """The customers of the running episode.

        Raises:
            FailedPrecondition: before the first :meth:`begin`.
        """
        if self._world is None:
            raise FailedPrecondition("call reset() before step()", field="reset")
        return self._world

    def reset(self, seed: int | None, rng: np.random.Generator) -> None:
        """The first episode of ``seed``, or the next one, or the first of a random seed."""
        if seed is None and self._seed is None:
            seed = int(rng.integers(2**63))
        if seed is not None:
            self._seed = derive_seed("envs", seed)
            self._episode = -1
        self.begin()

    def begin(self) -> None:
        """The next episode: fresh customers on the morning of day 0."""
        if self._seed is None:
            raise FailedPrecondition("no seed yet", field="seed")
        self._episode += 1
        self._world = World(
            self.scenario,
            self.customers,
            self._seed,
            first_customer=self._episode * self.customers,
            threads=self._threads,
        )
        if self.diary is not None:
            self.diary.begin(self._world)

    def credited(self, result: StepResult) -> NDArray[np.float64]:
        """What a day's decisions will have brought, float64 (n,) minor units."""
        return result.reward(self.objective)

    def landed(self, result: StepResult) -> NDArray[np.float64]:
        """What was booked on a day, float64 (n,) minor units."""
        return result.reward(self.objective, landed=True)
