"""Repeats: the same action reaches the same customer once a day at most."""

from __future__ import annotations

import numpy as np

from serving.guardrails.facts import FactsBatch
from serving.guardrails.guardrail import Refusal
from troth.catalogue import NO_CONTACT, Catalogue


class Repeat:
    """Refuses an action that was already granted on the customer's calendar day.

    The day is the customer's in the zone they are in and in the one they were in then. The
    ledger says the same when it books; this guardrail says it before the draw, so that the
    propensity knows of it.
    """

    name = "repeat"

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :class:`serving.guardrails.guardrail.Guardrail`."""
        blocked = np.zeros((len(facts), len(catalogue)), dtype=bool)
        for row, granted in enumerate(facts.granted_today):
            if granted:
                blocked[row] = [action.action_id in granted for action in catalogue.actions]
        blocked[:, NO_CONTACT] = False
        return (Refusal("granted_today", blocked),)
