"""What is true of a world: the one-step oracle, and long-run values of first actions.

The oracle is greedy on the exact expected reward of the day given all hidden state. It is an
upper bound for policies that look one day ahead, not for those that plan: what a contact does
to fatigue, permissions and loyalty comes later. Long-run values are roll-outs under common
random numbers: two policies, or two first actions, meet the same chances.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator import kernel
from simulator.purposes import Purpose
from simulator.world import World
from troth.catalogue import NO_CONTACT, Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.objective import Objective
from troth.policy import Distribution, Mask, Policy, greedy, sample

Float = NDArray[np.float64]


@dataclass(frozen=True)
class OneStepOracle:
    """Greedy on a world's expected rewards: knows what no policy may know.

    It reads the world it is bound to at the moment it is asked, so that contexts must be those
    of that world's present morning.
    """

    world: World
    objective: Objective | None = None

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """All mass on the best eligible action; see :class:`troth.policy.Policy`.

        Raises:
            InvalidArgument: if the batch is not one row per customer of the world.
        """
        if mask.shape != (self.world.size, len(self.world.catalogue)):
            raise InvalidArgument(
                f"shape {mask.shape} is not that of the world's customers and actions",
                field="mask",
            )
        return greedy(self.world.expected_rewards(self.objective), mask)


def one_step_oracle(world: World, objective: Objective | None = None) -> OneStepOracle:
    """The policy that is greedy on ``world.expected_rewards`` under the mask."""
    return OneStepOracle(world, objective)


def choose(world: World, policy: Policy) -> NDArray[np.int64]:
    """Draw an action per customer from ``policy`` with the world's own keyed uniforms.

    Returns:
        int64 (n,). The draw is the same for the same world, day, replicate and distribution.
    """
    if isinstance(policy, OneStepOracle) and policy.world is not world:
        policy = OneStepOracle(world, policy.objective)
    distribution = policy.distribution(world.contexts(), world.catalogue, world.mask())
    u = kernel.uniforms(
        world.seed,
        np.arange(world.first_customer, world.first_customer + world.size),
        purpose=Purpose.POLICY,
        step=world.day,
        replicate=world.replicate,
    )
    return sample(distribution, u[0])


def long_run_values(
    world: World,
    policy: Policy,
    first_actions: NDArray[np.int64] | None,
    days: int,
    *,
    replicates: int = 1,
    objective: Objective | None = None,
    discount: float = 1.0,
) -> Float:
    """Reward over ``days`` from now: ``first_actions`` today, then ``policy``.

    Values of different first actions or policies from the same world share their chances
    (common random numbers), so that their differences are far less noisy than they are.

    Args:
        world: the present; it is left as it is.
        policy: who decides from the second day on, or from the first without
            ``first_actions``. A one-step oracle is bound to the roll-out's own world.
        first_actions: int64 (n,) or None; ineligible ones count as *no contact*.
        days: horizon, >= 1.
        replicates: alternative futures, numbered from the world's own on.
        objective: the scenario's by default.
        discount: per day, in (0, 1].

    Returns:
        float64 (replicates, n), minor units.

    Raises:
        InvalidArgument: for a horizon, count or discount out of range.
    """
    if days < 1:
        raise InvalidArgument(f"{days} is below 1", field="days")
    if replicates < 1:
        raise InvalidArgument(f"{replicates} is below 1", field="replicates")
    if not 0.0 < discount <= 1.0:
        raise InvalidArgument(f"{discount} is outside (0, 1]", field="discount")
    goal = objective or world.scenario.objective
    values = np.zeros((replicates, world.size))
    for r in range(replicates):
        life = world.fork(world.replicate + r)
        for d in range(days):
            if d == 0 and first_actions is not None:
                eligible = life.mask()[np.arange(life.size), first_actions]
                actions = np.where(eligible, first_actions, NO_CONTACT)
            else:
                actions = choose(life, policy)
            values[r] += discount**d * goal.reward(life.step(actions).components)
    return values
