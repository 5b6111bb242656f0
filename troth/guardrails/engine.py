"""All guardrails together: what is left of an action set, and who took what away."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import NO_CONTACT, Catalogue
from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails.columns import FactsBatch
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.consent import Consent
from troth.guardrails.frequency_cap import FrequencyCap
from troth.guardrails.guardrail import Guardrail
from troth.guardrails.quiet_hours import QuietHours
from troth.guardrails.repeat import Repeat
from troth.policy import Mask


def standard_guardrails(config: GuardrailConfig) -> tuple[Guardrail, ...]:
    """The guardrails of ``config``, in the order in which refusals are attributed."""
    return (
        Consent(),
        QuietHours(config.quiet_hours),
        FrequencyCap(config.frequency_cap),
        Repeat(),
    )


@dataclass(frozen=True, slots=True)
class Taken:
    """Candidates that one guardrail took away for one reason.

    Attributes:
        guardrail: its name.
        reason: why, as a slug.
        actions: bool (n, K), candidates that no guardrail before it had refused.
    """

    guardrail: str
    reason: str
    actions: NDArray[np.bool_]


class GuardrailEngine:
    """The guardrails of one configuration.

    Args:
        config: what they are told; its digest names this engine.
    """

    def __init__(self, config: GuardrailConfig) -> None:
        self.config = config
        self.guardrails = standard_guardrails(config)

    @property
    def digest(self) -> str:
        """Digest of the configuration."""
        return self.config.digest

    @cached_property
    def reach_us(self) -> int:
        """How far from a decision contacts matter, microseconds."""
        return self.config.window // timedelta(microseconds=1)

    def judge(
        self, candidates: Mask, catalogue: Catalogue, facts: FactsBatch
    ) -> tuple[Mask, tuple[Taken, ...]]:
        """What is left of the candidates, and who took the rest.

        An action refused by several guardrails is attributed to the first of them.

        Args:
            candidates: bool (n, K).
            catalogue: the K actions.
            facts: n customers.

        Returns:
            The mask bool (n, K), and for each guardrail and reason, whether or not it took
            anything, what it took.

        Raises:
            InvalidArgument: if the facts are of another catalogue or number of customers, or
                *no contact* is no candidate.
            FailedPrecondition: if the facts list contacts less far than a cap reaches.
        """
        if facts.granted_today.shape != candidates.shape:
            raise InvalidArgument(
                f"shape {facts.granted_today.shape} is not {candidates.shape}",
                field="facts.granted_today",
            )
        self._require_reach(facts)
        left = candidates.copy()
        taken = []
        for guardrail in self.guardrails:
            for refusal in guardrail.refusals(catalogue, facts):
                taken.append(Taken(guardrail.name, refusal.reason, left & refusal.blocked))
                left &= ~refusal.blocked
        if not left[:, NO_CONTACT].all():
            raise InvalidArgument("no contact must always be eligible", field="mask")
        return left, tuple(taken)

    def _require_reach(self, facts: FactsBatch) -> None:
        short = facts.listed_us < self.reach_us
        if short.any():
            row = int(np.argmax(short))
            hours = int(facts.listed_us[row]) / 3.6e9
            raise FailedPrecondition(
                f"contacts are listed {hours:g} hours far in row {row}; these guardrails look "
                f"{self.reach_us / 3.6e9:g} hours far",
                field="facts.listed_us",
            )
