"""``troth/OfferChoice-v0``: which offer a customer gets on a given channel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.base import bits
from envs.base.customer import CustomerEnv
from envs.base.population import PopulationEnv
from envs.base.problem import Given, Morning, ProblemFactory
from envs.problems import layouts
from envs.problems.messages import Messages, padded
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS


class OfferChoice:
    """The offers of the triggered journeys on the channel the customer prefers.

    An offer that several journeys make comes from the most pressing of them, and within one
    from the earliest step; see :mod:`envs.problems.messages`.
    """

    whole = False

    def __init__(self, scenario: Scenario) -> None:
        catalogue, messages = scenario.catalogue, Messages.of(scenario)
        self.actions = tuple(dict.fromkeys(action.offer for action in catalogue.actions))
        self.extras = tuple(f"channel={channel}" for channel in CHANNELS[1:])
        self._response = messages.response
        pressing = [
            messages.first[j] + s for j in messages.priority for s in range(messages.steps[j])
        ]
        ordered = [int(k) for m in pressing for k in messages.columns[m] if k > 0]
        sets = [
            [k for k in ordered if messages.channel[k] == c and catalogue.actions[k].offer == offer]
            for c in range(len(CHANNELS))
            for offer in self.actions
        ]
        shape = (len(CHANNELS), len(self.actions), -1)
        self._candidates = padded(sets).reshape(shape)
        words = bits.of_sets(sets, len(catalogue)).reshape(shape)
        self._channels = np.bitwise_or.reduce(words, axis=1)
        self._offers = np.ascontiguousarray(words.transpose(1, 2, 0))

    def see(self, morning: Morning, mask: NDArray[np.bool_], extras: NDArray[np.float32]) -> Given:
        """The channel given, 0 where there is none; extras (8, n) are one-hot, the same."""
        given = np.empty(len(mask), dtype=np.int32)
        layouts.see_channel(
            given,
            mask,
            extras,
            morning.words,
            morning.encoded,
            self._response,
            self._channels,
            self._offers,
        )
        return given

    def contacts(
        self, morning: Morning, given: Given, actions: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The offer of the action on the channel given, from the most pressing journey."""
        served = np.empty(len(actions), dtype=np.int64)
        layouts.first_eligible(served, actions, given, morning.eligible, self._candidates)
        return served


class OfferChoiceEnv(CustomerEnv):
    """One customer, one channel a day, and the offer to choose.

    ## Description
    The world of :class:`envs.problems.next_best_action.NextBestActionEnv`. A rule gives each
    morning's
    channel: of those that are permitted and on which a triggered journey has something to
    say, the one on which the customer has clicked most relative to what is usual there. What
    is left to decide is the offer; one that several journeys make comes from the most
    pressing of them.

    ## Action Space
    ``Discrete(O + 1)``: 0 is *no contact*, then the scenario's offers in the order of the
    catalogue. Those that can be made on the channel given are in ``info["action_mask"]``; any
    other is served as *no contact*, and ``info["refused"]`` says so.

    ## Observation Space
    ``Box`` float32 ``(D + 8,)``: the encoded features, then one column per channel, 1 for the
    one given; all 0 where there is none.

    ## Rewards
    As in :class:`envs.problems.next_best_action.NextBestActionEnv`.

    ## Episode End
    Never terminates; truncates after ``horizon_days``.

    ## Arguments
    As in :class:`envs.problems.next_best_action.NextBestActionEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = OfferChoice


class OfferChoiceVectorEnv(PopulationEnv):
    """``num_envs`` customers at once; see :class:`OfferChoiceEnv`.

    ## Description
    See :class:`OfferChoiceEnv` and :class:`envs.base.population.PopulationEnv`.

    ## Action Space
    ``MultiDiscrete([O + 1] * num_envs)``; ``info["action_mask"]`` is bool
    ``(num_envs, O + 1)``.

    ## Observation Space
    ``Box`` float32 ``(num_envs, D + 8)``.

    ## Rewards
    float64 ``(num_envs,)``, major units.

    ## Episode End
    All together at the horizon, with ``AutoresetMode.SAME_STEP``.

    ## Arguments
    ``num_envs`` (1): customers. The others as in :class:`OfferChoiceEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = OfferChoice
