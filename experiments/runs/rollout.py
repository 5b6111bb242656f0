"""A policy and a world, day after day: values per customer, or a log of every decision.

Draws are keyed by (seed, customer, day), so that two policies meet the same people on the
same days with the same luck, and a policy that decides alike is served alike.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.purposes import Purpose
from simulator.world import StepResult, World
from troth.catalogue import CHANNELS
from troth.contexts import ContextBatch
from troth.logs.batches import LoggedBatch
from troth.objective import COMPONENTS, Objective
from troth.policy import Distribution, Mask, Policy, sample
from troth.streams import derive_seed, philox4x32, uniforms

PURPOSE_DECISION_ID = 1
"""Stream purpose of the random bits of decision ids, under a key of their own; the draw of
an action is ``simulator.compiled.purposes.Purpose.POLICY`` under the world's."""

OnDay = Callable[[int, int], None]
"""Called with (days done, days in all)."""


@dataclass(frozen=True)
class RolloutDay:
    """One day of n customers, as the policy saw it and as it went.

    Attributes:
        day: the world's day, from 0.
        contexts, mask, distribution: n rows, before the draw.
        action, propensity: (n,), what was drawn and with which probability.
        expected_minor: float64 (n, K), E[reward | state, action], or ``None`` if not asked for.
        result: what came of it.
    """

    day: int
    contexts: ContextBatch
    mask: Mask
    distribution: Distribution
    action: NDArray[np.int64]
    propensity: NDArray[np.float64]
    expected_minor: NDArray[np.float64] | None
    result: StepResult


def live(
    world: World,
    policy: Policy,
    days: int,
    *,
    objective: Objective | None = None,
    expected: bool = False,
) -> Iterator[RolloutDay]:
    """Let ``policy`` decide for everyone in ``world``, day after day.

    Args:
        world: is stepped in place.
        policy: decides; one that needs the state, as the oracle does, is bound to ``world``.
        days: how many, >= 1.
        objective: weights of the expected rewards; the scenario's if ``None``.
        expected: also give each day's expected rewards.
    """
    numbers = customer_numbers(world)
    rows = np.arange(world.size)
    for _ in range(days):
        day = world.day
        contexts, mask = world.contexts(), world.mask()
        distribution = policy.distribution(contexts, world.catalogue, mask)
        uniform = uniforms(
            world.seed, numbers, purpose=Purpose.POLICY, step=day, replicate=world.replicate
        )
        action = sample(distribution, uniform[0])
        truth = world.expected_rewards(objective) if expected else None
        yield RolloutDay(
            day=day,
            contexts=contexts,
            mask=mask,
            distribution=distribution,
            action=action,
            propensity=distribution[rows, action],
            expected_minor=truth,
            result=world.step(action),
        )


@dataclass(frozen=True)
class Rollout:
    """What a policy brought per customer.

    Attributes:
        value_minor: float64 (n,), reward summed over the days, minor units.
        components: name to float64 (n,), the parts of it, unweighted.
        contacts: int64 (9,), contacts by channel, in the order of ``CHANNELS``.
        contacted: int64 (n,), contacts of each customer.
        days: how many.
    """

    value_minor: NDArray[np.float64]
    components: dict[str, NDArray[np.float64]]
    contacts: NDArray[np.int64]
    contacted: NDArray[np.int64]
    days: int

    @property
    def mean_value(self) -> float:
        """Mean value per customer in major units."""
        return float(self.value_minor.mean() / 100.0)


def roll_out(
    world: World,
    policy: Policy,
    days: int,
    *,
    objective: Objective,
    on_day: OnDay | None = None,
) -> Rollout:
    """Value per customer of ``policy`` over ``days``; see :func:`live` for the arguments."""
    components = {name: np.zeros(world.size) for name in COMPONENTS}
    contacts = np.zeros(len(CHANNELS), dtype=np.int64)
    contacted = np.zeros(world.size, dtype=np.int64)
    for done, day in enumerate(live(world, policy, days), start=1):
        for name in COMPONENTS:
            components[name] += day.result.components[name]
        channel = world.catalogue.channel[day.action]
        contacts += np.bincount(channel, minlength=len(CHANNELS))
        contacted += channel > 0  # the first channel is none
        if on_day is not None:
            on_day(done, days)
    return Rollout(objective.reward(components), components, contacts, contacted, days)


