"""``troth/ProgrammeDesign-v0``: the terms of a loyalty programme, set anew each week."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

import gymnasium
import numpy as np
from gymnasium import spaces
from gymnasium.vector import AutoresetMode, VectorEnv
from gymnasium.vector.utils import batch_space
from numpy.typing import NDArray

from envs.problems.programmes import KNOBS, WEEK, Programmes
from envs.rendering.dashboard import draw
from envs.rendering.modes import FRAMES_PER_SECOND, RENDER_MODES, checked_render_mode
from simulator.day.results import RewardKind
from simulator.scenarios import Scenario
from simulator.world import World
from troth.objective import Objective

Observation = NDArray[np.float32]
Knobs = NDArray[np.floating]


class _Views:
    """What both environments show of their programmes."""

    _programmes: Programmes

    @property
    def world(self) -> World:
        """The running episode's members."""
        return self._programmes.world

    @property
    def reward_kind(self) -> RewardKind:
        """What a step pays."""
        return self._programmes.reward

    @property
    def programmes(self) -> Programmes:
        """The episodes behind."""
        return self._programmes

    def booked_rewards(self) -> NDArray[np.float64]:
        """float64 (num_envs,): what the last week's books say per member, major units."""
        return self._programmes.booked()


class ProgrammeDesignEnv(_Views, gymnasium.Env[Any, Any]):
    """One loyalty programme, four knobs, a week at a time.

    ## Description
    The members of a programme live in the world of a scenario. Each week the programme's
    terms are set: how many points a unit of money earns, what a redeemed point is worth, from
    how many points it can be redeemed, how fast a challenge must be met. Generous terms make
    members come back and cost money now and later. Contacts follow a plain rule: every member
    once a week, on a weekday of their own, with the most pressing message that can reach them,
    on its cheapest channel; see :mod:`envs.problems.plain_contacts`.

    ## Action Space
    ``Box(-1, 1, (4,))`` float32: earn rate (points per major unit), burn rate (minor units a
    redeemed point is worth), redemption threshold (points), challenge difficulty (factor on
    the pace demanded). Each is ``own * span ** action``: 0 is the scenario's own programme,
    -1 and 1 are 1/span and span times it.

    ## Observation Space
    ``Box`` float32 ``(D + 6,)``: the encoded features' means over the members, the knobs as
    set last, the share of members who bought in the past week, and contacts per member and
    day.

    ## Rewards
    The week's profit per member in major units: margin less discounts, liability of points
    and cost of contact, and a price on withdrawn permissions, under the objective.
    ``reward="expected"`` sums each day's expectation given all hidden state.
    :meth:`expected_rewards` is the truth about a week's first day.

    ## Episode End
    Never terminates; truncates after ``horizon_weeks``. Each reset brings other members under
    the scenario's own programme; ``reset(seed=...)`` starts over with the first of that seed.

    ## Arguments
    ``members`` (200): customers of the programme. ``scenario`` ("reference"): name, path or
    ``Scenario``. ``horizon_weeks`` (26). ``span`` (3.0): how far the knobs go. ``reward``
    ("sampled"): or "expected". ``objective`` (None): weights, the scenario's. ``threads``
    (1): how many live a day; no number depends on it. ``render_mode`` (None): or "rgb_array",
    a dashboard of the episode.

    ## Version History
    v0: first version.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": RENDER_MODES,
        "render_fps": FRAMES_PER_SECOND,
    }

    def __init__(
        self,
        *,
        members: int = 200,
        scenario: Scenario | str | Path = "reference",
        horizon_weeks: int = 26,
        span: float = 3.0,
        reward: RewardKind = "sampled",
        objective: Objective | None = None,
        threads: int = 1,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = checked_render_mode(render_mode)
        self._programmes = Programmes(
            1,
            members=members,
            scenario=scenario,
            horizon_weeks=horizon_weeks,
            span=span,
            reward=reward,
            objective=objective,
            threads=threads,
            kept=render_mode is not None,
        )
        self.observation_space = self._programmes.space
        self.action_space = knob_space()

    def expected_rewards(self, action: Knobs | None = None) -> float:
        """Exact expected reward of the week's first day under ``action``, major units.

        The scenario's own programme by default.
        """
        action = np.zeros(len(KNOBS)) if action is None else np.asarray(action)
        return float(self._programmes.expected_rewards(action[None])[0])

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with other members; see *Episode End*."""
        super().reset(seed=seed, options=options)
        self._programmes.reset(seed, self.np_random)
        return self._programmes.observation()[0], {}

    def step(self, action: Knobs) -> tuple[Observation, float, bool, bool, dict[str, Any]]:
        """Set the programme and live a week.

        Raises:
            InvalidArgument: if ``action`` is outside the action space.
        """
        rewards, over, facts = self._programmes.advance(np.asarray(action)[None])
        info = {name: values[0] for name, values in facts.items()}
        return self._programmes.observation()[0], float(rewards[0]), False, over, info

    def render(self) -> NDArray[np.uint8] | None:
        """The dashboard of the episode so far, uint8 (H, W, 3); ``None`` without a mode."""
        return _frame(self, self._programmes)


