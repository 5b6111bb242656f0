"""The rows of the audit log and the hash chain that orders them.

Row n carries ``hash = sha256(canonical JSON of {seq, at, kind, payload, previous})``, where
``payload`` is the payload's canonical JSON (RFC 8785) as text and ``previous`` the hash of
row n - 1. :func:`append` joins the caller's transaction: nothing happens without its row.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from serving.audit.kinds import AuditKind
from serving.storage.audit import LogRow
from serving.storage.unit_of_work import UnitOfWork
from troth.clock import utc_now
from troth.digests import canonical_json, digest, parse_json, sha256
from troth.errors import DataLoss, InvalidArgument
from troth.types import isoformat

GENESIS = "0" * 64
"""``previous`` of the first row."""


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


def append(unit: UnitOfWork, kind: AuditKind, payload: Any, *, at: datetime | None = None) -> int:
    """Append a row inside the caller's write transaction.

    Args:
        unit: inside :meth:`serving.storage.database.Database.write`.
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
    last, previous = head(unit)
    seq, moment = last + 1, isoformat(at or utc_now())
    row = LogRow(
        seq, moment, str(kind), text, previous, row_hash(seq, moment, kind, text, previous)
    )
    if not unit.audit.append(row):
        raise DataLoss(f"the log did not take row {seq}: a trigger swallows it", field="audit")
    return seq


def head(unit: UnitOfWork) -> tuple[int, str]:
    """``seq`` and ``hash`` of the last row; (0, genesis) of an empty log."""
    return unit.audit.head() or (0, GENESIS)


def rows(unit: UnitOfWork, *, after: int = 0, kind: str | None = None) -> Iterator[AuditRow]:
    """Rows with ``seq > after``, oldest first, of one kind if given.

    Raises:
        DataLoss: if a row's text is not UTF-8.
    """
    for row in unit.audit.rows(after=after, kind=kind):
        yield AuditRow(**row._asdict())


def decisions_digest(record_digests: Sequence[str]) -> str:
    """``digest`` of a ``decisions.committed`` row: over its decisions' digests in order."""
    return digest(list(record_digests))
