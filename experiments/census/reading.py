"""What a long run reads off a world: a day's purchases, the points ledger, and its checkpoint."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator import checkpoint
from simulator.population import Population
from simulator.scenarios import Scenario
from simulator.world import StepResult, World

NO_PLACE = 255
"""Category and store where there was no purchase, or where the world has none."""


@dataclass(frozen=True)
class Booked:
    """One day's purchases of n customers.

    Attributes:
        orders: int64 (n,).
        spend_minor: int64 (n,).
        category, store: uint8 (n,), of the last of them; 255 for none.
    """

    orders: NDArray[np.int64]
    spend_minor: NDArray[np.int64]
    category: NDArray[np.uint8]
    store: NDArray[np.uint8]


@dataclass(frozen=True, slots=True)
class Ledger:
    """Points of a whole population: issued = redeemed + expired + outstanding."""

    issued: int
    redeemed: int
    expired: int
    outstanding: int


def spent(world: World) -> NDArray[np.int64]:
    """int64 (n,): everything each customer ever spent, minor units."""
    return world._people.lifetime_spend.copy()


def booked(world: World, result: StepResult, before: NDArray[np.int64]) -> Booked:
    """The purchases of the day that is over; ``before`` is :func:`spent` of its morning."""
    none = np.full(world.size, NO_PLACE, dtype=np.uint8)
    return Booked(
        orders=result.purchased.astype(np.int64),
        spend_minor=world._people.lifetime_spend - before,
        category=none,
        store=none,
    )


def ledger(world: World) -> Ledger:
    """The points ledger this morning."""
    people = world._people
    return Ledger(
        issued=int(people.earned.sum()),
        redeemed=int(people.burned.sum()),
        expired=int(people.expired.sum()),
        outstanding=int(people.points.sum()),
    )


def state_bytes(world: World) -> float:
    """Bytes of state per customer."""
    people = world._people
    return float(sum(getattr(people, f.name).nbytes for f in fields(people)) / world.size)


def save(world: World, path: Path) -> None:
    """Write the world, whole or not at all."""
    people = world._people
    checkpoint.save(
        path,
        columns={f.name: getattr(people, f.name) for f in fields(people)},
        header={
            "scenario_digest": world.scenario.digest,
            "seed": world.seed,
            "day": world.day,
            "replicate": world.replicate,
            "first_customer": world.first_customer,
        },
    )


def restore(path: Path, scenario: Scenario) -> World:
    """The world that :func:`save` wrote.

    Raises:
        FailedPrecondition: if it lived under another scenario.
        DataLoss: if the file is damaged.
    """
    header, columns = checkpoint.load(path)
    checkpoint.require(path, header, scenario_digest=scenario.digest)
    people = Population(**columns)
    world = World(
        scenario, len(people), int(header["seed"]), first_customer=int(header["first_customer"])
    )
    world = world.fork(int(header["replicate"]))
    world._people = people
    world.day = int(header["day"])
    world._forget()
    return world
