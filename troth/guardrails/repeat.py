"""Repeats: the same action reaches the same customer once a day at most."""

from __future__ import annotations

from datetime import timedelta

from troth.catalogue import NO_CONTACT, Catalogue
from troth.guardrails.columns import FactsBatch
from troth.guardrails.guardrail import Guardrail, Refusal


class Repeat(Guardrail):
    """Refuses an action that was already granted on the customer's calendar day.

    The day is the customer's in the zone they are in and in the one they were in then. The
    ledger says the same when it books; this guardrail says it before the draw, so that the
    propensity knows of it.
    """

    name = "repeat"
    needs = frozenset({"granted_today"})
    goes_by_channel = True

    @property
    def reach(self) -> timedelta:
        """Two days hold the customer's calendar day, whatever the zone."""
        return timedelta(days=2)

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :meth:`troth.guardrails.guardrail.Guardrail.refusals`."""
        blocked = facts.granted_today.copy()
        blocked[:, NO_CONTACT] = False
        return (Refusal("granted_today", blocked),)
