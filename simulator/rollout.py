"""From a policy to a world: the one place where a policy is asked about a world's customers.

A morning's customers are a :class:`DecisionRound`. The policy is asked about them piece by
piece, each answer is checked, and one action per customer is drawn with the world's own keyed
uniforms: two policies, or two first actions, that start from one world meet the same people on
the same days with the same luck (common random numbers; Glasserman & Yao 1992, Management
Science 38(6)), so that a difference is far less noisy than its terms.

Whatever stands between a policy and a world, such as the rules that a service would hold it
to, is a :data:`Guard`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.day.results import RewardKind
from simulator.day_view import columns
from simulator.world import StepResult, World
from troth.catalogue import NO_CONTACT
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.objective import Objective
from troth.policy import Mask, Policy, check_distribution, read_only, sample

Float = NDArray[np.float64]
Actions = NDArray[np.int64]

PIECE = 8192
"""Customers that a policy is asked about at a time: distributions are the largest arrays there
are, and nobody keeps them."""


@runtime_checkable
class WorldBound(Policy, Protocol):
    """A policy that reads a world beside the contexts it is shown, as the oracle does."""

    def bind(self, world: World) -> Policy:
        """What decides in ``world``: it is shown :class:`CustomerContexts`, all at once."""
        ...


@dataclass(frozen=True)
class CustomerContexts(ContextBatch):
    """Contexts that say of which customers of a world they are, also when some are taken out.

    Attributes:
        rows: int64 (n,), positions in the world.
    """

    rows: NDArray[np.int64]

    def take(self, rows: NDArray[np.int64] | slice) -> CustomerContexts:
        """The sub-batch of ``rows``."""
        return CustomerContexts(self.schema, self.raw[rows], self.rows[rows])


@dataclass(frozen=True, eq=False)
class DecisionRound:
    """The customers of a world on one morning, as a policy is asked about them.

    Attributes:
        world: at that morning; ``world.day`` is its number.
        contexts: n rows, what the firm knows.
        mask: bool (n, K), the actions that may be chosen.
    """

    world: World
    contexts: ContextBatch
    mask: Mask

    @classmethod
    def of(cls, world: World, mask: Mask | None = None) -> DecisionRound:
        """The present morning; ``mask`` is the world's, unless fewer actions may be chosen."""
        return cls(world, world.contexts(), world.mask() if mask is None else mask)


Guard = Callable[[Policy, DecisionRound], Callable[[slice], Policy]]
"""What stands between a policy and a world.

Called once each morning with the policy and the round, so that facts of all customers are
worked out once; what it returns gives, for a slice of the round's rows, the policy that is
asked about these rows in the other's place. It may narrow what the policy proposes but not
widen it: the distribution that comes out is checked under the round's own mask. It asks about
rows that it was handed, all or some of them (``ContextBatch.take``), so that a policy that is
bound to the world knows whom it is asked about.
"""


@runtime_checkable
class Remembering(Protocol):
    """A :data:`Guard` that is told of each day, since what it refuses depends on those before."""

    def lived(self, action: Actions) -> None:
        """The world has just lived a day on which ``action``, int64 (n,), was decided."""
        ...


@dataclass(frozen=True, eq=False)
class Decided:
    """One action per customer.

    Attributes:
        action: int64 (n,), columns of the catalogue.
        propensity: float64 (n,), the probability with which each was drawn, in (0, 1].
    """

    action: Actions
    propensity: Float


def customer_numbers(world: World) -> NDArray[np.int64]:
    """int64 (n,): the number in each customer id, 12 for ``C00000012``."""
    return np.arange(world.first_customer, world.first_customer + world.size, dtype=np.int64)


def draws(world: World) -> Float:
    """float64 (4, n) in (0, 1): this morning's uniforms of whoever decides in ``world``.

    Keyed by (seed, customer, day, replicate), whatever the policy is and asked about.
    """
    return kernel.uniforms(
        world.seed,
        customer_numbers(world),
        purpose=Purpose.POLICY,
        step=world.day,
        replicate=world.replicate,
    )


def decide(asked: DecisionRound, policy: Policy, *, guard: Guard | None = None) -> Decided:
    """Draw an action per customer from what ``policy`` gives.

    A policy maps each row by itself, so it is asked in pieces of :data:`PIECE`; one that is
    bound to the world is asked as a whole.

    Returns:
        The same for the same world, day, replicate and distribution.

    Raises:
        InvalidArgument: if it is no policy, or what it or the guard's policy gives is no
            distribution under the round's mask.
    """
    world = asked.world
    policy, contexts, piece = _bound(policy, asked)
    between = None if guard is None else guard(policy, asked)
    uniform = draws(world)[0]
    action = np.empty(world.size, dtype=np.int64)
    propensity = np.empty(world.size)
    for first in range(0, world.size, piece):
        rows = slice(first, min(first + piece, world.size))
        mask = asked.mask[rows]
        answers = policy if between is None else between(rows)
        distribution = check_distribution(
            answers.distribution(contexts.take(rows), world.catalogue, read_only(mask)), mask
        )
        drawn = sample(distribution, uniform[rows])
        action[rows] = drawn
        propensity[rows] = distribution[np.arange(drawn.size), drawn]
    return Decided(action, propensity)


