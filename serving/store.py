"""The SQLite file that holds registry, ledger, decisions, outcomes and audit.

One file, so that a decision, its idempotency row, its contact reservation and its audit row
are one transaction. WAL lets readers go on while one writer commits; ``BEGIN IMMEDIATE``
makes writers queue rather than fail when they upgrade.
"""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from troth.errors import DataLoss, Unavailable

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another one."""


class Database:
    """Connections to one SQLite file, one per thread.

    Args:
        path: the file; created with its folder if absent.
        durable: ``synchronous=FULL``, so that a committed transaction survives power loss;
            false gives NORMAL, which survives the death of a process only.

    Raises:
        DataLoss: if the file is not a database.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self._synchronous = "FULL" if durable else "NORMAL"
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._migrate()

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            try:
                connection = sqlite3.connect(
                    self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None
                )
                connection.row_factory = sqlite3.Row
                connection.execute("PRAGMA journal_mode=WAL")
                connection.execute(f"PRAGMA synchronous={self._synchronous}")
                connection.execute("PRAGMA foreign_keys=ON")
            except sqlite3.DatabaseError as error:
                raise DataLoss(f"{self.path}: {error}", field="database") from error
            self._local.connection = connection
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A snapshot: every statement inside sees one state."""
        connection = self._connection()
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            connection.execute("ROLLBACK")

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One exclusive transaction: committed on exit, rolled back on an exception.

        Raises:
            Unavailable: if another writer holds the file for longer than the busy timeout.
        """
        connection = self._connection()
        try:
            connection.execute("BEGIN IMMEDIATE")
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the store is busy: {error}", field="database") from error
        try:
            yield connection
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")

    def close(self) -> None:
        """Close this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _migrate(self) -> None:
        scripts = sorted(
            (p for p in files("serving").joinpath("schema").iterdir() if p.name.endswith(".sql")),
            key=lambda p: p.name,
        )
        with self.write() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) STRICT"
            )
            done = {row["name"] for row in connection.execute("SELECT name FROM migrations")}
            for script in scripts:
                if script.name in done:
                    continue
                for statement in script.read_text().split(";"):
                    if statement.strip():
                        connection.execute(statement)
                connection.execute("INSERT INTO migrations VALUES (?)", (script.name,))
