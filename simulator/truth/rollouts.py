"""Roll-outs under common random numbers: what a first action is worth in the long run.

Every chance is a function of (seed, customer, day, purpose, replicate), so that two policies,
or two first actions, that start from one world meet the same chances (common random numbers;
Glasserman & Yao 1992, Management Science 38(6)): a difference is far less noisy than its terms.
What is left is mostly whether a contact happened to work; with ``reward="expected"`` each day
of a life counts with its exact expectation given the state it has come to (conditional Monte
Carlo; Asmussen & Glynn 2007, Stochastic Simulation, V.4), which has the same mean.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.day.results import RewardKind, check_reward_kind
from simulator.day_view import columns
from simulator.truth.estimates import Estimate, Moments, over_customers
from simulator.truth.oracle import OneStepOracle
from simulator.world import StepResult, World
from troth.catalogue import NO_CONTACT
from troth.errors import InvalidArgument
from troth.objective import Objective
from troth.policy import (
    ROW_SUM_TOLERANCE,
    Distribution,
    Mask,
    Policy,
    check_distribution,
    sample,
)

Float = NDArray[np.float64]
Actions = NDArray[np.int64]


PIECE = 8192
"""Customers that a policy is asked about at a time: distributions are the largest arrays there
are, and nobody keeps them."""


def choose(world: World, policy: Policy) -> Actions:
    """Draw an action per customer from ``policy`` with the world's own keyed uniforms.

    A policy maps each row by itself, so it is asked in pieces; the oracle, which reads its
    world, is asked as a whole.

    Returns:
        int64 (n,). The draw is the same for the same world, day, replicate and distribution.

    Raises:
        InvalidArgument: if what the policy gives is no distribution, or it is no policy.
    """
    if isinstance(policy, type) or not isinstance(policy, Policy):
        what = f"the class {policy.__name__}" if isinstance(policy, type) else repr(policy)
        raise InvalidArgument(f"{what} is no policy: it has no distribution", field="policy")
    if isinstance(policy, OneStepOracle) and policy.world is not world:
        policy = OneStepOracle(world, policy.objective)
    contexts, mask = world.contexts(), world.mask()
    u = kernel.uniforms(
        world.seed,
        np.arange(world.first_customer, world.first_customer + world.size),
        purpose=Purpose.POLICY,
        step=world.day,
        replicate=world.replicate,
    )[0]
    piece = world.size if isinstance(policy, OneStepOracle) else PIECE
    actions = np.empty(world.size, dtype=np.int64)
    for first in range(0, world.size, piece):
        rows = slice(first, first + piece)
        distribution = policy.distribution(contexts.take(rows), world.catalogue, mask[rows])
        if not _sums_to_one(distribution, mask[rows]):
            check_distribution(distribution, mask[rows])  # says what is wrong
        actions[rows] = sample(distribution, u[rows])
    return actions


def _sums_to_one(distribution: Distribution, mask: Mask) -> bool:
    """The quick half of :func:`troth.policy.check_distribution`; the world checks eligibility."""
    if np.shape(distribution) != mask.shape:
        return False
    return bool((np.abs(distribution.sum(axis=1) - 1.0) <= ROW_SUM_TOLERANCE).all())


def permitted(world: World, actions: Actions) -> Actions:
    """``actions`` (n,), *no contact* where one is not eligible this morning.

    Raises:
        InvalidArgument: for a wrong shape or type or an action the catalogue does not have.
    """
    actions = columns(actions, world.size, len(world.catalogue))
    eligible = world.mask()[np.arange(world.size), actions]
    return np.where(eligible, actions, NO_CONTACT)


def life(
    world: World, policy: Policy, days: int, *, first_actions: Actions | None = None
) -> Iterator[StepResult]:
    """Step ``world`` in place: ``first_actions`` on the first day, then ``policy``."""
    for day in range(days):
        yield world.step(_decided(world, policy, first_actions if day == 0 else None))


def earn(
    world: World,
    policy: Policy,
    days: int,
    *,
    first_actions: Actions | None = None,
    reward: RewardKind = "sampled",
) -> Iterator[Mapping[str, NDArray[np.number]]]:
    """:func:`life`, of which each day's components (n,) by name come out, as ``reward`` says."""
    if reward == "sampled":
        for result in life(world, policy, days, first_actions=first_actions):
            yield result.components
        return
    spent: StepResult | None = None
    for day in range(days):
        actions = _decided(world, policy, first_actions if day == 0 else None)
        yield world.expected_components(world.affordable(actions))
        spent = world.step(actions, spent)


