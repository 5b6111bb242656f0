"""SQL statements: written once with SQLAlchemy Core, compiled once for each kind of store.

They run on the driver's own connection. A decision takes a dozen of them, and what an engine
does around each would be a tenth of its time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any, NamedTuple

from sqlalchemy import LargeBinary, Table, Text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.dialects.postgresql.psycopg import PGDialect_psycopg
from sqlalchemy.engine.interfaces import Dialect
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.crud import REQUIRED
from sqlalchemy.sql.elements import ClauseElement
from sqlalchemy.sql.functions import FunctionElement

SQLITE, POSTGRESQL = "sqlite", "postgresql"
_DIALECTS: dict[str, Dialect] = {
    SQLITE: sqlite.dialect(paramstyle="qmark"),
    POSTGRESQL: PGDialect_psycopg(paramstyle="format"),  # type: ignore[no-untyped-call]
}
_INSERTS: dict[str, Callable[..., Any]] = {SQLITE: sqlite.insert, POSTGRESQL: postgresql.insert}


class Compiled(NamedTuple):
    """A statement as a driver takes it.

    Attributes:
        text: with a mark for each parameter.
        order: the parameters in the order of the marks, of a mapping by name.
    """

    text: str
    order: Callable[[Mapping[str, Any]], Sequence[Any]]


class Statement:
    """One statement with named parameters.

    Args:
        made: the statement; or what makes it of the dialect's own ``insert``, for an insert
            that says what happens when the row is there already.
        columns: of an insert, the columns that values are given for.
    """

    def __init__(
        self, made: ClauseElement | Callable[[Any], ClauseElement], columns: Sequence[str] = ()
    ) -> None:
        self._made = made
        self._columns = list(columns) or None
        self._compiled: dict[str, Compiled] = {}

    def compiled(self, dialect: str) -> Compiled:
        """The SQL of ``dialect``."""
        found = self._compiled.get(dialect)
        if found is None:
            found = self._compiled[dialect] = self._compile(dialect)
        return found

    def _compile(self, dialect: str) -> Compiled:
        made = self._made
        element = made if isinstance(made, ClauseElement) else made(_INSERTS[dialect])
        compiled = element.compile(dialect=_DIALECTS[dialect], column_keys=self._columns)
        bound = {name for name, value in compiled.params.items() if value not in (None, REQUIRED)}
        if bound:  # a constant has to stand in the text: nobody gives it
            raise ValueError(f"{compiled} binds {sorted(bound)}")
        names: Sequence[str] = getattr(compiled, "positiontup", None) or ()
        return Compiled(str(compiled), _in_order(names))


def _in_order(names: Sequence[str]) -> Callable[[Mapping[str, Any]], Sequence[Any]]:
    if len(names) > 1:
        return itemgetter(*names)
    return lambda values: [values[name] for name in names]


class stored_text(FunctionElement[Any]):  # noqa: N801 - reads as the SQL function it stands for
    """A text column as the store has it, see :func:`decoded`.

    In SQLite that is its bytes: a cell that is no UTF-8 would end the whole reading otherwise,
    without naming its row. PostgreSQL does not take such text in the first place.
    """

    inherit_cache = True
    type = LargeBinary().with_variant(Text(), POSTGRESQL)


@compiles(stored_text, SQLITE)
def _as_bytes(element: stored_text, compiler: Any, **options: Any) -> str:
    return f"CAST({compiler.process(element.clauses, **options)} AS BLOB)"


@compiles(stored_text, POSTGRESQL)
def _as_text(element: stored_text, compiler: Any, **options: Any) -> str:
    return str(compiler.process(element.clauses, **options))


def decoded(cell: bytes | str, errors: str = "strict") -> str:
    """The text of a :class:`stored_text` cell.

    Raises:
        UnicodeDecodeError: if it is none, unless ``errors`` says otherwise.
        TypeError: if it is not even bytes.
    """
    return cell if isinstance(cell, str) else bytes(cell).decode(errors=errors)


def insert_new(table: Table, columns: Sequence[str]) -> Statement:
    """Insert a row that is not there already; one that is stays as it is."""
    return Statement(lambda insert: insert(table).inline().on_conflict_do_nothing(), columns)


def upsert(table: Table, columns: Sequence[str], *, over: Sequence[str]) -> Statement:
    """Insert a row, or put it in place of the one with the same key.

    Args:
        table: where to.
        columns: that values are given for.
        over: those of them that take the place of what is there.
    """
    keys = [column.name for column in table.primary_key]

    def made(insert: Callable[..., Any]) -> ClauseElement:
        new = insert(table).inline()
        put: ClauseElement = new.on_conflict_do_update(
            index_elements=keys, set_={name: new.excluded[name] for name in over}
        )
        return put

    return Statement(made, columns)
