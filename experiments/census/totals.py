"""A row per day over all customers: what a programme's controller would see."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from experiments.census.reading import Booked, Ledger
from simulator.world import StepResult, World
from troth.catalogue import CHANNELS
from troth.errors import DataLoss
from troth.objective import COMPONENTS

if TYPE_CHECKING:
    import pyarrow as pa

Int64 = NDArray[np.int64]

CHANNEL_NAMES = tuple(str(channel) for channel in CHANNELS[1:])
SERVED = ("delivered", "opened", "clicked")
POINTS = ("points_issued", "points_redeemed", "points_expired", "points_outstanding")
COLUMNS = (
    "buyers",
    "orders",
    "spend_minor",
    *(f"contacts_{name}" for name in CHANNEL_NAMES),
    *SERVED,
    *COMPONENTS,
    *(f"permissions_{name}" for name in CHANNEL_NAMES),
    *POINTS,
)
"""Sums over customers, int64. Points issued, redeemed and expired are the day's; permissions
(customers whom a channel reaches and who agreed to it) and points outstanding are the day's
last. Money is in minor units."""


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
        booked: Booked,
        ledgers: tuple[Ledger, Ledger],
    ) -> None:
        """Book one day.

        Args:
            day: from 0.
            world: on the morning after.
            actions: int64 (n,), that day's.
            result: what came of them.
            booked: the day's purchases.
            ledgers: of that morning and the morning after.
        """
        before, after = ledgers
        contacts = np.bincount(world.catalogue.channel[actions], minlength=len(CHANNELS))
        self.values[day] = (
            np.count_nonzero(booked.orders),
            booked.orders.sum(),
            booked.spend_minor.sum(),
            *contacts[1:],
            *(np.count_nonzero(getattr(result, name)) for name in SERVED),
            *(result.components[name].sum() for name in COMPONENTS),
            *np.count_nonzero(world.permissions, axis=0)[1:],
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

        partial = path.with_name(path.name + ".partial")
        pq.write_table(self.to_table(), partial, compression="zstd")
        partial.replace(path)

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
