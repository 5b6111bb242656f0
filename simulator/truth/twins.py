"""Counterfactual twins: the same customer, the same life, another action today.

Both twins start from one state and meet the same chances, day by day and purpose by purpose,
so what differs between them is what the action did (the pair of potential outcomes of Rubin
1974, which no real log holds; common random numbers: Glasserman & Yao 1992).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.rollout import Actions, results
from simulator.truth.long_run import check_horizon
from simulator.world import StepResult, World
from troth.objective import Objective
from troth.policy import Policy
from troth.statistics import Estimate, Moments, over_customers

Float = NDArray[np.float64]


@dataclass(frozen=True)
class Difference:
    """What twin *a* had more than twin *b*, averaged over replicates.

    Attributes:
        by_day: float64 (n, days).
        by_day_stderr: float64 (n, days), paired, over replicates; NaN with one replicate.
        total: float64 (n,), the sum over days.
        total_stderr: float64 (n,), paired, over replicates; days of a life are not independent,
            so this is no sum of ``by_day_stderr``.
        population: the mean of ``total``, clustered by customer.
    """

    by_day: Float
    by_day_stderr: Float
    total: Float
    total_stderr: Float
    population: Estimate


@dataclass(frozen=True)
class Twins:
    """Differences between the lives after two actions, *a* less *b*.

    Attributes:
        reward_minor: of the reward under the objective, minor units, credited to the day of
            the decision that brings it.
        purchases: of the purchases, on the day each is booked.
        opt_outs: of the permissions withdrawn, likewise.
        days: horizon, the day of the actions included.
        replicates: pairs of lives per customer.
    """

    reward_minor: Difference
    purchases: Difference
    opt_outs: Difference
    days: int
    replicates: int


def twins(
    world: World,
    actions_a: Actions,
    actions_b: Actions,
    days: int,
    policy_after: Policy,
    *,
    replicates: int = 1,
    objective: Objective | None = None,
) -> Twins:
    """Let every customer live twice: ``actions_a`` or ``actions_b`` today, then one policy.

    Args:
        world: the present of both; it is left as it is.
        actions_a: int64 (n,), today's; ineligible ones count as *no contact*.
        actions_b: the other twin's.
        days: horizon, >= 1.
        policy_after: who decides for both from the second day on, with the same draws.
        replicates: alternative futures, numbered from the world's own on; standard errors of
            a single customer's differences need two or more.
        objective: the scenario's by default.

    Raises:
        InvalidArgument: for actions of a wrong shape or range, a horizon or count below 1.
    """
    check_horizon(days, replicates)
    goal = objective or world.scenario.objective
    ledgers = [_Ledger(world.size, days) for _ in range(3)]
    for r in range(replicates):
        a, b = (world.fork(world.replicate + r) for _ in range(2))
        pairs = zip(
            results(a, policy_after, days, first_actions=actions_a),
            results(b, policy_after, days, first_actions=actions_b),
            strict=True,
        )
        gaps = [np.empty((world.size, days)) for _ in ledgers]
        for day, (one, other) in enumerate(pairs):
            for gap, seen, unseen in zip(
                gaps, _measured(one, goal), _measured(other, goal), strict=True
            ):
                gap[:, day] = seen - unseen
        for ledger, gap in zip(ledgers, gaps, strict=True):
            ledger.add(gap)
    reward, purchases, opt_outs = (ledger.difference() for ledger in ledgers)
    return Twins(reward, purchases, opt_outs, days, replicates)


def _measured(result: StepResult, goal: Objective) -> tuple[Float, Float, Float]:
    """Reward, purchases and opt-outs of a day, float64 (n,) each."""
    return (
        goal.reward(result.components),
        result.orders.astype(np.float64),
        result.components["opt_outs"].astype(np.float64),
    )


class _Ledger:
    """Replicates of one difference, summed up as they come."""

    def __init__(self, customers: int, days: int) -> None:
        self._days = Moments((customers, days))
        self._total = Moments((customers,))

    def add(self, gap: Float) -> None:
        self._days.add(gap)
        self._total.add(gap.sum(axis=1))

    def difference(self) -> Difference:
        return Difference(
            by_day=self._days.mean,
            by_day_stderr=self._days.stderr,
            total=self._total.mean,
            total_stderr=self._total.stderr,
            population=over_customers(self._total.mean),
        )
