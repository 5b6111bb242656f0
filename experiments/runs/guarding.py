"""Guardrails between a policy and a world, by the rule and the facts that a service has."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.known_facts import KnownFacts
from simulator.rollout import DecisionRound
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.guardrails.columns import FactsBatch
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.guarded import Tally, Took, guard
from troth.policy import Distribution, Mask, Policy


class MorningGuard:
    """A :data:`simulator.rollout.Guard`: the engine, told each morning what the firm knows.

    It is told of each day (:class:`simulator.rollout.Remembering`), and refuses to go on where a
    day was lived that it was not told of.

    The world's own cap on contacts is best lifted (:meth:`simulator.world.World.without_cap`),
    so that each cap bites once.

    Args:
        engine: the guardrails.
        known: what the firm knows of the world's customers, and of no other world's.
    """

    def __init__(self, engine: GuardrailEngine, known: KnownFacts) -> None:
        self._engine, self._known, self._tally = engine, known, Tally()

    def __call__(self, policy: Policy, asked: DecisionRound) -> Callable[[slice], Policy]:
        """The policy that is asked about a slice of this morning's customers.

        Raises:
            InvalidArgument: if the round is of another world.
            FailedPrecondition: if a day was lived since, and not told of.
        """
        if asked.world is not self._known.world:
            raise InvalidArgument("is told of another world than is asked about", field="guard")
        facts = self._known.morning()
        return lambda rows: _GuardedRows(policy, self._engine, facts.take(rows), self._tally)

    def lived(self, action: NDArray[np.int64]) -> None:
        """Remember the contacts of the day that was just lived, int64 (n,)."""
        self._known.lived(action)

    def took(self) -> tuple[Took, ...]:
        """What each guardrail took so far, per decision."""
        return self._tally.took()


@dataclass(frozen=True)
class _GuardedRows:
    """The policy as it is served to some customers of one morning."""

    policy: Policy
    engine: GuardrailEngine
    facts: FactsBatch
    tally: Tally

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :class:`troth.policy.Policy`; these customers in this order."""
        found = guard(self.policy, self.engine, contexts, actions, mask, self.facts)
        self.tally.add(found)
        return found.distribution
