"""Every purchase of a long run, as transactions that ``troth calibrate`` can read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.day.results import NO_PLACE, StepResult
from simulator.state import checkpoint
from troth.files import whole

if TYPE_CHECKING:
    import pyarrow as pa

GROUP_ROWS = 1 << 20
"""Rows of a Parquet row group, whatever the shards were."""

Columns = dict[str, NDArray[Any]]
TYPES = {
    "customer": np.int64,
    "day": np.int32,
    "amount_minor": np.int64,
    "category": np.uint8,
    "store": np.uint8,
}


class Purchases:
    """Purchases of one shard, kept until the next checkpoint.

    Args:
        first: number of the shard's first customer.
    """

    def __init__(self, first: int) -> None:
        self._first = first
        self._days: list[Columns] = []

    def add(self, day: int, result: StepResult) -> None:
        """One row per customer who bought on ``day``; several orders of a day are one row.

        Category and store are those of the last of them.
        """
        at = np.flatnonzero(result.orders)
        self._days.append(
            {
                "customer": at + self._first,
                "day": np.full(at.size, day, dtype=np.int32),
                "amount_minor": result.spend_minor[at],
                "category": result.category[at],
                "store": result.store[at],
            }
        )

    def save(self, path: Path) -> None:
        """Write what was kept, whole or not at all, and keep nothing."""
        checkpoint.save(path, columns=_joined(self._days), header={})
        self._days = []


def by_customer(paths: Sequence[Path]) -> Columns:
    """The purchases in ``paths``, which are in order of days, by customer, then day."""
    columns = _joined([checkpoint.load(path)[1] for path in paths])
    order = np.argsort(columns["customer"], kind="stable")
    return {name: column[order] for name, column in columns.items()}


def write(
    path: Path,
    shards: Iterator[Columns],
    *,
    start: date,
    categories: Sequence[str],
    stores: Sequence[str],
) -> int:
    """Write one Parquet file of all transactions; it appears whole or not at all.

    Columns: ``customer`` int64, ``date``, ``amount`` float64 in major units, and ``category``
    and ``store`` as text, null where there is none; by customer, then date. The bytes do not
    depend on how the customers were cut into shards.

    Args:
        path: the file.
        shards: columns of each shard in turn; only one is in memory at a time.
        start: date of day 0.
        categories: name of each category.
        stores: name of each place of purchase.

    Returns:
        The number of rows.
    """
    import pyarrow.parquet as pq

    rows = 0
    empty = _table(_joined([]), start, categories, stores)
    with (
        whole(path) as partial,
        pq.ParquetWriter(partial, empty.schema, compression="zstd") as writer,
    ):
        for group in _groups(shards):
            table = _table(group, start, categories, stores)
            writer.write_table(table, row_group_size=GROUP_ROWS)
            rows += table.num_rows
    return rows


def _groups(shards: Iterator[Columns]) -> Iterator[Columns]:
    """The same rows in pieces of exactly :data:`GROUP_ROWS`, but for the last."""
    waiting = _joined([])
    for shard in shards:
        waiting = _joined([waiting, shard])
        while len(waiting["day"]) >= GROUP_ROWS:
            yield {name: column[:GROUP_ROWS] for name, column in waiting.items()}
            waiting = {name: column[GROUP_ROWS:] for name, column in waiting.items()}
    if len(waiting["day"]):
        yield waiting


def _joined(parts: Sequence[Columns]) -> Columns:
    return {
        name: np.concatenate([np.empty(0, dtype=kind), *(part[name] for part in parts)])
        for name, kind in TYPES.items()
    }


def _table(
    columns: Columns, start: date, categories: Sequence[str], stores: Sequence[str]
) -> pa.Table:
    import pyarrow as pa

    dates = np.datetime64(start, "D") + columns["day"].astype("timedelta64[D]")
    return pa.table(
        {
            "customer": columns["customer"],
            "date": pa.array(dates, pa.date32()),
            "amount": columns["amount_minor"] / 100.0,
            "category": _named(columns["category"], categories),
            "store": _named(columns["store"], stores),
        }
    )


def _named(codes: NDArray[np.uint8], names: Sequence[str]) -> pa.Array:
    import pyarrow as pa

    dictionary = pa.array(list(names), pa.string())
    positions = pa.array(codes.astype(np.int16), mask=codes == NO_PLACE)
    return pa.DictionaryArray.from_arrays(positions, dictionary)
