"""The world: n customers, one day at a time.

A step is one day for all customers. Every random event is a function of (seed; customer,
purpose, day, replicate): the same seed gives the same lives in one batch or split into many,
and what is done to one customer changes nobody else's. The reward of a decision is what
happens on its own day; see :mod:`simulator.response`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from simulator import calendar, dynamics, fatigue, history, journeys, kernel, response
from simulator.observation import observe
from simulator.purposes import Purpose
from simulator.scenarios import Scenario
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.features import FeatureSchema
from troth.objective import Objective

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

MAX_CUSTOMER = 2**32


@dataclass(frozen=True)
class StepResult:
    """What one day brought, per customer.

    Attributes:
        components: int64 (n,) by name in :data:`troth.objective.COMPONENTS`.
        delivered, opened, clicked, purchased, opted_out: bool (n,).
    """

    components: dict[str, NDArray[np.int64]]
    delivered: Bool
    opened: Bool
    clicked: Bool
    purchased: Bool
    opted_out: Bool


class World:
    """A population living under a scenario.

    Args:
        scenario: the parameters.
        customers: n, at least 1.
        seed: in [0, 2**64).
        first_customer: number of the first customer; batches of one population differ in it.
        replicate: which alternative life from day 0 on; traits and past do not depend on it.

    Attributes:
        scenario, seed, first_customer, replicate: as given.
        size: n.
        day: days since day 0, which is the scenario's ``start``.
        catalogue, schema: the scenario's.

    Raises:
        InvalidArgument: for a count, seed or customer number out of range.
    """

    def __init__(
        self,
        scenario: Scenario,
        customers: int,
        seed: int,
        *,
        first_customer: int = 0,
        replicate: int = 0,
    ) -> None:
        if customers < 1:
            raise InvalidArgument(f"{customers} is below 1", field="customers")
        if not 0 <= seed < 2**64:
            raise InvalidArgument(f"{seed} is outside [0, 2**64)", field="seed")
        if first_customer < 0 or first_customer + customers > MAX_CUSTOMER:
            raise InvalidArgument(
                f"{first_customer} to {first_customer + customers} is outside 0..{MAX_CUSTOMER}",
                field="first_customer",
            )
        self._rules = dynamics.Rules.of(scenario)
        self._contexts: ContextBatch | None = None
        self._mask: Bool | None = None
        self._stands: response.Readiness | None = None
        self.scenario = scenario
        self.seed = seed
        self.first_customer = first_customer
        self.size = customers
        self.replicate = 0
        self.day = -scenario.warm_up.days
        index = np.arange(first_customer, first_customer + customers, dtype=np.int64)
        self._people = history.draw(scenario, self._rules.tables, seed, index)
        self._forget()
        self._warm_up()
        self.replicate = _checked_replicate(replicate)
        self._forget()

    @property
    def catalogue(self) -> Catalogue:
        """The K actions."""
        return self.scenario.catalogue

    @property
    def schema(self) -> FeatureSchema:
        """The F raw features of :meth:`contexts`."""
        return self.scenario.schema

    @cached_property
    def customer_ids(self) -> NDArray[np.str_]:
        """Str (n,): ``C00000000``, ``C00000001``, ..."""
        return np.array([f"C{number:08d}" for number in self._people.index])

    @property
    def permissions(self) -> Bool:
        """Bool (n, C): channels that reach a customer and that he agreed to; column 0 is true."""
        return np.ascontiguousarray(self._people.permits.T)

    def contexts(self) -> ContextBatch:
        """What a firm knows of every customer this morning; nothing hidden."""
        if self._contexts is None:
            self._contexts = observe(self.scenario, self._rules.tables, self._people, self._today)
        return self._contexts

    def triggered(self) -> Bool:
        """Bool (n, J): journeys that have started, in the order of ``catalogue.journeys``."""
        return journeys.triggered(self.scenario.journeys, self.contexts())

    def mask(self) -> Bool:
        """Bool (n, K): candidates of triggered journeys on permitted channels under the cap."""
        if self._mask is None:
            mask = np.empty((self.size, len(self.catalogue)), dtype=bool)
            kernel.eligible(
                mask,
                self.triggered(),
                self._people.permits,
                fatigue.capped(self.scenario.fatigue, self._people.recent),
                self.catalogue.channel,
                self.catalogue.journey,
            )
            mask.setflags(write=False)
            self._mask = mask
        return self._mask

    def expected_components(self, actions: NDArray[np.int64] | None = None) -> dict[str, Float]:
        """The exact expectation of what :meth:`step` would bring today, given all hidden state.

        Args:
            actions: int64 (n,), one action each; all K by default, eligible or not.

        Returns:
            float64 (n, K), or (n,) with ``actions``, by component name; minor units and counts.
        """
        return dynamics.expected(self._rules, self._readiness, actions)

    def expected_rewards(
        self, objective: Objective | None = None, actions: NDArray[np.int64] | None = None
    ) -> Float:
        """E[today's reward | full state, action], float64 (n, K) or (n,), minor units."""
        goal = objective or self.scenario.objective
        return dynamics.expected_rewards(self._rules, self._readiness, goal, actions)

    def step(self, actions: NDArray[np.int64]) -> StepResult:
        """Live one day.

        Args:
            actions: int64 (n,) columns of the catalogue, each eligible under :meth:`mask`.

        Raises:
            InvalidArgument: if the shape is wrong or an action is not eligible; nothing changes.
        """
        actions = self._checked(actions)
        return self._live(actions)

    def fork(self, replicate: int | None = None) -> World:
        """An independent copy of this moment.

        Args:
            replicate: which alternative future; the same one as here by default, so that both
                worlds meet the same chances.
        """
        twin = object.__new__(World)
        twin.__dict__.update(self.__dict__)
        twin._people = self._people.copy()
        if replicate is not None:
            twin.replicate = _checked_replicate(replicate)
        return twin

    def _forget(self) -> None:
        """Drop what was worked out for the morning that is over."""
        self._contexts = None
        self._mask = None
        self._stands = None
        self._today = calendar.day(self.scenario.calendar, self.scenario.start, self.day)

    @property
    def _readiness(self) -> response.Readiness:
        if self._stands is None:
            self._stands = response.readiness(
                self.scenario, self._rules.tables, self._people, self._today
            )
        return self._stands

    @property
    def _keys(self) -> dynamics.Keys:
        return dynamics.Keys(self.seed, self.day + self.scenario.warm_up.days, self.replicate)

    def _live(self, actions: NDArray[np.int64]) -> StepResult:
        outcome = dynamics.live(self._rules, self._people, self._readiness, actions, self._keys)
        self.day += 1
        self._forget()
        return StepResult(**outcome)

    def _warm_up(self) -> None:
        """The plain programme before day 0: now and then any eligible action, all alike."""
        actions = np.empty(self.size, dtype=np.int64)
        for _ in range(self.scenario.warm_up.days):
            u = self._keys.uniforms(self._people.index, Purpose.WARM_UP)
            wanted = u[0] < self.scenario.warm_up.contact_chance
            kernel.pick(actions, self.mask(), wanted, u[1])
            self._live(actions)

    def _checked(self, actions: NDArray[np.int64]) -> NDArray[np.int64]:
        actions = np.asarray(actions)
        if actions.shape != (self.size,) or actions.dtype.kind not in "iu":
            raise InvalidArgument(
                f"{actions.dtype} {actions.shape} is not integer ({self.size},)", field="actions"
            )
        actions = actions.astype(np.int64, copy=False)
        outside = np.flatnonzero((actions < 0) | (actions >= len(self.catalogue)))
        if outside.size:
            raise InvalidArgument(
                f"{actions[outside[0]]} is outside 0..{len(self.catalogue) - 1}",
                field=f"actions[{outside[0]}]",
            )
        refused = np.flatnonzero(~self.mask()[np.arange(self.size), actions])
        if refused.size:
            action = self.catalogue.actions[actions[refused[0]]]
            raise InvalidArgument(
                f"{action.action_id!r} is not eligible for {self.customer_ids[refused[0]]} "
                f"on day {self.day}",
                field=f"actions[{refused[0]}]",
            )
        return actions


def _checked_replicate(replicate: int) -> int:
    if not 0 <= replicate < MAX_CUSTOMER:
        raise InvalidArgument(f"{replicate} is outside 0..{MAX_CUSTOMER - 1}", field="replicate")
    return replicate
