"""Plain contacts: what a programme sends while something else about it is being decided.

Every member is contacted once a week, on a weekday of his own (his number modulo 7), with the
most pressing message that can reach him: the journeys in order of priority, the step in turn
or the next that has an eligible channel, on the channel of it that he prefers. The rules are
those of :mod:`envs.messages`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs import layouts
from envs.messages import Messages
from envs.problem import Morning
from simulator.scenarios import Scenario


class PlainContacts:
    """The rule above under a scenario's catalogue."""

    def __init__(self, scenario: Scenario) -> None:
        self._messages = Messages.of(scenario)

    def choose(self, morning: Morning, first_customer: int) -> NDArray[np.int64]:
        """The day's contacts, int64 (n,) columns of the catalogue; 0 is *no contact*.

        Args:
            morning: what is seen.
            first_customer: number of the first of the n customers.
        """
        messages = self._messages
        chosen = np.empty(len(morning.eligible), dtype=np.int64)
        layouts.send_plainly(
            chosen,
            first_customer,
            messages.priority,
            morning.eligible,
            morning.encoded,
            messages.response,
            morning.day,
            messages.first,
            messages.steps,
            messages.columns,
            messages.channel,
        )
        return chosen
