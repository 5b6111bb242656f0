"""A cohort: the customers of one episode after another, and what their decisions earn.

What the single and the vector environment have in common: spaces, masks, rewards.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Literal

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from simulator.scenarios import Scenario, load
from simulator.world import World
from troth.catalogue import NO_CONTACT
from troth.errors import FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema, encode
from troth.objective import COMPONENTS, Objective
from troth.streams import derive_seed

RewardKind = Literal["sampled", "expected"]

MINOR_PER_MAJOR = 100.0


def observation_space(schema: FeatureSchema) -> spaces.Box:
    """Box float32 (D,): the encoded features between the encodings of their raw bounds."""
    low = encode(schema, np.array([[f.low for f in schema.features]]))[0]
    high = encode(schema, np.array([[f.high for f in schema.features]]))[0]
    category = np.array([bool(f.levels) for f in schema.features for _ in f.columns])
    low[category], high[category] = 0.0, 1.0
    return spaces.Box(low, high, dtype=np.float32)


class Cohort:
    """Episodes of ``size`` customers each; every episode has customers of its own.

    Args:
        size: customers per episode, at least 1.
        scenario: name, path or the scenario itself.
        horizon_days: days of an episode, at least 1.
        reward: ``sampled``, what the day brought, or ``expected``, its expectation given all
            hidden state: the same mean with far less variance, for learners only, since no
            firm can observe it.
        objective: weights; the scenario's by default.

    Raises:
        InvalidArgument: naming the argument.
    """

    def __init__(
        self,
        size: int,
        scenario: Scenario | str | Path,
        horizon_days: int,
        reward: RewardKind,
        objective: Objective | None,
    ) -> None:
        if size < 1:
            raise InvalidArgument(f"{size} is below 1", field="num_envs")
        if horizon_days < 1:
            raise InvalidArgument(f"{horizon_days} is below 1", field="horizon_days")
        if reward not in ("sampled", "expected"):
            raise InvalidArgument(f"{reward!r} is not 'sampled' or 'expected'", field="reward")
        self.size = size
        self.scenario = scenario if isinstance(scenario, Scenario) else load(scenario)
        self.horizon_days = horizon_days
        self.reward = reward
        self.objective = objective or self.scenario.objective
        self._seed: int | None = None
        self._episode = -1
        self._world: World | None = None

    @property
    def seeded(self) -> bool:
        """Whether :meth:`seed` has been called."""
        return self._seed is not None

    @property
    def world(self) -> World:
        """The customers of the running episode.

        Raises:
            FailedPrecondition: before the first :meth:`begin`.
        """
        if self._world is None:
            raise FailedPrecondition("call reset() before step()", field="reset")
        return self._world

    def seed(self, seed: int) -> None:
        """Start over with the first episode of ``seed``."""
        self._seed = derive_seed("envs", seed)
        self._episode = -1

    def begin(self) -> None:
        """The next episode: a fresh cohort on the morning of day 0."""
        if self._seed is None:
            raise FailedPrecondition("no seed yet", field="seed")
        self._episode += 1
        self._world = World(
            self.scenario, self.size, self._seed, first_customer=self._episode * self.size
        )

    def observation(self) -> NDArray[np.float32]:
        """float32 (n, D), encoded."""
        return self.world.contexts().encoded

    def advance(
        self, actions: NDArray[np.int64]
    ) -> tuple[NDArray[np.float64], bool, dict[str, Any]]:
        """Serve one action each and live the day.

        Args:
            actions: int (n,) columns of the catalogue; an ineligible one is served as *no
                contact* and marked in ``refused``.

        Returns:
            Rewards (n,) in major units, whether the horizon is reached, and the day's facts.
        """
        world = self.world
        actions = np.asarray(actions, dtype=np.int64)
        if actions.shape != (self.size,):
            raise InvalidArgument(f"shape {actions.shape} is not ({self.size},)", field="action")
        if actions.min() < 0 or actions.max() >= len(world.catalogue):
            raise InvalidArgument(f"outside 0..{len(world.catalogue) - 1}", field="action")
        refused = ~world.mask()[np.arange(self.size), actions]
        served = np.where(refused, NO_CONTACT, actions)
        if self.reward == "expected":
            minor = world.expected_rewards(self.objective, served)
            result = world.step(served)
        else:
            result = world.step(served)
            minor = self.objective.reward(result.components)
        facts: dict[str, Any] = {
            "refused": refused,
            "served": served,
            "delivered": result.delivered,
            "clicked": result.clicked,
            "purchased": result.purchased,
            "opted_out": result.opted_out,
            **{name: result.components[name] for name in COMPONENTS},
        }
        return minor / MINOR_PER_MAJOR, world.day >= self.horizon_days, facts
