"""Statements in one transaction: what repositories read and write with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from serving.storage.driver import Driver
from serving.storage.statements import Statement
from troth.errors import TrothError


class Session:
    """Runs statements on a connection of a driver.

    Whatever the driver raises becomes an error of ours: :class:`troth.errors.Unavailable` if
    the store is busy, full or out of reach, :class:`troth.errors.DataLoss` if it is damaged or
    does not take what is written.
    """

    def __init__(self, driver: Driver, connection: Any) -> None:
        self.connection = connection
        """The driver's own."""
        self._driver = driver
        self._dialect = driver.dialect
        self._failures = driver.failures
        self._failure: TrothError | None = None

    def take_failure(self) -> TrothError | None:
        """The first statement's failure since this was last asked, whoever has caught it."""
        failure, self._failure = self._failure, None
        return failure

    def _failed(self, error: Exception) -> TrothError:
        typed = self._driver.typed(error)
        self._failure = self._failure or typed
        return typed

    def rows(self, statement: Statement, /, **values: Any) -> list[Any]:
        """All rows of a query; each is a tuple."""
        text, order = statement.compiled(self._dialect)
        try:
            found: list[Any] = self.connection.execute(text, order(values)).fetchall()
        except self._failures as error:
            raise self._failed(error) from error
        return found

    def row(self, statement: Statement, /, **values: Any) -> Any:
        """The first row, ``None`` if there is none."""
        text, order = statement.compiled(self._dialect)
        try:
            return self.connection.execute(text, order(values)).fetchone()
        except self._failures as error:
            raise self._failed(error) from error

    def stream(self, statement: Statement, /, **values: Any) -> Iterator[Any]:
        """Rows as they come: for what may be more than fits into memory."""
        text, order = statement.compiled(self._dialect)
        try:
            yield from self._driver.stream(self.connection, text, order(values))
        except self._failures as error:
            raise self._failed(error) from error

    def change(self, statement: Statement, /, **values: Any) -> int:
        """Write; returns how many rows were."""
        text, order = statement.compiled(self._dialect)
        try:
            changed: int = self.connection.execute(text, order(values)).rowcount
        except self._failures as error:
            raise self._failed(error) from error
        return changed

    def change_all(self, statement: Statement, values: Sequence[Mapping[str, Any]]) -> None:
        """As :meth:`change`, once for each of ``values``."""
        text, order = statement.compiled(self._dialect)
        if values:
            self.executemany(text, [order(one) for one in values])

    def add(self, statement: Statement, row: tuple[Any, ...]) -> int:
        """Insert a row whose cells are in the order of the statement's columns."""
        text, _ = statement.compiled(self._dialect)
        try:
            changed: int = self.connection.execute(text, row).rowcount
        except self._failures as error:
            raise self._failed(error) from error
        return changed

    def add_all(self, statement: Statement, rows: Sequence[tuple[Any, ...]]) -> None:
        """As :meth:`add`, of many rows."""
        text, _ = statement.compiled(self._dialect)
        if rows:
            self.executemany(text, rows)

    def execute(self, text: str, values: Any = ()) -> Any:
        """Run SQL of the store's own dialect, for storage itself; returns the driver's cursor."""
        try:
            return self.connection.execute(text, values)
        except self._failures as error:
            raise self._failed(error) from error

    def executemany(self, text: str, values: Sequence[Any]) -> None:
        """As :meth:`execute`, once for each of ``values``."""
        try:
            self.connection.cursor().executemany(text, values)
        except self._failures as error:
            raise self._failed(error) from error

    def has_table(self, name: str) -> bool:
        """Whether there is such a table."""
        return self._driver.has_table(self.connection, name)

    def foreign(self) -> tuple[str, ...]:
        """What the schema has, lacks or has otherwise than the migrations make it, in words."""
        try:
            return self._driver.foreign(self.connection)
        except self._failures as error:
            raise self._failed(error) from error

    def inconsistent(self, *tables: str) -> Iterator[str]:
        """Where indexes and tables (all of them if none is named) disagree, in words."""
        try:
            yield from self._driver.inconsistent(self.connection, tables)
        except self._failures as error:
            raise self._failed(error) from error
