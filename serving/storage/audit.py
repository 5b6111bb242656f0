"""The audit log as rows, and the signed heads stored beside it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select, text

from serving.storage.session import Session
from serving.storage.statements import Statement, decoded, insert_new, stored_text
from serving.storage.tables import audit, checkpoints
from troth.errors import DataLoss


class LogRow(NamedTuple):
    """One row of the log as stored."""

    seq: int
    at: str
    kind: str
    payload: str
    previous: str
    hash: str


class StoredHead(NamedTuple):
    """A signed head as stored."""

    seq: int
    hash: str
    at: str
    public_key: str
    signature: bytes


_a = audit.c
_HEAD = Statement(
    select(_a.seq, _a.hash).where(_a.seq == select(func.max(_a.seq)).scalar_subquery())
)
_HASH = Statement(select(_a.hash).where(_a.seq == bindparam("seq")))
_APPEND = Statement(insert(audit).inline(), LogRow._fields)
_COUNT = Statement(select(func.count()).select_from(audit))
_ROWS = select(
    _a.seq,
    *(stored_text(cell) for cell in (_a.at, _a.kind, _a.payload, _a.previous, _a.hash)),
).where(_a.seq > bindparam("after"))
_AFTER = Statement(_ROWS.order_by(_a.seq))
_AFTER_OF_KIND = Statement(_ROWS.where(_a.kind == bindparam("kind")).order_by(_a.seq))
_OF_KIND = Statement(
    select(_a.seq, _a.payload).where(_a.kind == bindparam("kind")).order_by(_a.seq)
)
_OF_KINDS = Statement(
    select(_a.seq, _a.payload)
    .where(_a.kind.in_([bindparam("first"), bindparam("second")]))
    .order_by(_a.seq)
)
# Spelled as the index's own condition, so that it is used.
_GOVERNANCE = Statement(
    select(_a.seq, _a.kind, _a.payload)
    .where(text("kind <> 'decisions.committed'"))
    .order_by(_a.seq)
)
_ADD_HEAD = insert_new(checkpoints, StoredHead._fields)
_HEADS = Statement(
    select(*(checkpoints.c[name] for name in StoredHead._fields)).order_by(checkpoints.c.seq)
)


class AuditRepository:
    """The log in one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def head(self) -> tuple[int, str] | None:
        """``seq`` and ``hash`` of the last row; ``None`` of an empty log."""
        row = self._session.row(_HEAD)
        return None if row is None else (row[0], row[1])

    def hash_at(self, seq: int) -> str | None:
        """The hash of a row, if it is there."""
        row = self._session.row(_HASH, seq=seq)
        return None if row is None else str(row[0])

    def append(self, row: LogRow) -> bool:
        """Write a row; false if the store swallowed it."""
        return self._session.add(_APPEND, row) == 1

    def count(self) -> int:
        """How many rows there are."""
        return int(self._session.row(_COUNT)[0])

    def rows(self, *, after: int = 0, kind: str | None = None) -> Iterator[LogRow]:
        """Rows with ``seq > after``, oldest first, of one kind if given.

        Raises:
            DataLoss: if a row's text is not UTF-8, naming the row.
        """
        if kind is None:
            found = self._session.stream(_AFTER, after=after)
        else:
            found = self._session.stream(_AFTER_OF_KIND, after=after, kind=kind)
        for seq, *cells in found:
            try:
                yield LogRow(seq, *(decoded(cell) for cell in cells))
            except (UnicodeDecodeError, TypeError) as error:
                raise DataLoss(f"row {seq} is not text: {error}", field="audit") from error

    def payloads(self, kind: str) -> Iterator[tuple[int, str]]:
        """(seq, payload) of the rows of a kind, oldest first."""
        return ((row[0], row[1]) for row in self._session.stream(_OF_KIND, kind=kind))

    def payloads_of_either(self, first: str, second: str) -> Iterator[tuple[int, str]]:
        """(seq, payload) of the rows of two kinds, oldest first."""
        found = self._session.stream(_OF_KINDS, first=first, second=second)
        return ((row[0], row[1]) for row in found)

    def governance(self) -> Iterator[tuple[int, str, str]]:
        """(seq, kind, payload) of all rows but those that commit decisions, oldest first."""
        return ((row[0], row[1], row[2]) for row in self._session.stream(_GOVERNANCE))

    def add_head(self, head: StoredHead) -> None:
        """Store a signed head; one that is there already stays as it is."""
        self._session.add(_ADD_HEAD, head)

    def heads(self) -> list[StoredHead]:
        """The signed heads, oldest first."""
        return [StoredHead._make(row) for row in self._session.rows(_HEADS)]
