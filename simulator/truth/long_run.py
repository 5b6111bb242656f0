"""What a first action, and a policy after it, are worth in the long run.

Roll-outs of one world meet the same chances (see :mod:`simulator.rollout`), so that values can
be compared customer by customer. What is left is mostly whether a contact happened to work;
with ``reward="expected"`` each day counts with its expectation, which has the same mean.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.day.results import RewardKind, check_reward_kind
from simulator.rollout import Actions, earn
from simulator.world import World
from troth.errors import InvalidArgument
from troth.objective import Objective
from troth.policy import Policy
from troth.statistics import Estimate, Moments, over_customers

Float = NDArray[np.float64]


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
