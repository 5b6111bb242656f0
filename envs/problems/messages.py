"""House rules of a plain programme: which journey goes first, which step is in turn.

The smaller decision problems leave one part of the decision to the learner and the rest to
rules any firm could write down, because they use nothing but what it observes:

- **Priority.** Service recovery goes before all, since nothing else should reach a customer
  with an open ticket; then the journeys in the scenario's order; journeys without conditions,
  which are always on, go last.
- **Turn.** A journey's steps take turns, one a day: on day d of the episode step
  ``1 + d mod S`` of its S steps.
- **Preference.** A customer prefers the channel on which their smoothed click rate is highest
  relative to the channel's usual rate: the largest standardised ``response_<channel>`` of the
  observation, the first of equals in the order of the channels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from envs.base import bits
from simulator.model.offers import SERVICE_RECOVERY
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS

Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class Messages:
    """The M messages of a catalogue, one per step of a journey, and how they can be sent.

    Attributes:
        names: ``journey/step`` of each message.
        journey: int64 (M,), the journey of each message.
        share: float32 (M,), its step over the journey's number of steps.
        columns: int64 (M, R), columns of the catalogue it can be sent as, 0 behind the last.
        bits: uint64 (M, W), the same; see :mod:`envs.base.bits`.
        priority: int64 (J,), journeys from the most to the least pressing.
        first: int64 (J,), each journey's first message; its steps follow.
        steps: int64 (J,), each journey's number of steps.
        channel: int64 (K,), of each column of the catalogue.
        response: int64 (C,), observation column of each channel's response; 0 for *none*.
    """

    names: tuple[str, ...]
    journey: Int64
    share: NDArray[np.float32]
    columns: Int64
    bits: bits.Words
    priority: Int64
    first: Int64
    steps: Int64
    channel: Int64
    response: Int64

    @classmethod
    def of(cls, scenario: Scenario) -> Messages:
        """The messages of a scenario's catalogue."""
        catalogue, seen = scenario.catalogue, scenario.schema.columns
        steps = np.array([len(scenario.journeys[j].steps) for j in catalogue.journeys])
        first = np.cumsum(steps) - steps
        pairs = [(j, s) for j, count in enumerate(steps) for s in range(count)]
        step = np.array([action.step for action in catalogue.actions[1:]])
        message = first[catalogue.journey[1:]] + step - 1
        sets = [1 + np.flatnonzero(message == m) for m in range(len(pairs))]
        return cls(
            names=tuple(f"{catalogue.journeys[j]}/{s + 1}" for j, s in pairs),
            journey=np.array([j for j, _ in pairs]),
            share=np.array([(s + 1) / steps[j] for j, s in pairs], dtype=np.float32),
            columns=padded(sets),
            bits=bits.of_sets(sets, len(catalogue)),
            priority=np.array(sorted(range(len(steps)), key=lambda j: _rank(scenario, j))),
            first=first,
            steps=steps,
            channel=catalogue.channel,
            response=np.array([0, *(seen.index(f"response_{c}") for c in CHANNELS[1:])]),
        )

    def in_turn(self, day: int) -> Int64:
        """int64 (J,): the day's message of each journey, the most pressing first."""
        turn: Int64 = (self.first + day % self.steps)[self.priority]
        return turn


def padded(sets: Sequence[Sequence[int] | Int64]) -> Int64:
    """int64 (S, R): sets of columns as rows, 0 behind the last of each; R is at least 1."""
    rows = np.zeros((len(sets), max(1, *(len(s) for s in sets))), dtype=np.int64)
    for row, columns in zip(rows, sets, strict=True):
        row[: len(columns)] = columns
    return rows


def _rank(scenario: Scenario, journey: int) -> tuple[int, int]:
    name = scenario.catalogue.journeys[journey]
    if name == SERVICE_RECOVERY:
        return 0, journey
    return (1 if scenario.journeys[name].when else 2), journey
