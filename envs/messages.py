"""House rules of a plain programme: which journey goes first, which step is in turn.

The smaller decision problems leave one part of the decision to the learner and the rest to
rules any firm could write down, because they use nothing but what it observes:

- **Priority.** Service recovery goes before all, since nothing else should reach a customer
  with an open ticket; then the journeys in the scenario's order; journeys without conditions,
  which are always on, go last.
- **Turn.** A journey's steps take turns, one a day: on day d of the episode step
  ``1 + d mod S`` of its S steps.
- **Preference.** A customer prefers the channel on which his smoothed click rate is highest
  relative to the channel's usual rate: the largest standardised ``response_<channel>`` of the
  observation, the first of equals in the order of the channels.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.offers import SERVICE_RECOVERY
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Messages:
    """The M messages of a catalogue, one per step of a journey, and the actions they offer.

    Attributes:
        names: ``journey/step`` of each message.
        priority: int64 (J,), journeys from the most to the least pressing.
        first: int64 (J,), each journey's first message; its steps follow.
        steps: int64 (J,), each journey's number of steps.
        start: int64 (M + 1,), message m offers ``actions[start[m]:start[m + 1]]``.
        actions: int64 (K - 1,), columns of the catalogue, message by message.
        response: int64 (C,), observation column of each channel's response; 0 for *none*.
    """

    names: tuple[str, ...]
    priority: Int64
    first: Int64
    steps: Int64
    start: Int64
    actions: Int64
    response: Int64

    @classmethod
    def of(cls, scenario: Scenario) -> Messages:
        """The messages of a scenario's catalogue."""
        catalogue, columns = scenario.catalogue, scenario.schema.columns
        steps = np.array([len(scenario.journeys[j].steps) for j in catalogue.journeys])
        first = np.concatenate(([0], np.cumsum(steps)[:-1]))
        step = np.array([action.step for action in catalogue.actions[1:]])
        message = first[catalogue.journey[1:]] + step - 1
        names = [
            f"{j}/{s + 1}" for j, n in zip(catalogue.journeys, steps, strict=True) for s in range(n)
        ]
        return cls(
            names=tuple(names),
            priority=np.array(sorted(range(len(steps)), key=lambda j: _rank(scenario, j))),
            first=first.astype(np.int64),
            steps=steps.astype(np.int64),
            start=np.searchsorted(np.sort(message), np.arange(len(names) + 1)).astype(np.int64),
            actions=1 + np.argsort(message, kind="stable").astype(np.int64),
            response=np.array([0, *(columns.index(f"response_{c}") for c in CHANNELS[1:])]),
        )

    def in_turn(self, day: int) -> Int64:
        """int64 (J,): each journey's message of the day, in the catalogue's order of journeys."""
        turn: Int64 = self.first + day % self.steps
        return turn


def _rank(scenario: Scenario, journey: int) -> tuple[int, int]:
    name = scenario.catalogue.journeys[journey]
    if name == SERVICE_RECOVERY:
        return 0, journey
    return (1 if scenario.journeys[name].when else 2), journey
