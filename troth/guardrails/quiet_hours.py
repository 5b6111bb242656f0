"""Quiet hours: some channels do not disturb a customer at night, by the customer's clock."""

from __future__ import annotations

from datetime import time

import numpy as np

from troth.catalogue import CHANNELS, Catalogue
from troth.guardrails.columns import UNKNOWN_MINUTE, FactsBatch
from troth.guardrails.config import QuietHoursConfig
from troth.guardrails.guardrail import Refusal, by_channel


class QuietHours:
    """Refuses the configured channels from ``start`` until just before ``end``, local time.

    A customer whose time zone is unknown might be asleep, so the same channels are refused
    at any hour (``unknown_time_zone``).
    """

    name = "quiet_hours"

    def __init__(self, config: QuietHoursConfig) -> None:
        self._start = _minute(config.start)
        self._end = _minute(config.end)
        self._channels = np.isin(np.array(CHANNELS), np.array(config.channels))

    def refusals(self, catalogue: Catalogue, facts: FactsBatch) -> tuple[Refusal, ...]:
        """See :class:`troth.guardrails.guardrail.Guardrail`."""
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


def _minute(moment: time) -> int:
    return moment.hour * 60 + moment.minute
