"""``troth/OfferChoice-v0``: which offer a customer gets on a given channel."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs import loops
from envs.customer import CustomerEnv
from envs.messages import Messages
from envs.population import PopulationEnv
from envs.problem import Morning, ProblemFactory
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS


class OfferChoice:
    """The offers of the triggered journeys on the channel the customer prefers.

    An offer that several journeys make comes from the most pressing of them, and within one
    from the earliest step; see :mod:`envs.messages`.
    """

    def __init__(self, scenario: Scenario) -> None:
        catalogue, messages = scenario.catalogue, Messages.of(scenario)
        offers = tuple(dict.fromkeys(action.offer for action in catalogue.actions))
        self.actions = offers
        self.extras = tuple(f"channel={channel}" for channel in CHANNELS[1:])
        self._offer = np.array([offers.index(a.offer) for a in catalogue.actions], dtype=np.int64)
        self._channel = catalogue.channel
        self._response = messages.response
        self._ordered = np.concatenate(
            [
                messages.actions[
                    messages.start[messages.first[j]] : messages.start[
                        messages.first[j] + messages.steps[j]
                    ]
                ]
                for j in messages.priority
            ]
        )

    def lay_out(self, morning: Morning, extras: NDArray[np.float32]) -> NDArray[np.int64]:
        """Int64 (n, A), one column per offer; extras (8, n) are one-hot, the channel given."""
        columns = np.empty((len(morning.eligible), len(self.actions)), dtype=np.int64)
        loops.lay_out_offers(
            columns,
            extras,
            morning.eligible,
            morning.encoded,
            self._response,
            self._ordered,
            self._channel,
            self._offer,
        )
        return columns


class OfferChoiceEnv(CustomerEnv):
    """One customer, one channel a day, and the offer to choose.

    ## Description
    The world of :class:`envs.next_best_action.NextBestActionEnv`. A rule gives each morning's
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
    As in :class:`envs.next_best_action.NextBestActionEnv`.

    ## Episode End
    Never terminates; truncates after ``horizon_days``.

    ## Arguments
    As in :class:`envs.next_best_action.NextBestActionEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = OfferChoice


class OfferChoiceVectorEnv(PopulationEnv):
    """``num_envs`` customers at once; see :class:`OfferChoiceEnv`.

    ## Description
    See :class:`OfferChoiceEnv` and :class:`envs.population.PopulationEnv`.

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
