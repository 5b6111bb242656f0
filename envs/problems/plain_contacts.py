"""Plain contacts: what a programme sends while something else about it is being decided.

Every member is contacted once a week, on a weekday of their own (their number modulo 7), with the
most pressing message that can reach them, on the cheapest channel of it: the journeys in order
of priority, the step in turn or the next that has an eligible channel; see
:mod:`envs.problems.messages`. Of channels that cost the same it takes the first that the step
lists.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from envs.problems import layouts
from envs.problems.messages import Messages
from simulator.scenarios import Scenario
from simulator.world import World


class PlainContacts:
    """The rule above under a scenario's catalogue."""

    def __init__(self, scenario: Scenario) -> None:
        self._messages = Messages.of(scenario)
        self._cost = scenario.catalogue.cost_minor

    def choose(self, world: World) -> NDArray[np.int64]:
        """The day's contacts, int64 (n,) columns of the catalogue; 0 is *no contact*."""
        messages = self._messages
        chosen = np.empty(world.size, dtype=np.int64)
        layouts.send_plainly(
            chosen,
            world.first_customer,
            messages.priority,
            world.mask(),
            world.day,
            messages.first,
            messages.steps,
            messages.columns,
            self._cost,
        )
        return chosen
