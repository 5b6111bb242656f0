"""The SQLite file that holds registry, ledger, decisions, outcomes and audit.

One file, so that a decision, its idempotency row, its contact reservation and its audit row
are one transaction. WAL lets readers go on while one writer commits; ``BEGIN IMMEDIATE``
makes writers queue rather than fail when they upgrade.

A process stays with the file it began with. Should another take its place (a restore, a
deletion), what it went on to write would be lost, so nothing is read or written any more
until the process is started again.
"""

from __future__ import annotations

import os
import sqlite3
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from functools import cache
from importlib.resources import files
from pathlib import Path

from troth.errors import DataLoss, FailedPrecondition, Unavailable

BUSY_TIMEOUT_S = 10.0
"""How long a writer waits for another one."""
_LOOK_EVERY_S = 0.0005
"""How often a waiting writer looks whether the other one is done."""


Shape = frozenset[tuple[str, str, str, str]]
"""Type, name, table and SQL of everything in a schema."""
_STATISTICS = frozenset(
    {
        ("table", "sqlite_stat1", "CREATE TABLE sqlite_stat1(tbl,idx,stat)"),
        ("table", "sqlite_stat4", "CREATE TABLE sqlite_stat4(tbl,idx,neq,nlt,ndlt,sample)"),
    }
)
"""Type, name and SQL of what ``ANALYZE`` makes; it changes how a query is run, not its answer."""


class Database:
    """Connections to one SQLite file, one per thread.

    Args:
        path: the file; created with its folder if absent, for its owner alone.
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
        self._replaced = False
        self._unwritable = False
        path.parent.mkdir(parents=True, exist_ok=True)
        _make_private(path)
        self._file = _identity(path)
        self._migrate()

    @property
    def home(self) -> Path:
        """The folder of the installation: evidence, keys and refusals lie beside the file."""
        return self.path.parent

    @property
    def replaced(self) -> bool:
        """Whether another file has taken the place of the one this process began with."""
        return self._replaced

    @property
    def unwritable(self) -> bool:
        """Whether the last write failed for another reason than a busy store."""
        return self._unwritable

    def condemn(self) -> None:
        """Have every further transaction refused: the content is not what it was."""
        self._replaced = True

    def require_same_file(self) -> None:
        """Raise :class:`Unavailable` once the file is not the one this process began with."""
        if not self._replaced and _identity(self.path) == self._file:
            return
        self._replaced = True
        raise Unavailable(
            f"{self.path} was replaced under this process; start it again",
            field="database",
            cause="store_replaced",
        )

    def _connection(self) -> sqlite3.Connection:
        self.require_same_file()
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._open()
            self._local.connection = connection
        return connection

    def _open(self) -> sqlite3.Connection:
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
    def write(self, *, patience_s: float = BUSY_TIMEOUT_S) -> Iterator[sqlite3.Connection]:
        """One exclusive transaction: committed on exit, rolled back on an exception.

        Args:
            patience_s: how long to wait for another writer, seconds.

        Raises:
            FailedPrecondition: if this thread is already inside a transaction.
            Unavailable: if another writer holds the file for longer than that, the commit
                itself fails (a full disk), or the file was replaced: nothing was written then.
        """
        connection = self._connection()
        _require_idle(connection)
        try:
            _begin(connection, patience_s)
            yield connection
            _commit(connection)
        except BaseException as error:
            self._unwritable = _is_refused_by_disk(error) or self._unwritable
            _roll_back(connection)
            raise
        self.require_same_file()  # or it was committed into a file that nobody will read
        self._unwritable = False

    def foreign(self) -> tuple[str, ...]:
        """What the schema has, lacks or has otherwise than the migrations make it, in words."""
        with self.read() as connection:
            return foreign_to(shape(connection))

    def require_own_schema(self) -> None:
        """Raise :class:`DataLoss` unless the schema is the one that the migrations make."""
        found = self.foreign()
        if found:
            raise DataLoss(f"{self.path}: {'; '.join(found[:3])}", field="database.schema")

    def close(self) -> None:
        """Close this thread's connection."""
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is not None:
            connection.close()
            self._local.connection = None

    def _migrate(self) -> None:
        if {name for name, _ in _scripts()} <= self._migrated():
            return  # the usual case, which must not wait for a writer
        with self.write() as connection:
            _apply_missing(connection)

    def _migrated(self) -> set[str]:
        with self.read() as connection:
            if not connection.execute(
                "SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'migrations'"
            ).fetchone():
                return set()
            return {row["name"] for row in connection.execute("SELECT name FROM migrations")}


@cache
def _scripts() -> tuple[tuple[str, str], ...]:
    """Names and texts of the migrations, in order."""
    found = (p for p in files("serving").joinpath("schema").iterdir() if p.name.endswith(".sql"))
    return tuple((p.name, p.read_text()) for p in sorted(found, key=lambda p: p.name))


def _apply_missing(connection: sqlite3.Connection) -> None:
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) STRICT")
    done = {row[0] for row in connection.execute("SELECT name FROM migrations")}
    for name, text in _scripts():
        if name in done:
            continue
        try:
            for statement in split_statements(text):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?)", (name,))
        except sqlite3.OperationalError as error:
            # Tables that are there although no migration made them.
            raise DataLoss(f"{name}: {error}", field="database") from error


def shape(connection: sqlite3.Connection) -> Shape:
    """The schema of a store, without the statistics that SQLite may keep for itself.

    Whoever writes into the schema can give a trigger a name that begins as SQLite's own do.
    """
    rows = connection.execute("SELECT type, name, tbl_name, sql FROM sqlite_schema")
    found = ((str(row[0]), str(row[1]), str(row[2]), str(row[3])) for row in rows)
    return frozenset(row for row in found if (*row[:2], row[3]) not in _STATISTICS)


@cache
def _own_shape() -> Shape:
    """What the migrations make of an empty store."""
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as connection:
        _apply_missing(connection)
        return shape(connection)


def foreign_to(found: Shape) -> tuple[str, ...]:
    """Where ``found`` is not what the migrations make, in words; sorted."""
    own = _own_shape()
    ours, theirs = ({(row[0], row[1]) for row in rows} for rows in (own, found))
    changed = {(row[0], row[1]) for row in found - own} & ours
    return tuple(
        [f"the {kind} {name!r} is not ours" for kind, name in sorted(theirs - ours)]
        + [f"the {kind} {name!r} is gone" for kind, name in sorted(ours - theirs)]
        + [f"the {kind} {name!r} was changed" for kind, name in sorted(changed)]
    )


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


def _is_refused_by_disk(error: BaseException) -> bool:
    """Whether a write failed because of the disk or the file, not of its content."""
    cause = error if isinstance(error, sqlite3.Error) else error.__cause__
    return isinstance(cause, sqlite3.OperationalError) and not _is_busy(cause)


def _begin(connection: sqlite3.Connection, patience_s: float) -> None:
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
