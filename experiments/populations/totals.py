"""A row per day over all customers: what a programme's controller would see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from simulator.day import results
from simulator.model.points_ledger import Ledger
from simulator.world import StepResult, World
from troth.catalogue import CHANNELS, NO_CONTACT
from troth.errors import DataLoss
from troth.files import whole
from troth.objective import COMPONENTS

if TYPE_CHECKING:
    import pyarrow as pa

Int64 = NDArray[np.int64]

CHANNEL_NAMES = tuple(str(channel) for channel in CHANNELS[1:])
ANSWERS = {
    "delivered": results.ARRIVED,
    "opened": results.OPENED,
    "clicked": results.CLICKED,
    "visited": results.VISITED,
    "redeemed": results.REDEEMED,
    "purchased": results.PURCHASED,
    "fraud": results.FRAUD,
}
POINTS = ("points_issued", "points_redeemed", "points_expired", "points_outstanding")
COLUMNS = (
    "buyers",
    "orders",
    "spend_minor",
    *(f"contacts_{name}" for name in CHANNEL_NAMES),
    *ANSWERS,
    *COMPONENTS,
    *(f"landed_{name}" for name in COMPONENTS),
    *(f"permissions_{name}" for name in CHANNEL_NAMES),
    *POINTS,
)
"""Sums over customers, int64. Buyers, orders, spend and what has ``landed`` are booked on the
day; answers and the other components are what the day's decisions bring, sooner or later.
Points issued, redeemed and expired are the day's; permissions (customers on whom a channel may
be used, as far as the firm knows) and points outstanding are the next morning's. Money is in
minor units."""

_BITS = np.array([[(code & bit) > 0 for code in range(256)] for bit in ANSWERS.values()])


@dataclass
class DailyTotals:
    """Sums per day.

    Attributes:
        values: int64 (days, columns), zero for days to come.
    """

    values: Int64

    @classmethod
    def empty(cls, days: int) -> DailyTotals:
        """No day lived yet."""
        return cls(np.zeros((days, len(COLUMNS)), dtype=np.int64))

    @classmethod
    def total(cls, parts: Sequence[DailyTotals]) -> DailyTotals:
        """The sum over shards."""
        return cls(np.sum([part.values for part in parts], axis=0, dtype=np.int64))

    def add(
        self,
        day: int,
        world: World,
        actions: Int64,
        result: StepResult,
        ledgers: tuple[Ledger, Ledger],
    ) -> None:
        """Book one day.

        Args:
            day: from 0.
            world: on the morning after.
            actions: int64 (n,), that day's.
            result: what came of them.
            ledgers: of that morning and the morning after.
        """
        before, after = ledgers
        permits = world.people.permits
        self.values[day] = (
            np.count_nonzero(result.orders),
            result.orders.sum(),
            result.spend_minor.sum(),
            *_contacts(world, actions, result),
            *(_BITS @ np.bincount(result.answers, minlength=256)),
            *result.money.sum(axis=1),
            *(np.count_nonzero(permits & (1 << c)) for c in range(1, len(CHANNELS))),
            after.issued - before.issued,
            after.redeemed - before.redeemed,
            after.expired - before.expired,
            after.outstanding,
        )

    def column(self, name: str) -> Int64:
        """int64 (days,)."""
        return self.values[:, COLUMNS.index(name)]

    def to_table(self) -> pa.Table:
        """The days as an Arrow table: ``day``, then :data:`COLUMNS`."""
        import pyarrow as pa

        days = np.arange(len(self.values), dtype=np.int32)
        return pa.table({"day": days, **{name: self.column(name) for name in COLUMNS}})

    def write(self, path: Path) -> None:
        """Write Parquet; the file appears whole or not at all."""
        import pyarrow.parquet as pq

        with whole(path) as partial:
            pq.write_table(self.to_table(), partial, compression="zstd")

    @classmethod
    def read(cls, path: Path) -> DailyTotals:
        """Inverse of :meth:`write`.

        Raises:
            DataLoss: if it does not hold these columns.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            table = pq.read_table(path)
            return cls(np.stack([table.column(name).to_numpy() for name in COLUMNS], axis=1))
        except (pa.ArrowInvalid, KeyError) as error:
            raise DataLoss(f"not daily totals: {error}", field=str(path)) from error


def _contacts(world: World, actions: Int64, result: StepResult) -> Int64:
    """int64 (8,): contacts made by channel, those left out that a budget did not pay for."""
    catalogue = world.catalogue
    if world.scenario.firm.budget_minor_per_customer > 0.0:
        unpaid = result.components["contact_minor"] < catalogue.cost_minor[actions]
        actions = np.where(unpaid, NO_CONTACT, actions)
    made = np.bincount(actions, minlength=len(catalogue)).astype(np.float64)
    by_channel = np.bincount(catalogue.channel, weights=made, minlength=len(CHANNELS))
    return by_channel[1:].astype(np.int64)
