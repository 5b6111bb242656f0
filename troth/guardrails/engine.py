"""All guardrails together: what is left of an action set, and who took what away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import NO_CONTACT, Action, Catalogue
from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails import registry
from troth.guardrails.columns import FactsBatch
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.facts import Facts
from troth.guardrails.guardrail import Guardrail, Refusal
from troth.guardrails.told import require_told
from troth.policy import Mask
from troth.text import exception_text

log = logging.getLogger(__name__)


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
        self.guardrails = config.guardrails

    @property
    def digest(self) -> str:
        """Digest of the configuration."""
        return self.config.digest

    def columns(self, facts: Sequence[Facts], catalogue: Catalogue) -> FactsBatch:
        """What these guardrails read of n customers, whose contacts they had listed."""
        return FactsBatch.of(facts, catalogue, self.config.window, self.config.told)

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
            FailedPrecondition: if the facts list contacts less far than a cap reaches or lack
                what a guardrail is to be told, or a guardrail fails.
        """
        if facts.granted_today.shape != candidates.shape:
            raise InvalidArgument(
                f"shape {facts.granted_today.shape} is not {candidates.shape}",
                field="facts.granted_today",
            )
        self._require_reach(facts)
        require_told(self.config.told, facts.told)
        left = candidates.copy()
        taken = []
        for guardrail in self.guardrails:
            for refusal in _refusals(guardrail, catalogue, facts):
                taken.append(Taken(guardrail.name, refusal.reason, left & refusal.blocked))
                left &= ~refusal.blocked
        if not left[:, NO_CONTACT].all():
            raise InvalidArgument("no contact must always be eligible", field="mask")
        return left, tuple(taken)

    def reasons(
        self, column: int, catalogue: Catalogue, facts: FactsBatch, *, stands_in: bool = False
    ) -> tuple[str, ...]:
        """Every reason for which one customer would be refused a contact, in order; slugs.

        Args:
            column: of the contact.
            catalogue: its K actions.
            facts: one customer.
            stands_in: whether of the contact only id and channel are known. Guardrails that go
                by more are not asked.
        """
        found: list[str] = []
        for guardrail in self.guardrails:
            if stands_in and not guardrail.goes_by_channel:
                continue
            try:
                refusals = _refusals(guardrail, catalogue, facts)
            except FailedPrecondition:
                log.exception("a repeated answer is not given on a guess")
                found.append(f"{guardrail.name}_failed")
            else:
                found += [r.reason for r in refusals if r.blocked[0, column]]
        return tuple(found)

    def holds_until(self, action: Action, facts: Facts) -> datetime | None:
        """When a contact that is allowed now will be refused, as far as the clock alone tells.

        Args:
            action: a contact.
            facts: of one customer.

        Returns:
            The earliest that any guardrail says, aware UTC; ``None`` if none does. At once, if
            one cannot say.
        """
        ends = []
        for guardrail in self.guardrails:
            try:
                end = guardrail.holds_until(action, facts)
                if end is not None and end <= facts.decided_at:
                    raise ValueError(f"{end} is not after {facts.decided_at}")
            except (Exception, SystemExit):
                log.exception("guardrail %s cannot say until when it holds", guardrail.name)
                end = facts.decided_at
            if end is not None:
                ends.append(end)
        return min(ends, default=None)

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


def _refusals(guardrail: Guardrail, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
    """What one guardrail refuses; the answer of one of another package is looked at.

    Raises:
        FailedPrecondition: naming it, if it fails or gives something else.
    """
    if registry.own(guardrail.name) is not None:  # held to it by tests, and asked in each decision
        return guardrail.refusals(catalogue, facts)
    shape, field = facts.granted_today.shape, f"guardrails.{guardrail.name}"
    try:
        # Read-only: the others are to be told the same.
        refusals = tuple(guardrail.refusals(catalogue, facts.read_only()))
        for refusal in refusals:
            blocked = refusal.blocked
            if blocked.dtype != np.bool_ or blocked.shape != shape:
                raise TypeError(f"{blocked.dtype} {blocked.shape} is not bool {shape}")
            if not refusal.reason.isidentifier():
                raise ValueError(f"the reason {refusal.reason!r} is no slug")
            if blocked[:, NO_CONTACT].any():
                raise ValueError("it refuses no contact")
    except (Exception, SystemExit) as error:
        raise FailedPrecondition(
            f"the guardrail failed: {exception_text(error)}", field=field
        ) from error
    return refusals