def choose(world: World, policy: Policy) -> Actions:
    """The actions of :func:`decide` this morning, int64 (n,)."""
    return decide(DecisionRound.of(world), policy).action


def permitted(world: World, actions: Actions) -> Actions:
    """``actions`` (n,), *no contact* where one is not eligible this morning.

    Raises:
        InvalidArgument: for a wrong shape or type or an action the catalogue does not have.
    """
    actions = columns(actions, world.size, len(world.catalogue))
    eligible = world.mask()[np.arange(world.size), actions]
    return np.where(eligible, actions, NO_CONTACT)


@dataclass(frozen=True, eq=False)
class RolloutDay:
    """One day of n customers, as the policy saw it and as it went.

    Attributes:
        day: the world's day, from 0.
        contexts, mask: n rows, before the draw.
        action, propensity: (n,), what was drawn and with which probability.
        expected_minor: float64 (n, K), E[reward | state, action], or ``None`` if not asked for.
        result: what came of it.
    """

    day: int
    contexts: ContextBatch
    mask: Mask
    action: Actions
    propensity: Float
    expected_minor: Float | None
    result: StepResult


def live(
    world: World,
    policy: Policy,
    days: int,
    *,
    guard: Guard | None = None,
    objective: Objective | None = None,
    expected: bool = False,
) -> Iterator[RolloutDay]:
    """Let ``policy`` decide for everyone in ``world``, day after day.

    Args:
        world: is stepped in place.
        policy: decides; see :func:`decide`.
        days: how many, >= 1.
        guard: stands between the two; nothing does by default. One that is
            :class:`Remembering` is told of each day as soon as it was lived.
        objective: weights of the expected rewards; the scenario's by default.
        expected: also give each day's expected rewards.
    """
    observer: object = guard
    for _ in range(days):
        asked = DecisionRound.of(world)
        decided = decide(asked, policy, guard=guard)
        day = RolloutDay(
            day=world.day,
            contexts=asked.contexts,
            mask=asked.mask,
            action=decided.action,
            propensity=decided.propensity,
            expected_minor=world.expected_rewards(objective) if expected else None,
            result=world.step(decided.action),
        )
        if isinstance(observer, Remembering):
            observer.lived(day.action)
        yield day


def results(
    world: World, policy: Policy, days: int, *, first_actions: Actions | None = None
) -> Iterator[StepResult]:
    """Step ``world`` in place: ``first_actions`` on the first day, then ``policy``.

    First actions that are not eligible count as *no contact*.
    """
    for day in range(days):
        yield world.step(_today(world, policy, first_actions if day == 0 else None))


def earn(
    world: World,
    policy: Policy,
    days: int,
    *,
    first_actions: Actions | None = None,
    reward: RewardKind = "sampled",
) -> Iterator[Mapping[str, NDArray[np.number]]]:
    """:func:`results`, of which each day's components (n,) by name come out.

    With ``reward="expected"`` each day counts with its exact expectation given the state that
    the lives have come to (conditional Monte Carlo; Asmussen & Glynn 2007, Stochastic
    Simulation, V.4): the same mean with less noise.
    """
    if reward == "sampled":
        for result in results(world, policy, days, first_actions=first_actions):
            yield result.components
        return
    spent: StepResult | None = None
    for day in range(days):
        actions = _today(world, policy, first_actions if day == 0 else None)
        yield world.expected_components(world.affordable(actions))
        spent = world.step(actions, spent)


def _today(world: World, policy: Policy, actions: Actions | None) -> Actions:
    return choose(world, policy) if actions is None else permitted(world, actions)


def _bound(policy: Policy, asked: DecisionRound) -> tuple[Policy, ContextBatch, int]:
    """Who is asked, what it is shown, and about how many customers at a time."""
    if isinstance(policy, type) or not isinstance(policy, Policy):
        what = f"the class {policy.__name__}" if isinstance(policy, type) else repr(policy)
        raise InvalidArgument(f"{what} is no policy: it has no distribution", field="policy")
    if isinstance(policy, WorldBound):
        world, contexts = asked.world, asked.contexts
        shown = CustomerContexts(contexts.schema, contexts.raw, np.arange(world.size))
        return policy.bind(world), shown, world.size
    return policy, asked.contexts, PIECE
