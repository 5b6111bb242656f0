"""The world: n customers, one day at a time.

A step is one day for all customers. Every random event is a function of (seed; customer,
purpose, day, replicate): the same seed gives the same lives in one batch or split into many,
on one thread or several, and what is done to one customer changes nobody else's, except that
a scenario's contact budget is shared. A decision is credited with everything it brings, also
what lands weeks later; see :mod:`simulator.model.response`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.compiled.threads import Threads
from simulator.day import day as one_day
from simulator.day.results import StepResult, weights
from simulator.day_view import DayView, columns
from simulator.model import channels, history
from simulator.model.points_ledger import Ledger
from simulator.model.programme import Programme
from simulator.model.rules import Rules
from simulator.scenarios import Scenario
from simulator.state import checkpoint
from simulator.state.population import Blocks, Population
from simulator.view.encoder import Encoder
from simulator.view.feature_cache import FeatureCache
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema
from troth.objective import COMPONENTS, Objective

__all__ = ["StepResult", "World"]

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]

MAX_CUSTOMER = 2**32


class World:
    """A population living under a scenario.

    Args:
        scenario: the parameters.
        customers: n, at least 1.
        seed: in [0, 2**64).
        first_customer: number of the first customer; batches of one population differ in it.
        replicate: which alternative life from day 0 on; traits and past do not depend on it.
        threads: how many work on a day; no number depends on it.
        newcomers: everyone joined with a first purchase on the day before day 0 and has no
            other past; there is no warm-up.

    Attributes:
        scenario, seed, first_customer, replicate: as given.
        size: n.
        day: days since day 0, which is the scenario's ``start``.

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
        threads: int = 1,
        newcomers: bool = False,
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
        if threads < 1:
            raise InvalidArgument(f"{threads} is below 1", field="threads")
        warm_up = 0 if newcomers else scenario.warm_up.days
        self._settle(scenario, seed, threads)
        self.first_customer = first_customer
        self.size = customers
        self.replicate = 0
        self.day = -warm_up
        self._people = history.draw(
            self._rules, seed, first_customer, customers, morning=self._clock, newcomers=newcomers
        )
        self._sight = FeatureCache(customers, self.schema.raw_width)
        self.set_programme(self._own_programme())
        self._warm_up(warm_up)
        self.replicate = _checked_replicate(replicate)
        self._wake()

    def _settle(self, scenario: Scenario, seed: int, threads: int) -> None:
        """What follows from the arguments and never changes."""
        self.scenario = scenario
        self.seed = seed
        self._rules = Rules.of(scenario)
        self._encoder = Encoder.of(scenario.schema)
        self._threads = Threads(threads)

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
        """Bool (n, C): channels that may be used, as far as the firm knows; column 0 is true."""
        return channels.permitted(self._people.permits)

    @property
    def programme(self) -> Programme:
        """The terms in force."""
        return self._programme

    def set_programme(self, programme: Programme) -> None:
        """Put new terms in force, for everyone or for each member, from today on.

        Raises:
            InvalidArgument: for an array that is not one term per customer.
        """
        programme.put_in_force(self._people, self.scenario)
        self._programme = programme
        self._stand()
        self._wake()

    def ledger(self) -> Ledger:
        """The points of everyone, in whole points."""
        return Ledger.of(self._people, self.scenario.economics.breakage)

    @property
    def people(self) -> Population:
        """All state, hidden or not: for truth and tests, never for a policy."""
        return self._people

    def memory_per_customer(self) -> float:
        """Bytes of state per customer."""
        return self._people.nbytes / self.size

    def contexts(self) -> ContextBatch:
        """What a firm knows of every customer this morning; nothing hidden."""
        return self._morning.contexts

    def observe(self, out: NDArray[np.float32] | None = None) -> NDArray[np.float32]:
        """The encoded contexts, float32 (n, D), as a view of structure-of-arrays memory.

        Args:
            out: float32 (D, n) to write to; fresh memory by default.
        """
        if out is None:
            out = np.empty((self.schema.width, self.size), dtype=np.float32)
        self._morning.observe(out)
        return out.T

    def triggered(self) -> Bool:
        """Bool (n, J): journeys that have started, in the order of ``catalogue.journeys``."""
        return self._morning.triggered

    def mask(self, out: Bool | None = None) -> Bool:
        """Bool (n, K): candidates of triggered journeys on permitted channels under the cap.

        Args:
            out: an earlier morning's mask that nobody reads any more, to be written over if
                this morning's is yet to be worked out.

        Raises:
            InvalidArgument: if ``out`` does not fit.
        """
        return self._morning.mask(out)

    def expected_components(self, actions: Int64 | None = None) -> dict[str, Float]:
        """The exact expectation of the components that :meth:`step` would credit to today.

        Args:
            actions: int64 (n,), one action each; all K by default, eligible or not.

        Returns:
            float64 (n, K), or (n,) with ``actions``, by component name; minor units and counts.
        """
        out = self._morning.expected(np.empty(0), actions)
        return dict(zip(COMPONENTS, out if actions is None else out[:, :, 0], strict=True))

    def expected_rewards(
        self, objective: Objective | None = None, actions: Int64 | None = None
    ) -> Float:
        """E[reward credited to today | full state, action], float64 (n, K) or (n,), minor units."""
        by = weights(objective or self.scenario.objective)
        out = self._morning.expected(by, actions)[0]
        return out if actions is None else np.ascontiguousarray(out[:, 0])

    def expected_margin(self) -> Float:
        """E[margin of a purchase today | full state], float64 (n,), minor units."""
        return self._morning.margins()

    def affordable(self, actions: Int64) -> Int64:
        """``actions`` (n,), *no contact* where the day's shared budget does not pay for one.

        First customers first: what :meth:`step` makes of them.

        Raises:
            InvalidArgument: for a wrong shape or type or an action the catalogue does not have.
        """
        return self._paid(columns(actions, self.size, len(self.catalogue)))

    def step(self, actions: Int64, out: StepResult | None = None) -> StepResult:
        """Live one day.

        Args:
            actions: int64 (n,) columns of the catalogue, each eligible under :meth:`mask`.
            out: an earlier day that nobody reads any more, to be written over: fresh memory is
                a fifth of the time of a day of a million customers.

        Raises:
            InvalidArgument: if the shape is wrong, an action is not eligible, or ``out`` is of
                another size; nothing changes.
        """
        day = StepResult.unwritten(self.size) if out is None else out.again(self.size)
        return self._live(self._checked(actions), day)

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
        twin._sight = FeatureCache(self.size, self.schema.raw_width)
        twin._morning = self._morning.of(twin._people, twin._sight)
        return twin

    def without_cap(self) -> World:
        """An independent copy of this moment, in which the scenario's cap on contacts is lifted."""
        twin = self.fork()
        twin.scenario = self.scenario.without_cap()
        twin._rules = Rules.of(twin.scenario)
        twin._wake()
        return twin

    def save(self, path: Path) -> None:
        """Write all that is needed to go on from here; see :mod:`simulator.state.checkpoint`."""
        header: dict[str, int | str | float] = {
            "scenario": self.scenario.digest,
            "seed": str(self.seed),
            "day": self.day,
            "first_customer": self.first_customer,
            "replicate": self.replicate,
        }
        terms = {f"terms.{k}": v for k, v in self._programme.columns(self.size).items()}
        checkpoint.save(path, columns={**self._people.memory._asdict(), **terms}, header=header)

    @classmethod
    def restore(cls, path: Path, scenario: Scenario, *, threads: int = 1) -> World:
        """The world as it was when it was saved; it goes on to the same bit.

        Raises:
            NotFound: if there is no such file.
            DataLoss: if the file is damaged.
            FailedPrecondition: if it belongs to another scenario.
        """
        header, columns = checkpoint.load(path)
        if header["scenario"] != scenario.digest:
            raise FailedPrecondition(
                f"saved under a scenario with digest {str(header['scenario'])[:12]}, "
                f"not {scenario.digest[:12]}",
                field=path.name,
            )
        world = object.__new__(cls)
        world._settle(scenario, int(header["seed"]), threads)
        world.first_customer = int(header["first_customer"])
        world.replicate = int(header["replicate"])
        world.day = int(header["day"])
        terms = {k.removeprefix("terms."): v for k, v in columns.items() if k.startswith("terms.")}
        world._people = Population(
            world.first_customer, Blocks(**{name: columns[name] for name in Blocks._fields})
        )
        world.size = len(world._people)
        world._programme = Programme(**terms)
        world._sight = FeatureCache(world.size, world.schema.raw_width)
        world._wake()
        return world

    @property
    def _clock(self) -> int:
        """Days since the clock's start, never negative."""
        return self.day + self.scenario.warm_up.days

    @property
    def _keys(self) -> tuple[np.uint64, np.uint64, np.uint64]:
        return (np.uint64(self.replicate), *kernel.words(self.seed))

    def _own_programme(self) -> Programme:
        scenario = self.scenario
        return Programme(
            points_per_major=scenario.wallet.points_per_major,
            point_value_minor=scenario.economics.point_value_minor,
            redeem_from=scenario.wallet.redeem_from,
        )

    def _wake(self) -> None:
        """Begin the morning of the present day."""
        known = self._rules, self._people, self.seed, self.day
        self._morning = DayView(*known, self._sight, self._encoder, self._threads)

    def _live(self, actions: Int64, result: StepResult) -> StepResult:
        today = self._morning.today
        actions = self._paid(actions)
        self._threads.run(
            self.size,
            lambda a, b: one_day.step(
                self._people.memory, a, b, self._sight.features, actions, result,
                self.first_customer, self._keys, self._rules.event_chances, today.tables,
                self._rules.par, today.record, self._encoder.bounds,
            ),
        )  # fmt: skip
        self.day += 1
        if self._clock % one_day.PERIOD_DAYS == 0:
            self._sight.settled = False
            self._for_everyone(one_day.turn_period)
        self._wake()
        return result

    def _stand(self) -> None:
        """Work out how everyone stands this morning."""
        self._for_everyone(one_day.stand)

    def _for_everyone(self, work: Callable[..., None]) -> None:
        people, rules, morning = self._people.memory, self._rules, self._clock
        self._threads.run(
            self.size, lambda a, b: work(people, a, b, rules.tables, rules.par, morning)
        )

    def _paid(self, actions: Int64) -> Int64:
        limit = self.scenario.firm.budget_minor_per_customer * self.size
        if limit == 0.0:
            return actions
        paid, broke = actions.copy(), np.empty(self.size, dtype=bool)
        costs = np.broadcast_to(self.catalogue.cost_minor, (self.size, len(self.catalogue)))
        kernel.pay(paid, broke, costs, int(limit), 0)
        return paid

    def _warm_up(self, days: int) -> None:
        """The plain programme before day 0: now and then any eligible action, all alike."""
        actions = np.empty(self.size, dtype=np.int64)
        index, mask, day = self._people.index, None, StepResult.unwritten(self.size)
        for _ in range(days):
            u = kernel.uniforms(self.seed, index, purpose=Purpose.WARM_UP, step=self._clock)
            wanted = u[0] < self.scenario.warm_up.contact_chance
            mask = self.mask(mask)
            kernel.pick(actions, mask, wanted, u[1])
            self._live(actions, day)

    def _checked(self, actions: Int64) -> Int64:
        actions = columns(actions, self.size, len(self.catalogue))
        at = self._morning.first_refused(actions)
        if at < 0:
            return actions
        action = self.catalogue.actions[actions[at]]
        raise InvalidArgument(
            f"{action.action_id!r} is not eligible for {self.customer_ids[at]} on day {self.day}",
            field=f"actions[{at}]",
        )


def _checked_replicate(replicate: int) -> int:
    if not 0 <= replicate < MAX_CUSTOMER:
        raise InvalidArgument(f"{replicate} is outside 0..{MAX_CUSTOMER - 1}", field="replicate")
    return replicate
