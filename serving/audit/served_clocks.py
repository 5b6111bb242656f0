"""Clocks other than the host's that an installation was ever served under."""

from __future__ import annotations

from datetime import datetime

from serving.audit import chain
from serving.audit.kinds import AuditKind
from serving.storage.database import Database
from troth.digests import parse_json
from troth.types import isoformat


def remember(database: Database, *, start: datetime, rate: float) -> None:
    """Write such a clock to the audit log; once, however many replicas follow it.

    Args:
        database: the store.
        start: what it shows at its origin, aware UTC.
        rate: its seconds per second.
    """
    facts = {"start": isoformat(start), "rate": rate}
    with database.write() as unit:
        for row in chain.rows(unit, kind=AuditKind.OTHER_CLOCK):
            if parse_json(row.payload) == facts:
                return
        chain.append(unit, AuditKind.OTHER_CLOCK, facts)


def other_clock(database: Database) -> str | None:
    """In words, the last such clock; ``None`` if there was only ever the host's.

    Raises:
        DataLoss: if the audit row cannot be read.
    """
    with database.read() as unit:
        found = list(chain.rows(unit, kind=AuditKind.OTHER_CLOCK))
    if not found:
        return None
    facts = parse_json(found[-1].payload)
    return f"served under another clock: from {facts['start']}, at {facts['rate']:g} times the pace"
