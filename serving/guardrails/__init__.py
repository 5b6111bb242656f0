"""Guardrails: deterministic maps that take refused actions out of a distribution.

Each guardrail says which actions the facts about a customer forbid. None of them draws,
reads a clock or touches a store, so that a decision can be judged again from its record.
Whatever is unknown about a person counts as a refusal; *no contact* is never refused.
"""

from serving.guardrails.config import GuardrailConfig
from serving.guardrails.engine import GuardrailEngine
from serving.guardrails.facts import Contact, Facts, FactsBatch
from serving.guardrails.guarded import GuardedPolicy
from serving.guardrails.guardrail import Guardrail, Refusal

__all__ = [
    "Contact",
    "Facts",
    "FactsBatch",
    "GuardedPolicy",
    "Guardrail",
    "GuardrailConfig",
    "GuardrailEngine",
    "Refusal",
]
