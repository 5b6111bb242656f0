"""The store that holds registry, ledger, decisions, outcomes and audit: by file or by URL.

One store, so that a decision, its idempotency row, its contact reservation and its audit row
are one transaction. A reader sees one state and goes on while a writer commits; writers come
one after another, as the hash chain of the audit log needs.
"""

from __future__ import annotations

import threading
import weakref
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from serving.storage import migrating
from serving.storage.driver import BUSY_TIMEOUT_S, Driver
from serving.storage.sqlite import SqliteDriver, copy_file
from serving.storage.unit_of_work import UnitOfWork
from troth.database_url import DatabaseUrl
from troth.errors import DataLoss, FailedPrecondition, Unavailable


def driver_of(where: Path | DatabaseUrl, *, durable: bool = True) -> Driver:
    """What drives the store at ``where``; opens nothing.

    Raises:
        FailedPrecondition: if what drives PostgreSQL is not installed.
    """
    if isinstance(where, Path):
        return SqliteDriver(where, durable=durable)
    from serving.storage.postgresql import PostgresqlDriver  # an extra of its own

    return PostgresqlDriver(where, durable=durable)


class Database:
    """Connections to one store, one per thread.

    Args:
        where: an SQLite file, created with its folder if absent, for its owner alone; or a
            PostgreSQL database, which must be there.
        home: the folder of the installation; that of the file unless given.
        make: make the schema in a store that is empty; else that is refused.
        durable: a committed transaction survives power loss (SQLite's ``synchronous=FULL``,
            PostgreSQL's ``synchronous_commit=on``); false is the death of a process only.

    Raises:
        DataLoss: if it is no store, or holds tables that no migration made.
        NotFound: if it is empty, and not to be made.
        FailedPrecondition: if it was made by an earlier version, and ``troth migrate`` was not
            run; or by a later one.
        Unavailable: if it cannot be reached, or another process holds it for longer than the
            busy timeout.
    """

    def __init__(
        self,
        where: Path | DatabaseUrl,
        *,
        home: Path | None = None,
        make: bool = True,
        durable: bool = True,
    ) -> None:
        self.where = where
        if home is None and not isinstance(where, Path):
            raise FailedPrecondition("a store by URL needs the home beside it", field="home")
        self.home = home if home is not None else Path(where).parent  # type: ignore[arg-type]
        """The folder of the installation: evidence, keys and refusals lie in it."""
        self._driver = driver_of(where, durable=durable)
        self._local = threading.local()
        self._replaced = False
        self._unwritable = False
        try:
            migrating.require_current(self._driver, self._unit().connection, make=make)
        except BaseException:
            self.close()
            raise

    @property
    def path(self) -> Path:
        """The file.

        Raises:
            FailedPrecondition: if the store is none.
        """
        if not isinstance(self.where, Path):
            raise FailedPrecondition(f"{self.where} is no file", field="database")
        return self.where

    @property
    def name(self) -> str:
        """What to call the store in messages; no password is in it."""
        return self._driver.name

    @property
    def replaced(self) -> bool:
        """Whether another store has taken the place of the one this process began with."""
        return self._replaced

    @property
    def unwritable(self) -> bool:
        """Whether the last write failed for another reason than a busy store."""
        return self._unwritable

    def condemn(self) -> None:
        """Have every further transaction refused: the content is not what it was."""
        self._replaced = True

    def require_same_store(self) -> None:
        """Raise :class:`Unavailable` once the store is not the one this process began with."""
        if not self._replaced:
            try:
                self._driver.require_same()
                return
            except Unavailable:
                self._replaced = True
        raise Unavailable(
            f"{self.name} was replaced under this process; start it again",
            field="database",
            cause="store_replaced",
        )

    def _unit(self) -> UnitOfWork:
        self.require_same_store()
        unit: UnitOfWork | None = getattr(self._local, "unit", None)
        if unit is not None and not self._driver.is_usable(unit.connection):
            self.close()
            unit = None
        if unit is None:
            connection = self._driver.open()
            unit = UnitOfWork(self._driver, connection)
            weakref.finalize(unit, self._driver.let_go, connection)
            self._local.unit = unit
        elif self._driver.in_transaction(unit.connection):
            raise FailedPrecondition("this thread is already in a transaction", field="database")
        return unit

    def _begun(self, unit: UnitOfWork, begin: Callable[[Any], None]) -> UnitOfWork:
        """``unit`` in a transaction; a new one if its server hung up since it was last used."""
        try:
            begin(unit.connection)
        except Unavailable:
            if self._driver.is_usable(unit.connection):
                raise
            unit = self._unit()  # nothing was done yet that could be lost
            begin(unit.connection)
        return unit

    @contextmanager
    def read(self) -> Iterator[UnitOfWork]:
        """A snapshot: every statement inside sees one state.

        Raises:
            FailedPrecondition: if this thread is already inside a transaction.
        """
        unit = self._begun(self._unit(), self._driver.begin_read)
        try:
            yield unit
        finally:
            unit.take_failure()
            self._driver.roll_back(unit.connection)

    @contextmanager
    def write(self, *, patience_s: float = BUSY_TIMEOUT_S) -> Iterator[UnitOfWork]:
        """One exclusive transaction: committed on exit, rolled back on an exception.

        If a statement failed, it is not committed, even where that was caught: what the
        statement belonged to may be half written. The failure is raised then.

        Args:
            patience_s: how long to wait for another writer, seconds.

        Raises:
            FailedPrecondition: if this thread is already inside a transaction.
            Unavailable: if another writer holds the store for longer than that, the commit
                itself fails (a full disk), or the store was replaced: nothing was written then.
        """
        unit = self._unit()
        try:
            unit = self._begun(unit, lambda it: self._driver.begin_write(it, patience_s))
            yield unit
            if (failure := unit.take_failure()) is not None:
                raise failure
            self._driver.commit(unit.connection)
        except BaseException as error:
            cause = error.__cause__ if isinstance(error, Unavailable | DataLoss) else error
            if isinstance(cause, self._driver.failures):
                self._unwritable = self._driver.is_refused(cause) or self._unwritable
            unit.take_failure()
            self._driver.roll_back(unit.connection)
            raise
        self.require_same_store()  # or it was committed into a file that nobody will read
        self._unwritable = False

    def foreign(self) -> tuple[str, ...]:
        """What the schema has, lacks or has otherwise than the migrations make it, in words."""
        with self.read() as unit:
            return unit.foreign()

    def require_own_schema(self) -> None:
        """Raise :class:`DataLoss` unless the schema is the one that the migrations make."""
        found = self.foreign()
        if found:
            raise DataLoss(f"{self.name}: {'; '.join(found[:3])}", field="database.schema")

    def copy(self, to: Path) -> None:
        """Copy an SQLite file, as it is committed at this moment, whole and for its owner alone.

        Raises:
            FailedPrecondition: if the store is no file.
            Unavailable: if it cannot be read, or the copy not written.
        """
        copy_file(self.path, to)

    def close(self) -> None:
        """Close this thread's connection."""
        unit: UnitOfWork | None = getattr(self._local, "unit", None)
        if unit is not None:
            self._local.unit = None
            unit.connection.close()
