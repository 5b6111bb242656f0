"""The rows of the audit log and the hash chain that orders them.

Row n carries ``hash = sha256(canonical JSON of {seq, at, kind, payload, previous})``, where
``payload`` is the payload's canonical JSON (RFC 8785) as text and ``previous`` the hash of
row n - 1. :func:`append` joins the caller's transaction: nothing happens without its row.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.audit.kinds import AuditKind
from troth.clock import utc_now
from troth.digests import canonical_json, digest, parse_json, sha256
from troth.errors import DataLoss, InvalidArgument
from troth.types import isoformat

GENESIS = "0" * 64
"""``previous`` of the first row."""
_ROWS = """
    SELECT seq, CAST(at AS BLOB), CAST(kind AS BLOB), CAST(payload AS BLOB),
           CAST(previous AS BLOB), CAST(hash AS BLOB)
    FROM audit WHERE seq > ? AND (? IS NULL OR kind = ?) ORDER BY seq LIMIT ?
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """One row as stored.

    Attributes:
        seq: position, from 1 without gaps.
        at: time as text, as :func:`troth.types.isoformat` writes it.
        kind: see :class:`serving.audit.kinds.AuditKind`.
        payload: canonical JSON text.
        previous: hash of the row before.
        hash: SHA-256 over the other five.
    """

    seq: int
    at: str
    kind: str
    payload: str
    previous: str
    hash: str

    def expected_hash(self) -> str:
        """What :attr:`hash` is if nothing was changed."""
        return row_hash(self.seq, self.at, self.kind, self.payload, self.previous)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, the payload parsed; one that cannot be stays the text it is."""
        return {
            "seq": self.seq,
            "at": self.at,
            "kind": self.kind,
            "payload": _parsed(self.payload),
            "previous": self.previous,
            "hash": self.hash,
        }


def _parsed(payload: str) -> Any:
    try:
        found = parse_json(payload)
        canonical_json(found)  # what it cannot hold, no other JSON should be made of
    except (ValueError, InvalidArgument):
        return payload
    return found


def row_hash(seq: int, at: str, kind: str, payload: str, previous: str) -> str:
    """SHA-256 over the canonical JSON of the five, ``payload`` as text.

    Spelled out because each group commit of decisions pays for it: several times faster than
    the general serialiser, and equal to it (the tests compare them).
    """
    text = json.dumps(
        {"at": at, "kind": kind, "payload": payload, "previous": previous, "seq": seq},
        ensure_ascii=False,
        separators=(",", ":"),
    )
    return sha256(text.encode())


def append(
    connection: sqlite3.Connection, kind: AuditKind, payload: Any, *, at: datetime | None = None
) -> int:
    """Append a row inside the caller's write transaction.

    Args:
        connection: inside :meth:`serving.store.Database.write`.
        kind: what happened.
        payload: anything canonical JSON can hold.
        at: aware UTC; now unless given.

    Returns:
        The row's ``seq``.

    Raises:
        InvalidArgument: if ``kind`` is none of :class:`AuditKind`, or ``payload`` cannot be
            written.
        DataLoss: if the store swallows the row.
    """
    try:
        kind = AuditKind(kind)
    except ValueError as error:
        raise InvalidArgument(f"{kind!r} is no kind of audit row", field="kind") from error
    text = canonical_json(payload).decode()
    last, previous = head(connection)
    seq, moment = last + 1, isoformat(at or utc_now())
    written = connection.execute(
        "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
        (seq, moment, str(kind), text, previous, row_hash(seq, moment, kind, text, previous)),
    )
    if written.rowcount != 1:
        raise DataLoss(f"the log did not take row {seq}: a trigger swallows it", field="audit")
    return seq


def head(connection: sqlite3.Connection) -> tuple[int, str]:
    """``seq`` and ``hash`` of the last row; (0, genesis) of an empty log."""
    row = connection.execute("SELECT seq, hash FROM audit ORDER BY seq DESC LIMIT 1").fetchone()
    return (row["seq"], row["hash"]) if row else (0, GENESIS)


def rows(
    connection: sqlite3.Connection, *, after: int = 0, kind: str | None = None, limit: int = -1
) -> Iterator[AuditRow]:
    """Rows with ``seq > after``, oldest first, of one kind if given.

    Raises:
        DataLoss: if a row's text is not UTF-8.
    """
    for row in connection.execute(_ROWS, (after, kind, kind, limit)):
        # Decoded here: sqlite3's own failure would end the walk without naming the row.
        seq = row[0]
        try:
            at, name, payload, previous, row_digest = (bytes(cell).decode() for cell in row[1:])
        except (UnicodeDecodeError, TypeError) as error:
            raise DataLoss(f"row {seq} is not text: {error}", field="audit") from error
        yield AuditRow(
            seq=seq, at=at, kind=name, payload=payload, previous=previous, hash=row_digest
        )


def decisions_digest(record_digests: Sequence[str]) -> str:
    """``digest`` of a ``decisions.committed`` row: over its decisions' digests in order."""
    return digest(list(record_digests))