class ProgrammeDesignVectorEnv(_Views, VectorEnv[Observation, Knobs, NDArray[Any]]):
    """``num_envs`` programmes side by side in one world; see :class:`ProgrammeDesignEnv`.

    ## Description
    See :class:`ProgrammeDesignEnv`. Programme g of episode e has the seed's customers
    ``(e * num_envs + g) * members`` and on. Programmes do not influence each other.

    ## Action Space
    ``Box(-1, 1, (num_envs, 4))`` float32.

    ## Observation Space
    ``Box`` float32 ``(num_envs, D + 6)``.

    ## Rewards
    float64 ``(num_envs,)``, major units per member.

    ## Episode End
    All together at the horizon, with ``AutoresetMode.SAME_STEP``: the last observation and
    facts are in ``info["final_obs"]`` and ``info["final_info"]``.

    ## Arguments
    ``num_envs`` (1): programmes. The others as in :class:`ProgrammeDesignEnv`.

    ## Version History
    v0: first version.
    """

    metadata: ClassVar[dict[str, Any]] = {  # type: ignore[misc]
        "render_modes": RENDER_MODES,
        "render_fps": FRAMES_PER_SECOND,
        "autoreset_mode": AutoresetMode.SAME_STEP,
    }

    def __init__(
        self,
        num_envs: int = 1,
        *,
        members: int = 200,
        scenario: Scenario | str | Path = "reference",
        horizon_weeks: int = 26,
        span: float = 3.0,
        reward: RewardKind = "sampled",
        objective: Objective | None = None,
        threads: int = 1,
        render_mode: str | None = None,
    ) -> None:
        self.render_mode = checked_render_mode(render_mode)
        self._programmes = Programmes(
            num_envs,
            members=members,
            scenario=scenario,
            horizon_weeks=horizon_weeks,
            span=span,
            reward=reward,
            objective=objective,
            threads=threads,
            kept=render_mode is not None,
        )
        self.num_envs = num_envs
        self.single_observation_space = self._programmes.space
        self.single_action_space = knob_space()
        self.observation_space = batch_space(self.single_observation_space, num_envs)
        self.action_space = batch_space(self.single_action_space, num_envs)

    def expected_rewards(self, actions: Knobs | None = None) -> NDArray[np.float64]:
        """float64 (num_envs,): exact expected reward of the week's first day, major units.

        Under ``actions`` (num_envs, 4); the scenario's own programme by default.
        """
        if actions is None:
            actions = np.zeros((self.num_envs, len(KNOBS)))
        return self._programmes.expected_rewards(actions)

    def reset(
        self, *, seed: int | None = None, options: dict[str, Any] | None = None
    ) -> tuple[Observation, dict[str, Any]]:
        """Begin with other members, or with the first ones of ``seed``."""
        super().reset(seed=seed, options=options)
        self._programmes.reset(seed, self.np_random)
        return self._programmes.observation(), {}

    def step(
        self, actions: Knobs
    ) -> tuple[
        Observation, NDArray[np.float64], NDArray[np.bool_], NDArray[np.bool_], dict[str, Any]
    ]:
        """Set the programmes and live a week; see *Episode End*.

        Raises:
            InvalidArgument: if an action is outside the action space.
        """
        rewards, over, facts = self._programmes.advance(actions)
        info, observation = facts, self._programmes.observation()
        if over:
            everyone = np.ones(self.num_envs, dtype=bool)
            info = {
                "final_obs": observation,
                "_final_obs": everyone,
                "final_info": facts,
                "_final_info": everyone.copy(),
            }
            self._programmes.begin()
            observation = self._programmes.observation()
        ended = np.full(self.num_envs, over)
        return observation, rewards, np.zeros_like(ended), ended, info

    def render(self) -> tuple[NDArray[np.uint8], ...] | None:
        """The dashboard of all programmes together, once per programme; ``None`` without a mode."""
        frame = _frame(self, self._programmes)
        return None if frame is None else (frame,) * self.num_envs


def knob_space() -> spaces.Box:
    """Box(-1, 1, (4,)) float32."""
    return spaces.Box(-1.0, 1.0, (len(KNOBS),), dtype=np.float32)


def _frame(
    env: ProgrammeDesignEnv | ProgrammeDesignVectorEnv, programmes: Programmes
) -> NDArray[np.uint8] | None:
    if programmes.diary is None:
        return None
    title = env.spec.id if env.spec is not None else type(env).__name__
    return draw(programmes.diary, title=title, horizon=programmes.horizon_weeks * WEEK)
