"""Frequency cap: so many contacts in so many hours, and no more."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
from pydantic import Field, field_validator

from troth.catalogue import CHANNELS, Catalogue
from troth.guardrails.columns import UNKNOWN_CHANNEL, FactsBatch
from troth.guardrails.guardrail import Guardrail, Refusal, by_channel
from troth.guardrails.sections import CONTACT_CHANNELS, Channels, GuardrailSection, places

_HOUR_US = 3_600_000_000


class CapRule(GuardrailSection):
    """At most ``contacts`` through ``channels`` together in any ``hours``."""

    hours: int = Field(ge=1, le=24 * 366)
    contacts: int = Field(ge=1, le=1000)
    channels: Channels = Field(default=CONTACT_CHANNELS, min_length=1)


class FrequencyCapConfig(GuardrailSection):
    """The caps; each one holds."""

    rules: tuple[CapRule, ...] = Field(min_length=1)

    @field_validator("rules")
    @classmethod
    def _in_one_order(cls, rules: tuple[CapRule, ...]) -> tuple[CapRule, ...]:
        """Each holds, so that their order says nothing, and must not change the digest."""
        return tuple(sorted(set(rules), key=lambda r: (r.hours, r.contacts, places(r.channels))))


class FrequencyCap(Guardrail):
    """Refuses a rule's channels once its contacts are used up.

    A contact counts if it lies less than ``hours`` before *or after* the decision: requests
    may arrive out of order of time, and every window that holds the new contact must stay
    within the cap. A contact whose channel is not known counts under every rule.
    """

    name = "frequency_cap"
    section = FrequencyCapConfig
    needs = frozenset({"contact_age_us", "contact_channel", "listed_us"})
    goes_by_channel = True

    def __init__(self, config: FrequencyCapConfig) -> None:
        self._longest = timedelta(hours=max(rule.hours for rule in config.rules))
        self._rules = [
            (
                f"over_{rule.contacts}_in_{rule.hours}h",
                np.isin(np.array(CHANNELS), np.array((*rule.channels, CHANNELS[UNKNOWN_CHANNEL]))),
                rule.hours * _HOUR_US,
                rule.contacts,
            )
            for rule in config.rules
        ]

    @property
    def reach(self) -> timedelta:
        """The longest rule."""
        return self._longest

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :meth:`troth.guardrails.guardrail.Guardrail.refusals`."""
        refusals = []
        for reason, channels, window_us, contacts in self._rules:
            counted = (facts.contact_age_us < window_us) & channels[facts.contact_channel]
            full = counted.sum(axis=1) >= contacts
            refusals.append(Refusal(reason, by_channel(full[:, None] & channels, catalogue)))
        return tuple(refusals)
