"""Consent: a channel is used only where the customer is known to permit it."""

from __future__ import annotations

from troth.catalogue import Catalogue
from troth.guardrails.columns import DENIED, GRANTED, FactsBatch
from troth.guardrails.guardrail import Guardrail, Refusal, by_channel


class Consent(Guardrail):
    """Refuses channels whose permission is denied (``no_consent``) or not known.

    There is nothing to configure: no setting makes a missing permission a permission.
    """

    name = "consent"
    needs = frozenset({"permissions"})
    goes_by_channel = True

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :meth:`troth.guardrails.guardrail.Guardrail.refusals`."""
        denied = facts.permissions == DENIED
        unknown = ~(denied | (facts.permissions == GRANTED))
        return (
            Refusal("no_consent", by_channel(denied, catalogue)),
            Refusal("unknown_consent", by_channel(unknown, catalogue)),
        )
