"""Programmes side by side in one world: four knobs each, a week at a time.

What the single and the vector environment of ``troth/ProgrammeDesign-v0`` have in common.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from gymnasium import spaces
from numpy.typing import NDArray

from envs.base.cohort import observation_space
from envs.base.episodes import MINOR_PER_MAJOR, Episodes, check_count
from envs.problems.plain_contacts import PlainContacts
from simulator.day.results import RewardKind
from simulator.model.programme import Programme
from simulator.scenarios import Scenario
from troth.errors import FailedPrecondition, InvalidArgument
from troth.objective import COMPONENTS, Objective

Float = NDArray[np.float64]

WEEK = 7

KNOBS = ("points_per_major", "point_value_minor", "redeem_from", "challenge_difficulty")
"""What an action sets, in its order: fields of :class:`simulator.model.programme.Programme`."""

SHARES = ("bought", "contacted")
"""Past week's figures in an observation: members who bought, contacts per member and day."""


class Programmes(Episodes):
    """Episodes of ``size`` programmes with ``members`` customers each.

    Customers g * members to (g + 1) * members - 1 of the world are those of programme g.

    Args:
        size: programmes, at least 1.
        members: customers of each, at least 1.
        scenario: name, path or the scenario itself.
        horizon_weeks: weeks of an episode, at least 1.
        reward: see :class:`envs.base.episodes.Episodes`.
        objective: weights; the scenario's by default.
        span: a knob goes from 1/span to span times the scenario's own; above 1.
        threads: how many work on a day; no number depends on it.
        kept: whether a diary is kept, for rendering.

    Raises:
        InvalidArgument: naming the argument.
    """

    def __init__(
        self,
        size: int,
        *,
        members: int,
        scenario: Scenario | str | Path,
        horizon_weeks: int,
        reward: RewardKind,
        objective: Objective | None,
        span: float,
        threads: int = 1,
        kept: bool = False,
    ) -> None:
        check_count(size, "num_envs")
        check_count(members, "members")
        check_count(horizon_weeks, "horizon_weeks")
        if not isinstance(span, int | float) or not 1.0 < span < np.inf:
            raise InvalidArgument(f"{span!r} is not a finite number above 1", field="span")
        super().__init__(
            size * members,
            scenario=scenario,
            reward=reward,
            objective=objective,
            threads=threads,
            kept=kept,
        )
        self.size = size
        self.members = members
        self.horizon_weeks = horizon_weeks
        self._span = span
        self._contacts = PlainContacts(self.scenario)
        self._own = np.ones(len(KNOBS))
        self._knobs = np.zeros((size, len(KNOBS)), dtype=np.float32)
        self._shares = np.zeros((len(SHARES), size))
        self._booked: Float | None = None
        features = observation_space(self.scenario.schema)
        ones = np.ones(len(KNOBS), dtype=np.float32)
        nought, one = np.zeros(len(SHARES)), np.ones(len(SHARES))
        self.space = spaces.Box(
            np.concatenate((features.low, -ones, nought)).astype(np.float32),
            np.concatenate((features.high, ones, one)).astype(np.float32),
            dtype=np.float32,
        )

    def begin(self) -> None:
        """The next episode: fresh members under the scenario's own programme.

        Raises:
            InvalidArgument: naming a term that the span would take out of its range.
        """
        super().begin()
        own = self.world.programme
        self._own = np.array([float(np.mean(getattr(own, name))) for name in KNOBS])
        for end in (-1.0, 1.0):
            self.programme(np.full_like(self._knobs, end))
        self._knobs = np.zeros_like(self._knobs)
        self._shares = np.zeros_like(self._shares)

    def programme(self, actions: NDArray[np.floating]) -> Programme:
        """What actions (size, 4) in -1..1 stand for, as arrays (customers,).

        A knob is ``own * span ** action``: 0 is the scenario's own, -1 and 1 are its bounds.
        """
        values = self._own * self._span ** np.asarray(actions, dtype=np.float64)
        each = np.repeat(values, self.members, axis=0).T
        return Programme(**dict(zip(KNOBS, np.ascontiguousarray(each), strict=True)))

    def observation(self) -> NDArray[np.float32]:
        """float32 (size, D + 6): means over the members, the knobs as set, last week's shares."""
        means = self.world.observe().T.reshape(-1, self.size, self.members).mean(axis=2)
        seen = np.concatenate((means, self._knobs.T, self._shares)).astype(np.float32)
        np.clip(seen, self.space.low[:, None], self.space.high[:, None], out=seen)
        return seen.T

    def advance(self, actions: NDArray[np.floating]) -> tuple[Float, bool, dict[str, Any]]:
        """Set the programmes and live a week under plain contacts.

        Args:
            actions: float (size, 4) in -1..1.

        Returns:
            Rewards (size,), major units per member; whether the horizon is reached; facts.
        """
        world = self.world
        self._knobs = self._checked(actions)
        programme = self.programme(self._knobs)
        world.set_programme(programme)
        earned, booked = np.zeros(self.size), np.zeros(self.size)
        bought = np.zeros(self.customers, dtype=bool)
        contacts = np.zeros(self.size)
        totals = {name: np.zeros(self.size) for name in COMPONENTS}
        for _ in range(WEEK):
            chosen = world.affordable(self._contacts.choose(world))
            expected = None
            if self.reward == "expected":
                expected = world.expected_rewards(self.objective, chosen)
            result = world.step(chosen)
            minor = self.credited(result) if expected is None else expected
            earned += self._mean(minor)
            booked += self._mean(self.landed(result))
            bought |= result.purchased
            contacts += self._mean(chosen > 0)
            for name, total in totals.items():
                total += self._mean(result.components[name])
            if self.diary is not None:
                self.diary.note(world, chosen, result, minor / MINOR_PER_MAJOR)
        self._booked = booked / MINOR_PER_MAJOR
        self._shares = np.stack((self._mean(bought), contacts / WEEK))
        knobs = {name: getattr(programme, name)[:: self.members] for name in KNOBS}
        facts: dict[str, Any] = {**knobs, **dict(zip(SHARES, self._shares, strict=True)), **totals}
        return earned / MINOR_PER_MAJOR, world.day >= self.horizon_weeks * WEEK, facts

    def booked(self) -> Float:
        """What the last week's books say per member: float64 (size,), major units.

        Raises:
            FailedPrecondition: before the first :meth:`advance`.
        """
        if self._booked is None:
            raise FailedPrecondition("no week has been lived yet", field="step")
        return self._booked

    def expected_rewards(self, actions: NDArray[np.floating]) -> Float:
        """E[reward of the week's first day | all hidden state, programme], float64 (size,).

        Exact; major units per member, under the plain contacts of the day.
        """
        world = self.world.fork()
        chosen = world.affordable(self._contacts.choose(world))
        world.set_programme(self.programme(self._checked(actions)))
        return self._mean(world.expected_rewards(self.objective, chosen)) / MINOR_PER_MAJOR

    def plain_contacts(self) -> NDArray[np.int64]:
        """The contacts of the day, int64 (customers,) columns of the catalogue."""
        return self._contacts.choose(self.world)

    def _mean(self, values: NDArray[Any]) -> Float:
        """Of each programme's members."""
        mean: Float = values.reshape(self.size, self.members).mean(axis=1)
        return mean

    def _checked(self, actions: NDArray[np.floating]) -> NDArray[np.float32]:
        actions = np.asarray(actions)
        if actions.shape != (self.size, len(KNOBS)) or actions.dtype.kind != "f":
            raise InvalidArgument(
                f"{actions.dtype} {actions.shape} is not float ({self.size}, {len(KNOBS)})",
                field="action",
            )
        if not (np.abs(actions) <= 1.0).all():
            worst = np.argwhere(~(np.abs(actions) <= 1.0))[0]
            raise InvalidArgument(f"{actions[tuple(worst)]} is outside -1..1", field="action")
        return actions.astype(np.float32)
