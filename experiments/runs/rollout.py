"""What came of a policy in a world: values per customer, or a log of every decision."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from simulator.known_facts import KnownFacts
from simulator.rollout import Guard, customer_numbers, live
from simulator.world import World
from troth.catalogue import CHANNELS
from troth.logs.batches import LoggedBatch
from troth.objective import COMPONENTS, Objective
from troth.policy import Policy
from troth.streams import derive_seed, philox4x32

PURPOSE_DECISION_ID = 1
"""Stream purpose of the random bits of decision ids, under a key of their own; the draw of
an action is :func:`simulator.rollout.draws`, under the world's."""

OnDay = Callable[[int, int], None]
"""Called with (days done, days in all)."""


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
    guard: Guard | None = None,
    on_day: OnDay | None = None,
) -> Rollout:
    """Value per customer of ``policy`` over ``days``.

    The arguments are those of :func:`simulator.rollout.live`; after each day ``on_day`` is told
    how many are done.
    """
    components = {name: np.zeros(world.size) for name in COMPONENTS}
    contacts = np.zeros(len(CHANNELS), dtype=np.int64)
    contacted = np.zeros(world.size, dtype=np.int64)
    for done, day in enumerate(live(world, policy, days, guard=guard), start=1):
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
    guard: Guard | None = None,
    expected: bool = False,
) -> SimulatedLog:
    """Log every decision of ``policy`` over ``days``, in the one log schema.

    ``start`` is the aware UTC midnight of the world's day 0, ``policy_digest`` who is logged as
    having served; ``expected`` also keeps the expected reward of every action. The mask that is
    logged is the world's, not what a guard left of it; beside it are the moment and the facts
    that a service would have had (:mod:`simulator.known_facts`). The other arguments are
    those of :func:`simulator.rollout.live`.
    """
    numbers = customer_numbers(world)
    batches: list[LoggedBatch] = []
    truths: list[NDArray[np.float64]] = []
    known = KnownFacts(world, start)
    lived = live(world, policy, days, guard=guard, objective=objective, expected=expected)
    for _ in range(days):
        facts, decided_at = known.morning(), known.moments()
        day = next(lived)
        known.lived(day.action)
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
                facts=facts,
            )
        )
        if day.expected_minor is not None:
            truths.append(day.expected_minor)
    return SimulatedLog(
        LoggedBatch.concatenate(batches), np.concatenate(truths) if truths else None
    )


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
