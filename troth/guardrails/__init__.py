"""Guardrails: deterministic maps from facts about customers to actions that are refused.

Each guardrail says which actions the facts about a customer forbid. None of them draws,
reads a clock or touches a store, so that a decision can be judged again from its record.
Whatever is unknown about a person counts as a refusal; *no contact* is never refused.
"""

from troth.guardrails.columns import FactsBatch
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.engine import GuardrailEngine
from troth.guardrails.facts import Contact, Facts
from troth.guardrails.guarded import Guarded, guard
from troth.guardrails.guardrail import Guardrail, Refusal, by_channel
from troth.guardrails.sections import Channels, GuardrailSection
from troth.guardrails.told import UNTOLD, ToldFact

__all__ = [
    "UNTOLD",
    "Channels",
    "Contact",
    "Facts",
    "FactsBatch",
    "Guarded",
    "Guardrail",
    "GuardrailConfig",
    "GuardrailEngine",
    "GuardrailSection",
    "Refusal",
    "ToldFact",
    "by_channel",
    "guard",
]
