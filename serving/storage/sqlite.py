"""A store that is an SQLite file.

WAL lets readers go on while one writer commits; ``BEGIN IMMEDIATE`` makes writers queue rather
than fail when they upgrade.

A process stays with the file it began with. Should another take its place (a restore, a
deletion), what it went on to write would be lost, so nothing is read or written any more
until the process is started again.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from serving.storage import sqlite_shape, upgrading
from serving.storage.driver import BUSY_TIMEOUT_S as BUSY_TIMEOUT_S
from serving.storage.statements import SQLITE
from troth.errors import DataLoss, TrothError, Unavailable
from troth.files import whole

_LOOK_EVERY_S = 0.0005
"""How often a waiting writer looks whether the other one is done."""


class SqliteDriver:
    """One SQLite file.

    Args:
        path: the file; made with its folder if absent, for its owner alone.
        durable: ``synchronous=FULL``, so that a committed transaction survives power loss;
            false gives NORMAL, which survives the death of a process only.
    """

    dialect = SQLITE
    failures: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self.path = path
        self._synchronous = "FULL" if durable else "NORMAL"
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_private(path)
        self._file = _identity(path)

    @property
    def name(self) -> str:
        """The path."""
        return str(self.path)

    def open(self) -> sqlite3.Connection:
        """A connection; raises as :meth:`serving.storage.driver.Driver.open`."""
        connection: sqlite3.Connection | None = None
        try:
            # Never one that makes the file: a store that is gone must not come back empty.
            connection = sqlite3.connect(
                f"{self.path.absolute().as_uri()}?mode=rw",
                uri=True,
                timeout=BUSY_TIMEOUT_S,
                isolation_level=None,
            )
            connection.row_factory = sqlite3.Row
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute(f"PRAGMA synchronous={self._synchronous}")
            connection.execute("PRAGMA foreign_keys=ON")
        except sqlite3.DatabaseError as error:
            if connection is not None:
                connection.close()
            if isinstance(typed := self.typed(error), Unavailable):
                raise typed from error
            raise DataLoss(f"{self.path}: {error}", field="database") from error
        return connection

    def let_go(self, connection: sqlite3.Connection) -> None:
        """Nothing: it ends with its last reference, and no other thread may end it."""

    def is_usable(self, connection: sqlite3.Connection) -> bool:
        """Always: a file does not hang up."""
        return True

    def in_transaction(self, connection: sqlite3.Connection) -> bool:
        """Whether a transaction is open."""
        return connection.in_transaction

    def begin_read(self, connection: sqlite3.Connection) -> None:
        """A snapshot, from its first statement on."""
        connection.execute("BEGIN")

    def begin_write(self, connection: sqlite3.Connection, patience_s: float) -> None:
        """Take the write lock."""
        # SQLite waits for another writer by sleeping up to 100 ms between looks; a commit takes
        # a millisecond, so those sleeps would be most of a decision's time when replicas compete.
        deadline = time.monotonic() + patience_s
        connection.execute("PRAGMA busy_timeout=0")
        try:
            while True:
                try:
                    connection.execute("BEGIN IMMEDIATE")
                    return
                except sqlite3.OperationalError as error:
                    if not _is_busy(error) or time.monotonic() >= deadline:
                        message = f"the store is busy: {error}"
                        raise Unavailable(message, field="database") from error
                time.sleep(_LOOK_EVERY_S)
        finally:
            connection.execute(f"PRAGMA busy_timeout={int(BUSY_TIMEOUT_S * 1000)}")

    def commit(self, connection: sqlite3.Connection) -> None:
        """Commit, on the disk before this returns if durable."""
        try:
            connection.execute("COMMIT")
        except sqlite3.OperationalError as error:
            raise Unavailable(f"the commit failed: {error}", field="database") from error
        except sqlite3.Error as error:
            raise self.typed(error) from error

    def roll_back(self, connection: sqlite3.Connection) -> None:
        """Undo; SQLite ends the transaction itself after some failures, such as a full disk."""
        if connection.in_transaction:
            connection.execute("ROLLBACK")

    def stream(
        self, connection: sqlite3.Connection, text: str, values: Sequence[Any]
    ) -> Iterator[Any]:
        """Rows as they come."""
        return connection.execute(text, values)

    def typed(self, error: Exception) -> TrothError:
        """The error of ours for one of the driver's."""
        code = getattr(error, "sqlite_errorcode", None)
        # Of the errors that SQLite calls operational, those without a code of their own are of
        # the schema (no such table) and of text that is none: what is stored is not ours.
        own = code is not None and code & 0xFF != sqlite3.SQLITE_ERROR
        if isinstance(error, sqlite3.DatabaseError) and _is_busy(error):
            return Unavailable(f"the store is busy: {error}", field="database")
        if isinstance(error, sqlite3.OperationalError) and own:
            return Unavailable(f"the store cannot be read or written: {error}", field="database")
        return DataLoss(f"the store is damaged: {error}", field="database")

    def is_refused(self, error: Exception) -> bool:
        """Whether a write failed because of the disk or the file."""
        return isinstance(error, sqlite3.OperationalError) and not _is_busy(error)

    def revision(self, connection: sqlite3.Connection) -> str | None:
        """The revision of the file."""
        try:
            return upgrading.sqlite_revision(connection)
        except sqlite3.Error as error:
            raise self.typed(error) from error

    def upgrade(self, connection: sqlite3.Connection) -> None:
        """Bring the file to the newest revision."""
        try:
            upgrading.upgrade_sqlite(connection)
        except sqlite3.Error as error:
            if isinstance(typed := self.typed(error), Unavailable):
                raise typed from error
            message = f"{self.path} has no schema of ours and takes none: {error}"
            raise DataLoss(message, field="database") from error

    def require_same(self) -> None:
        """Raise :class:`Unavailable` if another file is in the place of this one."""
        if _identity(self.path) != self._file:
            raise Unavailable(f"{self.path} was replaced", field="database")

    def has_table(self, connection: sqlite3.Connection, name: str) -> bool:
        """Whether there is such a table."""
        query = "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = ?"
        return connection.execute(query, (name,)).fetchone() is not None

    def foreign(self, connection: sqlite3.Connection) -> tuple[str, ...]:
        """Compare everything in the schema, SQL text by SQL text."""
        return sqlite_shape.foreign_to(sqlite_shape.shape(connection))

    def inconsistent(
        self, connection: sqlite3.Connection, tables: tuple[str, ...]
    ) -> Iterator[str]:
        """SQLite's own integrity check."""
        pragmas = [f"PRAGMA integrity_check({table})" for table in tables]
        for pragma in pragmas or ["PRAGMA integrity_check"]:
            for row in connection.execute(pragma):
                if row[0] != "ok":
                    yield str(row[0])


def copy_file(path: Path, to: Path) -> None:
    """Copy a store, as it is committed at this moment, whole and for its owner alone.

    Raises:
        Unavailable: if it cannot be read, or the copy not written.
        DataLoss: if it is damaged.
    """
    driver = SqliteDriver(path)
    with whole(to, mode=0o600) as partial, closing(driver.open()) as source:
        try:
            with closing(sqlite3.connect(partial)) as target:
                source.backup(target)
                target.execute("PRAGMA journal_mode=DELETE")  # one file, no -wal beside it
        except sqlite3.Error as error:
            raise driver.typed(error) from error


def _make_private(path: Path) -> None:
    """Make the file if need be; nobody but its owner may read who was written to, and why."""
    os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
    for name in (path, *(path.with_name(path.name + end) for end in ("-wal", "-shm"))):
        if name.exists() and stat.S_IMODE(name.stat().st_mode) & 0o077:
            name.chmod(0o600)


def _identity(path: Path) -> tuple[int, int] | None:
    try:
        found = os.stat(path)  # noqa: PTH116 - twice per transaction, and Path.stat costs double
    except OSError:
        return None
    return found.st_dev, found.st_ino


def _is_busy(error: sqlite3.DatabaseError) -> bool:
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & 0xFF in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
