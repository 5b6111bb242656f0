"""Recording roll-outs: every decision of whole episodes, with its propensity."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from gymnasium import spaces
from gymnasium.vector import VectorEnv
from numpy.typing import NDArray

from envs.base.cohort import Cohort
from simulator.known_facts import KnownFacts, day_start
from simulator.rollout import DecisionRound, decide
from troth.errors import FailedPrecondition, InvalidArgument
from troth.guardrails.columns import FactsBatch
from troth.policy import Mask, Policy

Vector = VectorEnv[Any, Any, NDArray[Any]]


@dataclass(frozen=True, slots=True)
class Choice:
    """What n customers, or programmes, get this step.

    Attributes:
        actions: (n,) or (n, A), as the environment takes them.
        propensity: float64 (n,), their probability, or density where they are continuous.
        mask: bool (n, A) of the environment's actions; ``None`` where it has no masks.
        columns: int64 (n,), the same actions as columns of the catalogue; ``None`` where they
            are not contacts.
        eligible: bool (n, K), columns that could have been chosen; ``None`` likewise.
    """

    actions: NDArray[Any]
    propensity: NDArray[np.float64]
    mask: Mask | None = None
    columns: NDArray[np.int64] | None = None
    eligible: Mask | None = None


class Actor(Protocol):
    """Who decides in a recording."""

    def act(self, env: Any, observation: NDArray[np.float32]) -> Choice:
        """Choose for everyone in ``env``, which has just shown ``observation`` (n, D)."""
        ...


@dataclass(frozen=True)
class PolicyActor:
    """A policy over the catalogue, restricted to what a decision problem leaves to decide.

    The draw is keyed by (seed, customer, day), as everywhere.
    """

    policy: Policy

    def act(self, env: Any, observation: NDArray[np.float32]) -> Choice:
        """Draw from the policy's distribution over the columns that can be chosen today.

        Raises:
            InvalidArgument: if the environment makes no contacts, or what the policy gives is
                no distribution over those that are eligible.
        """
        if not hasattr(type(env.unwrapped), "cohort"):
            raise InvalidArgument(
                f"{type(env.unwrapped).__name__} makes no contacts: use a UniformActor",
                field="actor",
            )
        cohort: Cohort = env.unwrapped.cohort
        world, mask = cohort.world, env.action_masks()
        table = None if cohort.problem.whole else cohort.columns()
        eligible = mask if table is None else over_catalogue(mask, table, len(world.catalogue))
        decided = decide(DecisionRound.of(world, eligible), self.policy)
        actions = columns = decided.action
        if table is not None:
            actions = np.argmax(table == columns[:, None], axis=1)
        return Choice(actions, decided.propensity, mask, columns, eligible)


@dataclass(frozen=True)
class UniformActor:
    """Uniform over a box of continuous actions; the propensity is the density."""

    rng: np.random.Generator

    def act(self, env: Any, observation: NDArray[np.float32]) -> Choice:
        """Draw anew for everyone.

        Raises:
            InvalidArgument: if actions are not continuous.
        """
        box = env.single_action_space
        if not isinstance(box, spaces.Box):
            raise InvalidArgument(
                f"{type(env.unwrapped).__name__} has no continuous actions: use a PolicyActor",
                field="actor",
            )
        shape = (env.num_envs, *box.shape)
        actions = self.rng.uniform(box.low, box.high, shape).astype(np.float32)
        density = 1.0 / float(np.prod(box.high - box.low))
        return Choice(actions, np.full(env.num_envs, density))


@dataclass(frozen=True)
class Episode:
    """One episode of n customers, or programmes, over T steps.

    Attributes:
        first_customer: number of the first of them in the seed's population.
        seed: of their world.
        observations: float32 (T + 1, n, D), the last one after the last step.
        choices: T of them.
        rewards: float64 (T, n), major units.
        raw: float32 (T, n, F), raw features; empty where the steps are not single decisions.
        moments: T of datetime64[us] (n,), UTC, when each was decided for; likewise empty.
        facts: T of what the firm knew of each that morning; likewise empty.
    """

    first_customer: int
    seed: int
    observations: NDArray[np.float32]
    choices: tuple[Choice, ...]
    rewards: NDArray[np.float64]
    raw: NDArray[np.float32]
    moments: tuple[NDArray[np.datetime64], ...] = ()
    facts: tuple[FactsBatch, ...] = ()


@dataclass(frozen=True)
class Recording:
    """Whole episodes of one environment.

    Attributes:
        env: where they were recorded.
        episodes: in order.
    """

    env: Vector
    episodes: tuple[Episode, ...]


def record(env: Vector, actor: Actor, *, episodes: int, seed: int) -> Recording:
    """Let ``actor`` decide in ``env`` for some whole episodes.

    Args:
        env: one of our vector environments, wrapped or not; it is reset with ``seed``.
        actor: decides.
        episodes: how many, >= 1; each has other customers.
        seed: of the first episode.

    Raises:
        InvalidArgument: if ``episodes`` is below 1, or ``env`` is none of ours.
        FailedPrecondition: if a chosen contact is refused, as a shared budget may: what was
            served then has a propensity nobody knows.
    """
    if episodes < 1:
        raise InvalidArgument(f"{episodes} is below 1", field="episodes")
    if not isinstance(env.unwrapped, VectorEnv) or not hasattr(type(env.unwrapped), "world"):
        raise InvalidArgument(
            f"{type(env.unwrapped).__name__} is no population: gymnasium.make_vec makes one",
            field="env",
        )
    observation, _ = env.reset(seed=seed)
    found = []
    for _ in range(episodes):
        episode, observation = _episode(env, actor, observation)
        found.append(episode)
    return Recording(env, tuple(found))


def _episode(
    env: Vector, actor: Actor, observation: NDArray[np.float32]
) -> tuple[Episode, NDArray[np.float32]]:
    """One episode that begins with ``observation``, and the first observation of the next."""
    unwrapped: Any = env.unwrapped
    world = unwrapped.world
    seen, choices, rewards, raw = [observation], [], [], []
    known = KnownFacts(world, day_start(world.scenario.start))
    moments, facts = [], []
    over = False
    while not over:
        choice = actor.act(env, observation)
        if choice.columns is not None:
            raw.append(unwrapped.world.contexts().raw)
            moments.append(known.moments())
            facts.append(known.morning())
        observation, reward, _, truncated, info = env.step(choice.actions)
        over = bool(truncated[0])
        if choice.columns is not None and not over:
            known.lived(choice.columns)
        if info.get("final_info", info).get("refused", np.False_).any():
            raise FailedPrecondition(
                "a chosen contact was refused: its propensity is not known", field="env"
            )
        choices.append(choice)
        rewards.append(reward)
        seen.append(info["final_obs"] if over else observation)
    episode = Episode(
        first_customer=world.first_customer,
        seed=world.seed,
        observations=np.stack(seen),
        choices=tuple(choices),
        rewards=np.stack(rewards),
        raw=np.stack(raw) if raw else np.empty((0, 0, 0), dtype=np.float32),
        moments=tuple(moments),
        facts=tuple(facts),
    )
    return episode, observation


def over_catalogue(mask: Mask, table: NDArray[np.int64], width: int) -> Mask:
    """A mask over actions as one over the catalogue.

    Args:
        mask: bool (n, A).
        table: int64 (n, A), columns of the catalogue.
        width: K.

    Returns:
        bool (n, K).
    """
    eligible = np.zeros((len(mask), width), dtype=bool)
    rows, actions = np.nonzero(mask)
    eligible[rows, table[rows, actions]] = True
    return eligible
