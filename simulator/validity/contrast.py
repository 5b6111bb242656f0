"""Counterfactual twins: the same members, the same chances, with a contact and without."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.validity.outcomes import answers, booked
from simulator.validity.populations import send
from simulator.world import World

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Contrast:
    """What one contact changed, replicates stacked below each other: m = replicates * members.

    Attributes:
        orders: int16 (days, m) purchases with the contact less those without.
        without: int16 (days, m) purchases without it.
        spend: float32 (days, m) spend with the contact less that without, major units.
        visited, redeemed: bool (m,) answers to the contact; ``None`` if the world does not
            tell.
        member: int64 (m,) which member each column is, counted among all of the world.
    """

    orders: NDArray[np.int16]
    without: NDArray[np.int16]
    spend: NDArray[np.float32]
    visited: Bool | None
    redeemed: Bool | None
    member: NDArray[np.int64]

    def added_orders(self, first: int = 0, last: int | None = None) -> Float:
        """Purchases that the contact added on days ``first`` to before ``last``, (m,)."""
        return np.asarray(self.orders[first:last].sum(axis=0), dtype=np.float64)

    def added_spend(self, first: int = 0, last: int | None = None) -> Float:
        """Spend that it added, major units, (m,)."""
        return np.asarray(self.spend[first:last].sum(axis=0), dtype=np.float64)

    def own_orders(self, first: int = 0, last: int | None = None) -> Float:
        """Purchases that came without the contact, (m,)."""
        return np.asarray(self.without[first:last].sum(axis=0), dtype=np.float64)


def contrast(
    world: World,
    action: int,
    days: int,
    *,
    members: Bool | None = None,
    against: int = 0,
    replicates: int = 1,
    advance: Callable[[int], None] = lambda _days: None,
) -> Contrast:
    """Send ``action`` once to those who may be sent it, and live both lives for ``days``.

    Args:
        world: the present; it is left as it is.
        action: column of the catalogue.
        days: how long both lives are compared, >= 1; nobody is contacted after the first.
        members: bool (n,), who takes part; all who may be sent both actions by default.
        against: what the twin is sent, *no contact* by default.
        replicates: alternative futures.
        advance: called with the days just simulated.
    """
    chosen = world.mask()[:, action] & world.mask()[:, against]
    if members is not None:
        chosen = chosen & members
    parts = [
        _once(world, action, against, days, chosen, replicate, advance)
        for replicate in range(replicates)
    ]
    first = parts[0]
    return Contrast(
        np.concatenate([part.orders for part in parts], axis=1),
        np.concatenate([part.without for part in parts], axis=1),
        np.concatenate([part.spend for part in parts], axis=1),
        _stacked([part.visited for part in parts]),
        _stacked([part.redeemed for part in parts]),
        np.tile(first.member, replicates),
    )


def _once(
    world: World,
    action: int,
    against: int,
    days: int,
    chosen: Bool,
    replicate: int,
    advance: Callable[[int], None],
) -> Contrast:
    shape = (days, int(chosen.sum()))
    orders, without = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.int16)
    spend = np.zeros(shape, dtype=np.float32)
    nobody = np.zeros(world.size, dtype=np.int64)
    visited = redeemed = None
    for contacted in (True, False):
        life = world.fork(replicate)
        for day in range(days):
            sent = action if contacted else against
            result = life.step(send(life, sent, chosen) if day == 0 else nobody)
            today = booked(world.scenario, result)
            bought, paid = today.orders[chosen].astype(np.int16), today.spend[chosen]
            if contacted:
                orders[day] += bought
                spend[day] += paid.astype(np.float32)
                if day == 0:
                    visited, redeemed = answers(result, "visited"), answers(result, "redeemed")
            else:
                orders[day] -= bought
                without[day] = bought
                spend[day] -= paid.astype(np.float32)
            advance(1)
    return Contrast(
        orders,
        without,
        spend,
        None if visited is None else visited[chosen],
        None if redeemed is None else redeemed[chosen],
        np.flatnonzero(chosen),
    )


def _stacked(parts: list[Bool | None]) -> Bool | None:
    told = [part for part in parts if part is not None]
    return np.concatenate(told) if len(told) == len(parts) else None
