"""Quiet hours: some channels do not disturb a customer at night, by the customer's clock."""

from __future__ import annotations

from datetime import datetime, time
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from troth.catalogue import CHANNELS, Action, Catalogue
from troth.guardrails.columns import UNKNOWN_MINUTE, FactsBatch
from troth.guardrails.facts import Facts
from troth.guardrails.guardrail import Guardrail, Refusal, by_channel
from troth.guardrails.local_time import next_local
from troth.guardrails.sections import Channels, GuardrailSection


class QuietHoursConfig(GuardrailSection):
    """When not to disturb, by the customer's clock; the span may go over midnight."""

    start: time = Field(description="First quiet minute.")
    end: time = Field(description="First minute that is not quiet.")
    channels: Channels = Field(description="Channels that disturb.")

    @model_validator(mode="after")
    def _is_a_span(self) -> Self:
        if self.start == self.end:
            raise ValueError("start and end are the same minute")
        for moment in (self.start, self.end):
            if moment.second or moment.microsecond or moment.tzinfo:
                raise ValueError(f"{moment} is not a plain hour and minute")
        return self


class QuietHours(Guardrail):
    """Refuses the configured channels from ``start`` until just before ``end``, local time.

    A customer whose time zone is unknown might be asleep, so the same channels are refused
    at any hour (``unknown_time_zone``).
    """

    name = "quiet_hours"
    section = QuietHoursConfig
    needs = frozenset({"local_minute"})
    goes_by_channel = True

    def __init__(self, config: QuietHoursConfig) -> None:
        self._config = config
        self._start = _minute(config.start)
        self._end = _minute(config.end)
        self._channels = np.isin(np.array(CHANNELS), np.array(config.channels))

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :meth:`troth.guardrails.guardrail.Guardrail.refusals`."""
        minute = facts.local_minute
        unknown = minute == UNKNOWN_MINUTE
        if self._start < self._end:
            quiet = (minute >= self._start) & (minute < self._end)
        else:  # the span goes over midnight
            quiet = (minute >= self._start) | (minute < self._end)
        quiet &= ~unknown
        return (
            Refusal("quiet_hours", by_channel(quiet[:, None] & self._channels, catalogue)),
            Refusal("unknown_time_zone", by_channel(unknown[:, None] & self._channels, catalogue)),
        )

    def holds_until(self, action: Action, facts: Facts) -> datetime | None:
        """The next beginning of quiet hours, for channels that disturb."""
        if action.channel not in self._config.channels:
            return None
        return next_local(self._config.start, facts)


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
