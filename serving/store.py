"""The SQLite file that holds registry, ledger, decisions, outcomes and audit.

One file, so that a decision, its idempotency row, its contact reservation and its audit row
are one transaction. WAL lets readers go on while one writer commits; ``BEGIN IMMEDIATE``
makes writers queue rather than fail when they upgrade.
"""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path

from troth.errors import DataLoss, FailedPrecondition, Unavailable

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another one."""
_LOOK_EVERY_S = 0.0005
"""How often a waiting writer looks whether the other one is done."""


class Database:
    """Connections to one SQLite file, one per thread.

    Args:
        path: the file; created with its folder if absent.
        durable: ``synchronous=FULL``, so that a committed transaction survives power loss;
            false gives NORMAL, which survives the death of a process only.

    Raises:
        DataLoss: if the file is not a database.
        Unavailable: if another process holds the file for longer than the busy timeout.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self._synchronous = "FULL" if durable else "NORMAL"
        self._local = threading.local()
        path.parent.mkdir(parents=True, exist_ok=True)
        self._migrate()

    @property
    def home(self) -> Path:
        """The folder of the installation: evidence, keys and refusals lie beside the file."""
        return self.path.parent

    def _connection(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open()
            self._local.connection = connection
        return connection

    def _open(self) -> sqlite3.Connection:
        connection: sqlite3.Connection | None = None
        try:
            connection = sqlite3.connect(self.path, timeout=BUSY_TIMEOUT_S, isolation_level=None)
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.execute("PRAGMA foreign_keys=ON")
        except sqlite3.DatabaseError as error:
            if connection is not None:
                connection.close()
            if _is_busy(error):
                raise Unavailable(f"the store is busy: {error}", field="database") from error
            raise DataLoss(f"{self.path}: {error}", field="database") from error
        return connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """A snapshot: every statement inside sees one state.

        Raises:
            FailedPrecondition: if this thread is already inside a transaction.
        """
        connection = self._connection()
        _require_idle(connection)
        connection.execute("BEGIN")
        try:
            yield connection
        finally:
            _roll_back(connection)

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """One exclusive transaction: committed on exit, rolled back on an exception.

        Raises:
            FailedPrecondition: if this thread is already inside a transaction.
            Unavailable: if another writer holds the file for longer than the busy timeout, or
                the commit itself fails (a full disk): nothing was written then.
        """
        connection = self._connection()
        _require_idle(connection)
        _begin(connection)
        try:
            yield connection
            _commit(connection)
        except BaseException:
            _roll_back(connection)
            raise

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
        if {script.name for script in scripts} <= self._migrated():
            return  # the usual case, which must not wait for a writer
        with self.write() as connection:
            connection.execute(
                "CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) STRICT"
            )
            done = {row["name"] for row in connection.execute("SELECT name FROM migrations")}
            for script in scripts:
                if script.name in done:
                    continue
                try:
                    for statement in split_statements(script.read_text()):
                        connection.execute(statement)
                    connection.execute("INSERT INTO migrations VALUES (?)", (script.name,))
                except sqlite3.OperationalError as error:
                    # Tables that are there although no migration made them.
                    raise DataLoss(f"{script.name}: {error}", field="database") from error

    def _migrated(self) -> set[str]:
        with self.read() as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'"
            ).fetchone():
                return set()
            return {row["name"] for row in connection.execute("SELECT name FROM migrations")}


def split_statements(script: str) -> list[str]:
    """The statements of an SQL script; a trigger's body stays with its trigger."""
    statements: list[str] = []
    pending = ""
    for piece in script.split(";")[:-1]:
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)


def _require_idle(connection: sqlite3.Connection) -> None:
    if connection.in_transaction:
        raise FailedPrecondition("this thread is already in a transaction", field="database")


def _begin(connection: sqlite3.Connection) -> None:
    # SQLite waits for another writer by sleeping up to 100 ms between looks; a commit takes
    # a millisecond, so those sleeps would be most of a decision's time when replicas compete.
    deadline = time.monotonic() + BUSY_TIMEOUT_S
    connection.execute("PRAGMA busy_timeout=0")
    try:
        while True:
            try:
                connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.OperationalError as error:
                if not _is_busy(error) or time.monotonic() >= deadline:
                    raise Unavailable(f"the store is busy: {error}", field="database") from error
            time.sleep(_LOOK_EVERY_S)
    finally:
        connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")


def _commit(connection: sqlite3.Connection) -> None:
    try:
        connection.execute("COMMIT")
    except sqlite3.OperationalError as error:
        raise Unavailable(f"the commit failed: {error}", field="database") from error


def _roll_back(connection: sqlite3.Connection) -> None:
    # SQLite ends the transaction itself after some failures, such as a full disk.
    if connection.in_transaction:
        connection.execute("ROLLBACK")
