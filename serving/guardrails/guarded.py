"""A policy under guardrails is itself a policy: evaluation judges what is really served."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from serving.guardrails.engine import GuardrailEngine, Verdicts
from serving.guardrails.facts import FactsBatch
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.policy import Distribution, Mask, Policy, check_distribution, check_mask


@dataclass(frozen=True)
class Guarded:
    """The outcome of one guarded evaluation, n rows.

    Attributes:
        distribution: float64 (n, K), what is drawn from.
        mask: bool (n, K), candidates that no guardrail refused.
        verdicts: n tuples.
    """

    distribution: Distribution
    mask: Mask
    verdicts: tuple[Verdicts, ...]


def guard(
    policy: Policy,
    engine: GuardrailEngine,
    contexts: ContextBatch,
    catalogue: Catalogue,
    candidates: Mask,
    facts: FactsBatch,
) -> Guarded:
    """Ask the policy for all candidates, take out what is refused, and ask again for the rest.

    Asking again, rather than only spreading the refused mass, matters for policies that put
    all mass on one action: with their favourite refused, they name their next best instead
    of falling silent. For a softmax both are the same. Rows in which nothing was refused
    keep the first answer, bit for bit.

    Args:
        policy: gives distributions.
        engine: the guardrails.
        contexts: n contexts.
        catalogue: the K actions.
        candidates: bool (n, K), column 0 true.
        facts: n customers.

    Raises:
        InvalidArgument: if the policy's answer is not a distribution under its mask.
    """
    n = len(contexts)
    if len(facts) != n:
        raise InvalidArgument(f"{len(facts)} rows for {n} contexts", field="facts")
    check_mask(candidates, n, len(catalogue))
    proposed = policy.distribution(contexts, catalogue, candidates)
    check_distribution(proposed, candidates)
    mask, verdicts = engine.judge(proposed, candidates, catalogue, facts)
    touched = np.flatnonzero((mask != candidates).any(axis=1))
    if not touched.size:
        return Guarded(proposed, mask, verdicts)
    served = proposed.copy()
    served[touched] = policy.distribution(contexts.take(touched), catalogue, mask[touched])
    check_distribution(served, mask)
    return Guarded(served, mask, verdicts)


@dataclass(frozen=True)
class GuardedPolicy:
    """``policy`` as it is served to the customers that ``facts`` describe.

    Attributes:
        policy: the policy underneath.
        engine: the guardrails.
        facts: row i belongs to row i of every batch this policy is asked about.
    """

    policy: Policy
    engine: GuardrailEngine
    facts: FactsBatch

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :class:`troth.policy.Policy`; ``mask`` holds the candidates."""
        return guard(self.policy, self.engine, contexts, actions, mask, self.facts).distribution
