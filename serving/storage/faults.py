"""What can be wrong with a store, made on purpose: for the proofs that try it. SQLite alone."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from serving.storage.database import Database


@contextmanager
def unreadable_activation(database: Database) -> Iterator[None]:
    """A row of the registry whose role is none."""
    with database.write() as unit:
        unit.execute(
            "INSERT INTO activations SELECT decision_point, 'modle', proposal_id, ''"
            " FROM activations WHERE role = 'model'"
        )
    yield
    with database.write() as unit:
        unit.execute("DELETE FROM activations WHERE role = 'modle'")


@contextmanager
def swallowing(database: Database) -> Iterator[None]:
    """Triggers that swallow a pause and its audit row."""
    tables = ("decision_point_states", "audit")
    with database.write() as unit:
        for table in tables:
            unit.execute(
                f"CREATE TRIGGER swallow_{table} BEFORE INSERT ON {table}"
                " BEGIN SELECT RAISE(IGNORE); END"
            )
    yield
    with database.write() as unit:
        for table in tables:
            unit.execute(f"DROP TRIGGER swallow_{table}")


@contextmanager
def locked(database: Database) -> Iterator[None]:
    """Another writer that does not let go."""
    with closing(sqlite3.connect(database.path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        try:
            yield
        finally:
            other.execute("ROLLBACK")


@contextmanager
def without_audit_row(database: Database, seq: int) -> Iterator[None]:
    """A row of the audit log is gone."""
    with database.write() as unit:
        row = tuple(unit.execute("SELECT * FROM audit WHERE seq = ?", (seq,)).fetchone())
        seatbelt = "SELECT sql FROM sqlite_schema WHERE name = 'audit_no_delete'"
        sql = unit.execute(seatbelt).fetchone()[0]
        unit.execute("DROP TRIGGER audit_no_delete")
        unit.execute("DELETE FROM audit WHERE seq = ?", (seq,))
        unit.execute(sql)
    yield
    with database.write() as unit:
        unit.execute("INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)", row)


def replace(database: Database) -> None:
    """Another file in the place of the store, as after a restore."""
    database.copy(database.path)


class BareInserts:
    """Durable inserts into a file of their own, and nothing else: what a benchmark compares with.

    Args:
        path: a new file.
    """

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.execute("PRAGMA synchronous=FULL")
        self._connection.execute("CREATE TABLE decisions (id TEXT PRIMARY KEY, record TEXT) STRICT")

    def insert(self, key: str, record: str) -> None:
        """One transaction of one row."""
        self._connection.execute("BEGIN IMMEDIATE")
        self._connection.execute("INSERT INTO decisions VALUES (?, ?)", (key, record))
        self._connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file."""
        self._connection.close()
