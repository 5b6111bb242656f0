"""The one-step oracle: greedy on the exact expected reward of the day.

Expected rewards are exact given all hidden state (``World.expected_rewards``), so the oracle
is an upper bound for policies that look one day ahead, not for those that plan: what a contact
does to fatigue, permissions and loyalty comes later.
"""

from __future__ import annotations

from dataclasses import dataclass

from simulator.rollout import CustomerContexts
from simulator.world import World
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.objective import Objective
from troth.policy import Distribution, Mask, greedy


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

        ``contexts`` may be of some customers if they say of whom; see
        :class:`simulator.rollout.CustomerContexts`.

        Raises:
            InvalidArgument: if the batch is not one row per customer of the world, or of those
                that it is said to be of.
        """
        rows = contexts.rows if isinstance(contexts, CustomerContexts) else None
        size = self.world.size if rows is None else rows.size
        if mask.shape != (size, len(self.world.catalogue)):
            raise InvalidArgument(
                f"shape {mask.shape} is not that of the world's customers and actions",
                field="mask",
            )
        expected = self.world.expected_rewards(self.objective)
        return greedy(expected if rows is None else expected[rows], mask)

    def bind(self, world: World) -> OneStepOracle:
        """The oracle of ``world``; see :class:`simulator.rollout.WorldBound`."""
        return self if world is self.world else OneStepOracle(world, self.objective)


def one_step_oracle(world: World, objective: Objective | None = None) -> OneStepOracle:
    """The policy that is greedy on ``world.expected_rewards`` under the mask."""
    return OneStepOracle(world, objective)
