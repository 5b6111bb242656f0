"""``troth/JourneyArbitration-v0``: which of the journeys that want a customer may speak."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.base.customer import CustomerEnv
from envs.base.population import PopulationEnv
from envs.base.problem import NOTHING_GIVEN, Given, Morning, ProblemFactory
from envs.problems import layouts
from envs.problems.messages import Messages
from simulator.scenarios import Scenario


class JourneyArbitration:
    """One contact per triggered journey: its step in turn, on the preferred channel.

    A step that can reach the customer on no channel gives its turn to the next; see
    :mod:`envs.problems.messages`.
    """

    whole = False

    def __init__(self, scenario: Scenario) -> None:
        self._messages = Messages.of(scenario)
        self.actions = ("none", *scenario.catalogue.journeys)
        self.extras = tuple(f"step_of={journey}" for journey in scenario.catalogue.journeys)

    def see(self, morning: Morning, mask: NDArray[np.bool_], extras: NDArray[np.float32]) -> Given:
        """Nothing is given; extras (J, n) tell the step each journey would send."""
        messages = self._messages
        layouts.see_journeys(
            mask,
            extras,
            morning.words,
            morning.day,
            messages.first,
            messages.steps,
            messages.bits,
        )
        return NOTHING_GIVEN

    def contacts(
        self, morning: Morning, given: Given, actions: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """What the journey of the action would send."""
        messages = self._messages
        served = np.empty(len(actions), dtype=np.int64)
        layouts.send(
            served,
            actions,
            morning.eligible,
            morning.encoded,
            messages.response,
            morning.day,
            messages.first,
            messages.steps,
            messages.columns,
            messages.channel,
        )
        return served


class JourneyArbitrationEnv(CustomerEnv):
    """One customer whom several journeys want, and one of them to choose each day.

    ## Description
    The world of :class:`envs.problems.next_best_action.NextBestActionEnv`. Each triggered journey
    would send its step in turn (step ``1 + day mod S`` of S, or the next one that can reach
    the customer) with that step's offer, on the channel of that step on which they have clicked
    most relative to what is usual there. What is left to decide is which journey may.

    ## Action Space
    ``Discrete(J + 1)``: 0 is *no contact*, then the journeys of the catalogue. Those that are
    triggered and can reach them are in ``info["action_mask"]``; any other is served as *no
    contact*, and ``info["refused"]`` says so.

    ## Observation Space
    ``Box`` float32 ``(D + J,)``: the encoded features, then for each journey the step it would
    send over its number of steps; 0 where it cannot.

    ## Rewards
    As in :class:`envs.problems.next_best_action.NextBestActionEnv`.

    ## Episode End
    Never terminates; truncates after ``horizon_days``.

    ## Arguments
    As in :class:`envs.problems.next_best_action.NextBestActionEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = JourneyArbitration


class JourneyArbitrationVectorEnv(PopulationEnv):
    """``num_envs`` customers at once; see :class:`JourneyArbitrationEnv`.

    ## Description
    See :class:`JourneyArbitrationEnv` and :class:`envs.base.population.PopulationEnv`.

    ## Action Space
    ``MultiDiscrete([J + 1] * num_envs)``; ``info["action_mask"]`` is bool
    ``(num_envs, J + 1)``.

    ## Observation Space
    ``Box`` float32 ``(num_envs, D + J)``.

    ## Rewards
    float64 ``(num_envs,)``, major units.

    ## Episode End
    All together at the horizon, with ``AutoresetMode.SAME_STEP``.

    ## Arguments
    ``num_envs`` (1): customers. The others as in :class:`JourneyArbitrationEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = JourneyArbitration
