"""Counterfactual twins: the same members, the same chances, with a contact and without."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator.validity.populations import send
from simulator.validity.transactions import MINOR_PER_MAJOR
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
        visited: bool (m,) whether the contact brings a visit within the days compared, by a
            click or with a purchase it adds.
        redeemed: bool (m,) whether the contact's offer is redeemed, sooner or later.
        member: int64 (m,) which member each column is, counted among all of the world.
    """

    orders: NDArray[np.int16]
    without: NDArray[np.int16]
    spend: NDArray[np.float32]
    visited: Bool
    redeemed: Bool
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
    return stacked(parts)


def stacked(parts: Sequence[Contrast]) -> Contrast:
    """Contrasts over as many days, side by side."""
    return Contrast(
        np.concatenate([part.orders for part in parts], axis=1),
        np.concatenate([part.without for part in parts], axis=1),
        np.concatenate([part.spend for part in parts], axis=1),
        np.concatenate([part.visited for part in parts]),
        np.concatenate([part.redeemed for part in parts]),
        np.concatenate([part.member for part in parts]),
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
    with_it = _live(world.fork(replicate), action, days, chosen, advance)
    alone = _live(world.fork(replicate), against, days, chosen, advance)
    added = with_it.orders - alone.orders
    return Contrast(
        added,
        alone.orders,
        with_it.spend - alone.spend,
        with_it.visited | (added.sum(axis=0) > 0),
        with_it.redeemed,
        np.flatnonzero(chosen),
    )


class _Life(NamedTuple):
    """One life of the chosen: by day and member, and in all."""

    orders: NDArray[np.int16]
    spend: NDArray[np.float32]
    visited: Bool
    redeemed: Bool


def _live(
    world: World, sent: int, days: int, chosen: Bool, advance: Callable[[int], None]
) -> _Life:
    shape = (days, int(chosen.sum()))
    orders, spend = np.zeros(shape, dtype=np.int16), np.zeros(shape, dtype=np.float32)
    nobody = np.zeros(world.size, dtype=np.int64)
    visited = redeemed = np.zeros(shape[1], dtype=np.bool_)
    for day in range(days):
        result = world.step(nobody if day else send(world, sent, chosen))
        orders[day] = result.orders[chosen]
        spend[day] = result.spend_minor[chosen] / MINOR_PER_MAJOR
        if day == 0:
            visited = (result.visited & (result.delay["visited"] < days))[chosen]
            redeemed = result.redeemed[chosen]
        advance(1)
    return _Life(orders, spend, visited, redeemed)
