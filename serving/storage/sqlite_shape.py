"""Whether the schema of an SQLite file is the one that the migrations make."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from functools import cache

from serving.storage import upgrading
from serving.storage.differences import differences

Shape = frozenset[tuple[str, str, str, str]]
"""Type, name, table and SQL of everything in a schema."""
_STATISTICS = frozenset(
    {
        ("table", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        ("table", "sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
    }
)
"""Type, name and SQL of what ``ANALYZE`` makes; it changes how a query is run, not its answer."""


def shape(connection: sqlite3.Connection) -> Shape:
    """The schema of a store, without the statistics that SQLite may keep for itself.

    Whoever writes into the schema can give a trigger a name that begins as SQLite's own do.
    """
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    found = ((str(row[0]), str(row[1]), str(row[2]), str(row[3])) for row in rows)
    return frozenset(row for row in found if (*row[:2], row[3]) not in _STATISTICS)


@cache
def own_shape() -> Shape:
    """What the migrations make of an empty store."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        upgrading.upgrade_sqlite(connection)
        return shape(connection)


def foreign_to(found: Shape) -> tuple[str, ...]:
    """Where ``found`` is not what the migrations make, in words; sorted."""
    return differences(own_shape(), found)
