"""``troth/NextBestAction-v0``: each morning, what to say to each customer, or nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.cohort import Cohort, RewardKind, observation_space
from simulator.scenarios import Scenario
from simulator.world import World
from troth.objective import Objective

Observation = NDArray[np.float32]


class NextBestActionEnv(gymnasium.Env[Any, Any]):
    """One customer of a loyalty programme, one decision a day.

    ## Description
    A member of the programme lives in the world of a scenario: he buys, tires of contacts,
    complains, withdraws permissions, leaves. Each morning one action of the catalogue, or *no
    contact*, is chosen. What he thinks and whether he has left for good stays hidden; the
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
    The whole response to a contact falls on its day.

    ## Episode End
    Never terminates; truncates after ``horizon_days``. Each reset brings another customer;
    ``reset(seed=...)`` starts over with the first of that seed.

    ## Arguments
    ``scenario`` ("reference"): name, path or ``Scenario``. ``horizon_days`` (90).
    ``reward`` ("sampled"): or "expected". ``objective`` (None): weights, the scenario's.

    ## Version History
    v0: first version.
    """

    metadata: ClassVar[dict[str, Any]] = {"render_modes": []}  # type: ignore[misc]

    def __init__(
        self,
        *,
        scenario: Scenario | str | Path = "reference",
        horizon_days: int = 90,
        reward: RewardKind = "sampled",
        objective: Objective | None = None,
    ) -> None:
        self._cohort = Cohort(1, scenario, horizon_days, reward, objective)
        self.observation_space = observation_space(self._cohort.scenario.schema)
        self.action_space = spaces.Discrete(len(self._cohort.scenario.catalogue))

    @property
    def world(self) -> World:
        """The running episode's world, one customer wide."""
        return self._cohort.world

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (K,): eligible actions this morning."""
        mask: NDArray[np.bool_] = self.world.mask()[0]
        return mask

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with another customer; see *Episode End*."""
        super().reset(seed=seed, options=options)
        _seed(self._cohort, seed, self.np_random)
        self._cohort.begin()
        return self._cohort.observation()[0], {"action_mask": self.action_masks()}

    def step(self, action: np.int64 | int) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Serve ``action`` and live the day.

        Raises:
            InvalidArgument: if ``action`` is outside the catalogue.
        """
        rewards, over, facts = self._cohort.advance(np.array([action]))
        info = {name: values[0] for name, values in facts.items()}
        info["action_mask"] = self.action_masks()
        return self._cohort.observation()[0], float(rewards[0]), False, over, info


class NextBestActionVectorEnv(VectorEnv[Observation, NDArray[np.int64], NDArray[Any]]):
    """``num_envs`` customers at once, in one population: a day is one call.

    ## Description
    See :class:`NextBestActionEnv`. Customers do not influence each other; customer i of
    episode e is number ``e * num_envs + i`` of the seed's population.

    ## Action Space
    ``MultiDiscrete([K] * num_envs)``; ``info["action_mask"]`` is bool ``(num_envs, K)``.

    ## Observation Space
    ``Box`` float32 ``(num_envs, D)``.

    ## Rewards
    float64 ``(num_envs,)``, major units.

    ## Episode End
    All customers' episodes are truncated together at the horizon, and the same step returns
    the first observation of a fresh cohort (``AutoresetMode.SAME_STEP``); the last one of the
    old cohort is in ``info["final_obs"]``, float32 ``(num_envs, D)``, its facts in
    ``info["final_info"]``, with ``info["_final_obs"]`` all true.

    ## Arguments
    ``num_envs`` (1): customers. The others as in :class:`NextBestActionEnv`.

    ## Version History
    v0: first version.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": [],
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        scenario: Scenario | str | Path = "reference",
        horizon_days: int = 90,
        reward: RewardKind = "sampled",
        objective: Objective | None = None,
    ) -> None:
        self._cohort = Cohort(num_envs, scenario, horizon_days, reward, objective)
        self.num_envs = num_envs
        self.single_observation_space = observation_space(self._cohort.scenario.schema)
        self.single_action_space = spaces.Discrete(len(self._cohort.scenario.catalogue))
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    @property
    def world(self) -> World:
        """The running episode's world."""
        return self._cohort.world

    @property
    def scenario(self) -> Scenario:
        """The parameters."""
        return self._cohort.scenario

    def action_masks(self) -> NDArray[np.bool_]:
        """Bool (num_envs, K): eligible actions this morning."""
        return self.world.mask()

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with another cohort, or with the first one of ``seed``."""
        super().reset(seed=seed, options=options)
        _seed(self._cohort, seed, self.np_random)
        self._cohort.begin()
        return self._cohort.observation(), {"action_mask": self.action_masks()}

    def step(
        self, actions: NDArray[np.int64]
    ) -> tuple[
        Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        """Serve one action each and live the day; see *Episode End*.

        Raises:
            InvalidArgument: if an action is outside the catalogue.
        """
        rewards, over, facts = self._cohort.advance(actions)
        info: dict[str, Any] = facts
        if over:
            everyone = np.ones(self.num_envs, dtype=bool)
            facts["action_mask"] = self.action_masks()
            info = {
                "final_obs": self._cohort.observation(),
                "_final_obs": everyone,
                "final_info": facts,
                "_final_info": everyone,
            }
            self._cohort.begin()
        info["action_mask"] = self.action_masks()
        ended = np.full(self.num_envs, over)
        return self._cohort.observation(), rewards, np.zeros_like(ended), ended, info


def _seed(cohort: Cohort, seed: int | None, rng: np.random.Generator) -> None:
    if seed is not None:
        cohort.seed(seed)
    elif not cohort.seeded:
        cohort.seed(int(rng.integers(2**63)))
