"""Frequency cap: so many contacts in so many hours, and no more."""

from __future__ import annotations

import numpy as np

from troth.catalogue import CHANNELS, Catalogue
from troth.guardrails.columns import UNKNOWN_CHANNEL, FactsBatch
from troth.guardrails.config import FrequencyCapConfig
from troth.guardrails.guardrail import Refusal, by_channel

_HOUR_US = 3_600_000_000


class FrequencyCap:
    """Refuses a rule's channels once its contacts are used up.

    A contact counts if it lies less than ``hours`` before *or after* the decision: requests
    may arrive out of order of time, and every window that holds the new contact must stay
    within the cap. A contact whose channel is not known counts under every rule.
    """

    name = "frequency_cap"

    def __init__(self, config: FrequencyCapConfig) -> None:
        self._rules = [
            (
                f"over_{rule.contacts}_in_{rule.hours}h",
                np.isin(np.array(CHANNELS), np.array((*rule.channels, CHANNELS[UNKNOWN_CHANNEL]))),
                rule.hours * _HOUR_US,
                rule.contacts,
            )
            for rule in config.rules
        ]

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :class:`troth.guardrails.guardrail.Guardrail`."""
        refusals = []
        for reason, channels, window_us, contacts in self._rules:
            counted = (facts.contact_age_us < window_us) & channels[facts.contact_channel]
            full = counted.sum(axis=1) >= contacts
            refusals.append(Refusal(reason, by_channel(full[:, None] & channels, catalogue)))
        return tuple(refusals)
