"""``troth/ChannelSelection-v0``: on which channel a given message goes."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.base.customer import CustomerEnv
from envs.base.population import PopulationEnv
from envs.base.problem import Given, Morning, ProblemFactory
from envs.problems import layouts
from envs.problems.messages import Messages
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS


class ChannelSelection:
    """The channels of the most pressing message that can reach the customer today.

    The message is the first in priority, each journey represented by its step in turn, that
    has an eligible channel; see :mod:`envs.problems.messages`. Where none has, *no contact* is all
    there is.
    """

    whole = False

    def __init__(self, scenario: Scenario) -> None:
        messages = Messages.of(scenario)
        self.actions = tuple(str(channel) for channel in CHANNELS)
        self.extras = tuple(f"step_of={journey}" for journey in scenario.catalogue.journeys)
        self._messages = messages
        # The last row is for customers whom no message can reach.
        self._table = np.zeros((len(messages.names) + 1, len(CHANNELS)), dtype=np.int64)
        for m, columns in enumerate(messages.columns):
            for k in columns[columns > 0]:
                self._table[m, messages.channel[k]] = k
        self._candidates = self._table[:, :, None].copy()

    def see(self, morning: Morning, mask: NDArray[np.bool_], extras: NDArray[np.float32]) -> Given:
        """The message given, M where there is none; extras (J, n) tell its journey and step."""
        messages = self._messages
        given = np.empty(len(mask), dtype=np.int32)
        layouts.see_message(
            given,
            mask,
            extras,
            morning.eligible,
            morning.words,
            messages.in_turn(morning.day),
            messages.bits,
            messages.journey,
            messages.share,
            self._table,
        )
        return given

    def contacts(
        self, morning: Morning, given: Given, actions: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The message on the channel of the action."""
        served = np.empty(len(actions), dtype=np.int64)
        layouts.first_eligible(served, actions, given, morning.eligible, self._candidates)
        return served


class ChannelSelectionEnv(CustomerEnv):
    """One customer, one message a day, and the channel to choose.

    ## Description
    The world of :class:`envs.problems.next_best_action.NextBestActionEnv`. A rule gives each
    morning's
    message: of the triggered journeys in order of priority (service recovery, then the
    scenario's order, then those that are always on), each with its step in turn
    (step ``1 + day mod S`` of S), the first that can reach the customer at all. What is left
    to decide is the channel.

    ## Action Space
    ``Discrete(9)``: 0 is *no contact*, then the eight channels of
    :data:`troth.catalogue.CHANNELS`. Those that the message goes on, that are permitted and
    under the frequency cap are in ``info["action_mask"]``; any other is served as *no
    contact*, and ``info["refused"]`` says so.

    ## Observation Space
    ``Box`` float32 ``(D + J,)``: the encoded features, then one column per journey, for that
    of the message given its step over the journey's steps; all 0 where there is none.

    ## Rewards
    As in :class:`envs.problems.next_best_action.NextBestActionEnv`.

    ## Episode End
    Never terminates; truncates after ``horizon_days``.

    ## Arguments
    As in :class:`envs.problems.next_best_action.NextBestActionEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = ChannelSelection


class ChannelSelectionVectorEnv(PopulationEnv):
    """``num_envs`` customers at once; see :class:`ChannelSelectionEnv`.

    ## Description
    See :class:`ChannelSelectionEnv` and :class:`envs.base.population.PopulationEnv`.

    ## Action Space
    ``MultiDiscrete([9] * num_envs)``; ``info["action_mask"]`` is bool ``(num_envs, 9)``.

    ## Observation Space
    ``Box`` float32 ``(num_envs, D + J)``.

    ## Rewards
    float64 ``(num_envs,)``, major units.

    ## Episode End
    All together at the horizon, with ``AutoresetMode.SAME_STEP``.

    ## Arguments
    ``num_envs`` (1): customers. The others as in :class:`ChannelSelectionEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = ChannelSelection
