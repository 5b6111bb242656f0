"""Outcomes as rows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from sqlalchemy import bindparam, insert, select

from serving.storage.session import Session
from serving.storage.statements import Statement
from serving.storage.tables import outcomes


class OutcomeRow(NamedTuple):
    """An outcome as stored: ``occurred_at`` is what is believed, ``reported_at`` what was said."""

    outcome_id: str
    decision_id: str
    kind: str
    value_minor: int
    occurred_at: str
    recorded_at: str
    reported_at: str


_ROW = select(*(outcomes.c[name] for name in OutcomeRow._fields))
_GET = Statement(_ROW.where(outcomes.c.outcome_id == bindparam("outcome_id")))
_OF_KIND = Statement(_ROW.where(outcomes.c.kind == bindparam("kind")))
_ADD = Statement(insert(outcomes).inline(), OutcomeRow._fields)


class OutcomeRepository:
    """Outcomes in one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, outcome_id: str) -> OutcomeRow | None:
        """One outcome."""
        row = self._session.row(_GET, outcome_id=outcome_id)
        return None if row is None else OutcomeRow._make(row)

    def add(self, row: OutcomeRow) -> None:
        """Store an outcome."""
        self._session.add(_ADD, row)

    def of_kind(self, kind: str) -> Iterator[OutcomeRow]:
        """All outcomes of a kind, in no order."""
        return map(OutcomeRow._make, self._session.stream(_OF_KIND, kind=kind))
