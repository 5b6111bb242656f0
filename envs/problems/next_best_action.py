"""``troth/NextBestAction-v0``: each morning, what to say to each customer, or nothing."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from envs.base.customer import CustomerEnv
from envs.base.population import PopulationEnv
from envs.base.problem import NOTHING_GIVEN, Given, Morning, ProblemFactory
from simulator.scenarios import Scenario


class NextBestAction:
    """The whole decision: the actions are the columns of the catalogue."""

    extras: tuple[str, ...] = ()
    whole = True

    def __init__(self, scenario: Scenario) -> None:
        self.actions = tuple(action.action_id for action in scenario.catalogue.actions)

    def see(self, morning: Morning, mask: NDArray[np.bool_], extras: NDArray[np.float32]) -> Given:
        """The world's mask."""
        mask[:] = morning.eligible
        return NOTHING_GIVEN

    def contacts(
        self, morning: Morning, given: Given, actions: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """The actions themselves."""
        return actions


class NextBestActionEnv(CustomerEnv):
    """One customer of a loyalty programme, one decision a day.

    ## Description
    A member of the programme lives in the world of a scenario: they buy, tire of contacts,
    complain, withdraw permissions, leave. Each morning one action of the catalogue, or *no
    contact*, is chosen. What they think and whether they have left for good stays hidden; the
    observation holds what a firm knows. Partially observed, episodic.

    ## Action Space
    ``Discrete(K)``: columns of the scenario's catalogue; 0 is *no contact*. Which are eligible
    (journey triggered, channel permitted, under the frequency cap) is in
    ``info["action_mask"]`` and :meth:`action_masks`. An ineligible action is served as *no
    contact*, and ``info["refused"]`` says so.

    ## Observation Space
    ``Box`` float32 ``(D,)``: the raw features of ``scenario.schema`` through the one encoder,
    standardised; bounds are the encodings of the raw bounds.

    ## Rewards
    Major units of money: margin less discounts, liability of promised points and cost of
    contact, and a price on withdrawn permissions, under the objective. ``reward="expected"``
    gives the expectation of the same given all hidden state: less variance, same optimum.
    All that a contact brings is credited to its day, even what comes later; see
    :class:`envs.wrappers.delayed_reward.DelayedReward`. :meth:`expected_rewards` is the truth.

    ## Episode End
    Never terminates; truncates after ``horizon_days``. Each reset brings another customer;
    ``reset(seed=...)`` starts over with the first of that seed.

    ## Arguments
    ``scenario`` ("reference"): name, path or ``Scenario``. ``horizon_days`` (90).
    ``reward`` ("sampled"): or "expected". ``objective`` (None): weights, the scenario's.
    ``threads`` (1): how many live a day; no number depends on it.
    ``render_mode`` (None): or "rgb_array", a dashboard of the episode.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = NextBestAction


class NextBestActionVectorEnv(PopulationEnv):
    """``num_envs`` customers at once; see :class:`NextBestActionEnv`.

    ## Description
    See :class:`NextBestActionEnv` and :class:`envs.base.population.PopulationEnv`.

    ## Action Space
    ``MultiDiscrete([K] * num_envs)``; ``info["action_mask"]`` is bool ``(num_envs, K)``.

    ## Observation Space
    ``Box`` float32 ``(num_envs, D)``.

    ## Rewards
    float64 ``(num_envs,)``, major units.

    ## Episode End
    All together at the horizon, with ``AutoresetMode.SAME_STEP``.

    ## Arguments
    ``num_envs`` (1): customers. The others as in :class:`NextBestActionEnv`.

    ## Version History
    v0: first version.
    """

    problem: ClassVar[ProblemFactory] = NextBestAction
