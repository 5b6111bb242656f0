"""Repeats: the same action reaches the same customer once a day at most."""

from __future__ import annotations

from troth.catalogue import NO_CONTACT, Catalogue
from troth.guardrails.columns import FactsBatch
from troth.guardrails.guardrail import Refusal


class Repeat:
    """Refuses an action that was already granted on the customer's calendar day.

    The day is the customer's in the zone they are in and in the one they were in then. The
    ledger says the same when it books; this guardrail says it before the draw, so that the
    propensity knows of it.
    """

    name = "repeat"

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :class:`troth.guardrails.guardrail.Guardrail`."""
        blocked = facts.granted_today.copy()
        blocked[:, NO_CONTACT] = False
        return (Refusal("granted_today", blocked),)