def _decided(world: World, policy: Policy, actions: Actions | None) -> Actions:
    return choose(world, policy) if actions is None else permitted(world, actions)


def long_run_values(
    world: World,
    policy: Policy,
    first_actions: Actions | None,
    days: int,
    *,
    replicates: int = 1,
    objective: Objective | None = None,
    discount: float = 1.0,
    reward: RewardKind = "sampled",
) -> Float:
    """Reward over ``days`` from now: ``first_actions`` today, then ``policy``.

    Values of different first actions or policies from the same world share their chances.

    Args:
        world: the present; it is left as it is.
        policy: who decides from the second day on, or from the first without
            ``first_actions``. A one-step oracle is bound to the roll-out's own world.
        first_actions: int64 (n,) or None; ineligible ones count as *no contact*.
        days: horizon, >= 1.
        replicates: alternative futures, numbered from the world's own on.
        objective: the scenario's by default.
        discount: per day, in (0, 1]; the first day counts in full.
        reward: "sampled", what each life brings, or "expected", what each of its days is
            expected to bring given all that has happened: the same mean with less noise.

    Returns:
        float64 (replicates, n), minor units.

    Raises:
        InvalidArgument: for a horizon, count or discount out of range, or no kind of reward.
    """
    check_horizon(days, replicates, discount)
    check_reward_kind(reward)
    goal = objective or world.scenario.objective
    values = np.zeros((replicates, world.size))
    for r in range(replicates):
        future = world.fork(world.replicate + r)
        lived = earn(future, policy, days, first_actions=first_actions, reward=reward)
        for day, components in enumerate(lived):
            values[r] += discount**day * goal.reward(components)
    return values


@dataclass(frozen=True)
class LongRun:
    """Long-run values with their standard errors.

    Attributes:
        per_customer: float64 (n,), mean over replicates, minor units.
        per_customer_stderr: float64 (n,), what the alternative futures leave open about each
            customer; NaN with one replicate.
        population: the mean over customers, clustered by customer.
        replicates: alternative futures lived.
    """

    per_customer: Float
    per_customer_stderr: Float
    population: Estimate
    replicates: int


def long_run(
    world: World,
    policy: Policy,
    first_actions: Actions | None,
    days: int,
    *,
    replicates: int = 1,
    objective: Objective | None = None,
    discount: float = 1.0,
    reward: RewardKind = "sampled",
) -> LongRun:
    """:func:`long_run_values`, summed up; the arguments are the same."""
    values = long_run_values(
        world,
        policy,
        first_actions,
        days,
        replicates=replicates,
        objective=objective,
        discount=discount,
        reward=reward,
    )
    moments = Moments((world.size,))
    for row in values:
        moments.add(row)
    return LongRun(moments.mean, moments.stderr, over_customers(values), replicates)


def check_horizon(days: int, replicates: int, discount: float = 1.0) -> None:
    """Raise :class:`InvalidArgument` for a horizon, count or discount out of range."""
    if days < 1:
        raise InvalidArgument(f"{days} is below 1", field="days")
    if replicates < 1:
        raise InvalidArgument(f"{replicates} is below 1", field="replicates")
    if not 0.0 < discount <= 1.0:
        raise InvalidArgument(f"{discount} is outside (0, 1]", field="discount")