@dataclass(frozen=True)
class SimulatedLog:
    """A log and, beside it, what no real log has: the truth.

    Attributes:
        batch: n decisions with their rewards.
        expected_minor: float64 (n, K), E[reward | state, action] in minor units, row by row;
            ``None`` if not asked for.
    """

    batch: LoggedBatch
    expected_minor: NDArray[np.float64] | None


def record(
    world: World,
    policy: Policy,
    days: int,
    *,
    start: datetime,
    policy_digest: str,
    objective: Objective,
    expected: bool = False,
) -> SimulatedLog:
    """Log every decision of ``policy`` over ``days``, in the one log schema.

    ``start`` is the aware UTC time of the world's day 0, ``policy_digest`` who is logged as
    having served; ``expected`` also keeps the expected reward of every action. The other
    arguments are those of :func:`live`.
    """
    numbers = customer_numbers(world)
    batches: list[LoggedBatch] = []
    truths: list[NDArray[np.float64]] = []
    for day in live(world, policy, days, objective=objective, expected=expected):
        at = np.datetime64(start.astimezone(UTC).replace(tzinfo=None), "us")
        decided_at = np.full(world.size, at + np.timedelta64(day.day, "D"))
        batches.append(
            LoggedBatch(
                contexts=day.contexts,
                catalogue=world.catalogue,
                mask=day.mask,
                action=day.action,
                propensity=day.propensity,
                reward_minor=objective.reward(day.result.components),
                censored=np.zeros(world.size, dtype=bool),
                customer_id=world.customer_ids,
                episode=numbers,
                step=np.full(world.size, day.day, dtype=np.int64),
                decided_at=decided_at,
                decision_id=decision_ids(world.seed, numbers, day.day, decided_at),
                policy_digest=np.full(world.size, policy_digest),
            )
        )
        if day.expected_minor is not None:
            truths.append(day.expected_minor)
    return SimulatedLog(
        LoggedBatch.concatenate(batches), np.concatenate(truths) if truths else None
    )


def customer_numbers(world: World) -> NDArray[np.int64]:
    """int64 (n,): the number in each customer id, ``C00000012`` to 12."""
    return np.arange(world.first_customer, world.first_customer + world.size, dtype=np.int64)


def decision_ids(
    seed: int, numbers: NDArray[np.int64], day: int, decided_at: NDArray[np.datetime64]
) -> NDArray[np.str_]:
    """A UUIDv7 (RFC 9562) per decision, str (n,), that the same run gives again.

    48 bits of time in milliseconds, then 74 bits keyed by (seed, customer, day).
    """
    words = philox4x32((numbers, PURPOSE_DECISION_ID, day, 0), derive_seed("decision_ids", seed))
    octets = np.ascontiguousarray(words.T.astype(">u4")).view(np.uint8).reshape(-1, 16)
    millis = decided_at.astype("datetime64[ms]").astype(np.int64).astype(">u8")
    octets[:, :6] = millis.view(np.uint8).reshape(-1, 8)[:, 2:]
    octets[:, 6] = octets[:, 6] & 0x0F | 0x70
    octets[:, 8] = octets[:, 8] & 0x3F | 0x80
    digits = np.frombuffer(octets.tobytes().hex().encode(), dtype="S1").reshape(-1, 32)
    dash = np.full((len(digits), 1), b"-", dtype="S1")
    parts = [digits[:, a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))]
    joined = [piece for part in parts for piece in (part, dash)][:-1]
    text = np.ascontiguousarray(np.hstack(joined)).view("S36").reshape(-1)
    return text.astype(np.str_)


def day_start(start: date, day: int = 0) -> datetime:
    """Aware UTC midnight of ``day`` days after the scenario's first date."""
    return datetime.combine(start, time(), tzinfo=UTC) + timedelta(days=day)
