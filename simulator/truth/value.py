"""The value of a policy, and of one policy over another, with standard errors.

A policy's value is the mean reward per customer when it decides for a whole population day
after day. Two policies are compared on the same people with the same luck; how much that gains
is measured, not promised (common random numbers: Glasserman & Yao 1992, Management Science
38(6), who also say when it can fail to).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.day.results import RewardKind, check_reward_kind
from simulator.rollout import earn
from simulator.scenarios import Scenario
from simulator.truth.long_run import check_horizon
from simulator.world import World
from troth.errors import InvalidArgument
from troth.objective import COMPONENTS, Objective
from troth.policy import Policy
from troth.statistics import Estimate, over_customers

Float = NDArray[np.float64]
Decides = Policy | Callable[[World], Policy]
"""A policy, or what makes one for a world, such as :func:`one_step_oracle`."""


@dataclass(frozen=True)
class PolicyValue:
    """What a policy is worth.

    Attributes:
        value: discounted reward per customer over the days, minor units, clustered by customer.
        lives: float64 (replicates, n), the same of each customer and alternative life.
        components: name to the undiscounted mean per customer, minor units or counts.
        days: how many it decided for.
    """

    value: Estimate
    lives: Float
    components: dict[str, Estimate]
    days: int

    @property
    def mean(self) -> float:
        """Reward per customer, minor units."""
        return self.value.mean

    @property
    def stderr(self) -> float:
        """Standard error of :attr:`mean`."""
        return self.value.stderr

    @property
    def per_customer(self) -> Float:
        """float64 (n,): mean over replicates, minor units."""
        return np.asarray(self.lives.mean(axis=0))


def policy_value(
    scenario: Scenario,
    policy: Decides,
    customers: int,
    days: int,
    seed: int,
    *,
    replicates: int = 1,
    objective: Objective | None = None,
    discount: float = 1.0,
    first_customer: int = 0,
    reward: RewardKind = "sampled",
) -> PolicyValue:
    """Let ``policy`` decide for a fresh population of ``scenario``.

    Args:
        scenario: the parameters.
        policy: or a function that makes one for the world it will decide in.
        customers: n, >= 1; two or more for a standard error.
        days: horizon, >= 1.
        seed: of the population and its luck, in [0, 2**64).
        replicates: alternative lives per customer, >= 1; they sharpen what luck blurs, not
            what the choice of customers does.
        objective: the scenario's by default.
        discount: per day, in (0, 1]; the first day counts in full.
        first_customer: number of the first, to take others of the same population.
        reward: as in :func:`simulator.truth.long_run_values`.

    Raises:
        InvalidArgument: for an argument out of range.
    """
    check_horizon(days, replicates, discount)
    check_reward_kind(reward)
    if not isinstance(scenario, Scenario):
        raise InvalidArgument(
            f"{scenario!r} is no Scenario: simulator.scenarios.load makes one", field="scenario"
        )
    goal = objective or scenario.objective
    begin = World(scenario, customers, seed, first_customer=first_customer)
    lives = np.zeros((replicates, customers))
    parts = {name: np.zeros((replicates, customers)) for name in COMPONENTS}
    for r in range(replicates):
        world = begin.fork(r)
        lived = earn(world, _bound(policy, world), days, reward=reward)
        for day, components in enumerate(lived):
            lives[r] += discount**day * goal.reward(components)
            for name, part in parts.items():
                part[r] += components[name]
    return PolicyValue(
        value=over_customers(lives),
        lives=lives,
        components={name: over_customers(part) for name, part in parts.items()},
        days=days,
    )


@dataclass(frozen=True)
class PolicyDifference:
    """What policy *a* is worth more than policy *b*.

    Attributes:
        difference: mean of the paired differences, minor units, clustered by customer.
        a, b: each on its own.
        variance_reduction: variance of the difference between two customers taken at random,
            one under each policy, over that of the paired difference of one customer: how many
            times more customers independent populations would need.
        luck_reduction: the same on the same customers with other luck, what the common chances
            alone gain; ``None`` with one replicate.
    """

    difference: Estimate
    a: PolicyValue
    b: PolicyValue
    variance_reduction: float
    luck_reduction: float | None


def policy_difference(
    scenario: Scenario,
    a: Decides,
    b: Decides,
    customers: int,
    days: int,
    seed: int,
    *,
    replicates: int = 1,
    objective: Objective | None = None,
    discount: float = 1.0,
    reward: RewardKind = "sampled",
) -> PolicyDifference:
    """The value of ``a`` less that of ``b`` on the same people with the same luck.

    The arguments are those of :func:`policy_value`.
    """
    one, other = (
        policy_value(
            scenario,
            policy,
            customers,
            days,
            seed,
            replicates=replicates,
            objective=objective,
            discount=discount,
            reward=reward,
        )
        for policy in (a, b)
    )
    paired = one.lives - other.lives
    luck = None
    if replicates > 1:
        elsewhere = one.lives - np.roll(other.lives, 1, axis=0)
        luck = _ratio(float(elsewhere.var()), float(paired.var()))
    return PolicyDifference(
        difference=over_customers(paired),
        a=one,
        b=other,
        variance_reduction=_ratio(float(one.lives.var() + other.lives.var()), float(paired.var())),
        luck_reduction=luck,
    )


def _bound(policy: Decides, world: World) -> Policy:
    if isinstance(policy, Policy) or not callable(policy):
        return policy
    return policy(world)


def _ratio(independent: float, paired: float) -> float:
    """Their ratio; two policies that never differ leave nothing to reduce."""
    if paired > 0.0:
        return independent / paired
    return float("inf") if independent > 0.0 else 1.0
