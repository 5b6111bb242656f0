"""A store that is a PostgreSQL database, version 15 or later.

Readers have a snapshot (``REPEATABLE READ``, read only). Writers take one advisory lock for the
length of their transaction, so that they come one after another, as they do on SQLite: the hash
chain needs that, and whoever holds the lock sees all that was committed before.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import psycopg
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus

from serving.storage import postgresql_shape, upgrading
from serving.storage.statements import POSTGRESQL
from troth.database_url import DatabaseUrl
from troth.errors import DataLoss, InvalidArgument, TrothError, Unavailable

_CONNECT_S = 10
"""How long to wait for the server, seconds, unless the URL says otherwise."""
_ROWS_AT_ONCE = 2000
"""Fetched by a stream in one go."""
_TOO_LONG = frozenset({"25P03", "25P04"})
"""States of a transaction that the server ended because it was idle, or open, for too long."""
_BEGIN_READ = "BEGIN TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_LOCK = "SELECT pg_advisory_xact_lock(hashtextextended('troth ' || current_schema(), 0))"
"""One writer of a store at a time; stores in other schemas of the database do not wait."""


class PostgresqlDriver:
    """One PostgreSQL database, in the schema that the connection finds first.

    Args:
        url: where; credentials as libpq takes them, from the URL or from the environment.
        durable: ``synchronous_commit=on``, so that a committed transaction survives the loss of
            power; false is the death of this process only.
    """

    dialect = POSTGRESQL
    failures: tuple[type[Exception], ...] = (psycopg.Error,)

    def __init__(self, url: DatabaseUrl, *, durable: bool = True) -> None:
        self._url = url
        self._durable = durable

    @property
    def name(self) -> str:
        """The URL without a password."""
        return str(self._url)

    def open(self) -> psycopg.Connection[Any]:
        """A connection; raises as :meth:`serving.storage.driver.Driver.open`."""
        try:
            given: dict[str, Any] = {"connect_timeout": _CONNECT_S, "application_name": "troth"}
            given |= conninfo_to_dict(self._url.secret)
        except psycopg.Error:  # whose words repeat the URL, and what is secret in it
            message = "is not a URL as PostgreSQL understands it"
            raise InvalidArgument(message, field="database") from None
        try:
            connection = psycopg.connect(make_conninfo(**given), autocommit=True)
        except psycopg.Error as error:
            message = f"{self.name} cannot be reached: {_line(error)}"
            raise Unavailable(message, field="database") from error
        try:
            kept = "on" if self._durable else "off"
            # A writer must see what was committed while it waited for its turn, whatever is the
            # server's default.
            connection.execute(
                f"SET synchronous_commit = {kept}; SET client_encoding = 'UTF8';"
                " SET default_transaction_isolation = 'read committed'"
            )
        except psycopg.Error as error:
            connection.close()
            raise self.typed(error) from error
        return connection

    def let_go(self, connection: psycopg.Connection[Any]) -> None:
        """Hang up."""
        connection.close()

    def is_usable(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether the server has not hung up, as far as is known."""
        return not connection.closed

    def in_transaction(self, connection: psycopg.Connection[Any]) -> bool:
        """Whether a transaction is open."""
        return connection.info.transaction_status is not TransactionStatus.IDLE

    def begin_read(self, connection: psycopg.Connection[Any]) -> None:
        """A snapshot, from its first statement on."""
        self._run(connection, _BEGIN_READ)

    def begin_write(self, connection: psycopg.Connection[Any], patience_s: float) -> None:
        """Take the one writer's lock."""
        # One round trip; the lock is taken before any statement has its snapshot.
        patience_ms = max(1, int(patience_s * 1000))
        self._run(connection, f"BEGIN; SET LOCAL lock_timeout = {patience_ms}; {_LOCK}")

    def commit(self, connection: psycopg.Connection[Any]) -> None:
        """Commit, on the disk of the server before this returns if durable."""
        try:
            connection.execute("COMMIT")
        except psycopg.OperationalError as error:
            raise Unavailable(f"the commit failed: {_line(error)}", field="database") from error
        except psycopg.Error as error:
            raise self.typed(error) from error

    def roll_back(self, connection: psycopg.Connection[Any]) -> None:
        """Undo; a connection that is lost has been undone by the server."""
        if not connection.closed and self.in_transaction(connection):
            try:
                connection.execute("ROLLBACK")
            except psycopg.Error:
                connection.close()

    def stream(
        self, connection: psycopg.Connection[Any], text: str, values: Sequence[Any]
    ) -> Iterator[Any]:
        """Rows as they come, from a cursor of the server."""
        with connection.cursor(name="troth") as cursor:
            cursor.itersize = _ROWS_AT_ONCE
            yield from cursor.execute(text, values)

    def typed(self, error: Exception) -> TrothError:
        """The error of ours for one of the driver's."""
        told = _line(error)
        if isinstance(error, errors.LockNotAvailable | errors.QueryCanceled):
            return Unavailable(f"the store is busy: {told}", field="database")
        if isinstance(error, psycopg.OperationalError | psycopg.InterfaceError):
            return Unavailable(f"the store cannot be read or written: {told}", field="database")
        if getattr(error, "sqlstate", None) in _TOO_LONG:
            return Unavailable(f"the store hung up: {told}", field="database")
        if isinstance(error, errors.ReadOnlySqlTransaction):
            return Unavailable(f"the store cannot be written: {told}", field="database")
        if isinstance(error, errors.InsufficientPrivilege):
            return Unavailable(f"the store may not be read or written: {told}", field="database")
        if isinstance(error, psycopg.DataError):
            return InvalidArgument(f"the store cannot hold it: {told}", field="database")
        return DataLoss(f"the store is damaged: {told}", field="database")

    def is_refused(self, error: Exception) -> bool:
        """Whether a write failed because of the server, its disk or the way to it."""
        if isinstance(error, errors.LockNotAvailable):
            return False
        refused = (psycopg.OperationalError, errors.ReadOnlySqlTransaction)
        return isinstance(error, refused)

    def revision(self, connection: psycopg.Connection[Any]) -> str | None:
        """The revision of the database."""
        try:
            if not self.has_table(connection, "alembic_version"):
                return None
            row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        except psycopg.Error as error:
            raise self.typed(error) from error
        return None if row is None else str(row[0])

    def upgrade(self, connection: psycopg.Connection[Any]) -> None:
        """Bring the database to the newest revision."""
        try:
            upgrading.upgrade_postgresql(connection, _LOCK)
        except psycopg.Error as error:
            if isinstance(typed := self.typed(error), Unavailable):
                raise typed from error
            message = f"{self.name} has no schema of ours and takes none: {_line(error)}"
            raise DataLoss(message, field="database") from error

    def require_same(self) -> None:
        """Nothing: a database has no identity that a restore would change.

        That the log does not go on from the row last seen shows one; replicas look for that.
        """

    def has_table(self, connection: psycopg.Connection[Any], name: str) -> bool:
        """Whether there is such a table."""
        # Null, so none, where no schema of the search path is there or may be looked into.
        query = "SELECT to_regclass(quote_ident(current_schema()) || '.' || quote_ident(%s))"
        row = connection.execute(query, (name,)).fetchone()
        return row is not None and row[0] is not None

    def foreign(self, connection: psycopg.Connection[Any]) -> tuple[str, ...]:
        """Compare tables, columns, indexes, triggers, rules and policies with those of ours."""
        return postgresql_shape.foreign(connection)

    def inconsistent(
        self, connection: psycopg.Connection[Any], tables: tuple[str, ...]
    ) -> Iterator[str]:
        """Nothing: PostgreSQL's own check (``amcheck``) is an extension for its superusers."""
        return iter(())

    def _run(self, connection: psycopg.Connection[Any], text: str) -> None:
        try:
            connection.execute(text)
        except psycopg.Error as error:
            raise self.typed(error) from error


def _line(error: Exception) -> str:
    """What the server says, else what the driver does, in one line."""
    said = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return " ".join((said or str(error)).split())
