"""The one rule by which a policy is guarded: when it serves, in closed loop and off-policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.guardrails.columns import FactsBatch
from troth.guardrails.engine import GuardrailEngine, Taken
from troth.policy import Distribution, Mask, Policy, check_distribution, check_mask, read_only
from troth.types import Verdict


@dataclass(frozen=True)
class Guarded:
    """The outcome of guarding one policy, n rows.

    Attributes:
        catalogue: the K actions.
        proposed: float64 (n, K), what the policy would do with all candidates.
        distribution: float64 (n, K), what is drawn from.
        mask: bool (n, K), candidates that no guardrail refused.
        taken: what each guardrail refused for each reason.
    """

    catalogue: Catalogue
    proposed: Distribution
    distribution: Distribution
    mask: Mask
    taken: tuple[Taken, ...]

    def verdicts(self, row: int) -> tuple[Verdict, ...]:
        """What was taken from one row; guardrails that took nothing give none."""
        found = []
        for taken in self.taken:
            columns = np.flatnonzero(taken.actions[row])
            if columns.size:
                found.append(
                    Verdict(
                        guardrail=taken.guardrail,
                        refused=tuple(self.catalogue.actions[c].action_id for c in columns),
                        mass=min(1.0, float(self.proposed[row, columns].sum())),
                        reason=taken.reason,
                    )
                )
        return tuple(found)


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
        InvalidArgument: if the policy's answer is not a distribution under its mask, or the
            facts are not of these customers and actions.
        FailedPrecondition: if the facts list contacts less far than a cap reaches.
    """
    n = len(contexts)
    if len(facts) != n:
        raise InvalidArgument(f"{len(facts)} rows for {n} contexts", field="facts")
    check_mask(candidates, n, len(catalogue))
    proposed = check_distribution(
        policy.distribution(contexts, catalogue, read_only(candidates)), candidates
    )
    mask, taken = engine.judge(candidates, catalogue, facts)
    touched = np.flatnonzero((mask != candidates).any(axis=1))
    if not touched.size:
        return Guarded(catalogue, proposed, proposed, mask, taken)
    # Two copies: a policy that writes all its answers into one array would change the first.
    proposed, served = proposed.copy(), proposed.copy()
    left = mask[touched]
    served[touched] = check_distribution(
        policy.distribution(contexts.take(touched), catalogue, read_only(left)), left
    )
    return Guarded(catalogue, proposed, served, mask, taken)


@dataclass(frozen=True, slots=True, kw_only=True)
class Took:
    """How much one guardrail took from a policy for one reason, over many decisions.

    Attributes:
        guardrail: its name.
        reason: why, as a slug.
        mass: mean over the decisions of the probability that the policy had put on what was
            refused, in [0, 1]. Over all guardrails and reasons these add up to the share of
            its decisions that the guardrails changed.
        rows: share of the decisions in which it refused a candidate, in [0, 1].
    """

    guardrail: str
    reason: str
    mass: float
    rows: float

    def to_dict(self) -> dict[str, str | float]:
        """Plain values, for JSON."""
        return {
            "guardrail": self.guardrail,
            "reason": self.reason,
            "mass": self.mass,
            "rows": self.rows,
        }


class Tally:
    """Counts over batch after batch what each guardrail took."""

    def __init__(self) -> None:
        self._decisions = 0
        self._sums: dict[tuple[str, str], NDArray[np.float64]] = {}

    def add(self, guarded: Guarded, counted: NDArray[np.bool_] | None = None) -> None:
        """Count the rows of ``guarded``, or those where ``counted``, bool (n,), is true."""
        rows = np.ones(len(guarded.mask), dtype=bool) if counted is None else counted
        self._decisions += int(np.count_nonzero(rows))
        for taken in guarded.taken:
            actions = taken.actions & rows[:, None]
            found = np.array(
                [guarded.proposed[actions].sum(), np.count_nonzero(actions.any(axis=1))]
            )
            key = (taken.guardrail, taken.reason)
            self._sums[key] = self._sums.get(key, np.zeros(2)) + found

    def took(self) -> tuple[Took, ...]:
        """One row per guardrail and reason, in the order of the engine."""
        of = max(self._decisions, 1)
        return tuple(
            Took(guardrail=guardrail, reason=reason, mass=float(mass / of), rows=float(rows / of))
            for (guardrail, reason), (mass, rows) in self._sums.items()
        )
