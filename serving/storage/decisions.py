"""Decisions as rows, and the guardrail configurations they were made under."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from sqlalchemy import bindparam, func, insert, select

from serving.storage.session import Session
from serving.storage.statements import Statement, insert_new
from serving.storage.tables import decisions, guardrail_configs


class StoredAnswer(NamedTuple):
    """What was answered to a request, and the digest of what it asked."""

    request_digest: str
    record: str
    record_digest: str


class StoredRecord(NamedTuple):
    """The record of a decision and its digest, as stored."""

    record: str
    record_digest: str


class NewDecision(NamedTuple):
    """A decision to be stored."""

    decision_id: str
    request_id: str
    request_digest: str
    customer_id: str
    decided_at: str
    record: str
    record_digest: str
    audit_seq: int


class DecisionRow(NamedTuple):
    """A decision as stored; ``position`` is its place in the order of commitment."""

    position: int
    decision_id: str
    request_id: str
    request_digest: str
    customer_id: str
    decided_at: str
    record: str
    record_digest: str
    audit_seq: int


_d = decisions.c
_ANSWER = Statement(
    select(_d.request_digest, _d.record, _d.record_digest).where(
        _d.request_id == bindparam("request_id")
    )
)
_RECORD = Statement(
    select(_d.record, _d.record_digest).where(_d.decision_id == bindparam("decision_id"))
)
_INSERT = Statement(insert(decisions).inline(), NewDecision._fields)
_COUNT = Statement(select(func.count()).select_from(decisions))
_RECORDS = Statement(select(_d.record, _d.record_digest).order_by(_d.position))
_BY_COMMIT = Statement(
    select(*(decisions.c[name] for name in DecisionRow._fields)).order_by(_d.audit_seq, _d.position)
)
_IDS = Statement(select(_d.decision_id))
_NEWEST = Statement(select(func.max(_d.position)))
_REMEMBER = insert_new(guardrail_configs, ("digest", "config"))
_RECALL = Statement(
    select(guardrail_configs.c.config).where(guardrail_configs.c.digest == bindparam("digest"))
)


class DecisionRepository:
    """Decisions of one unit of work."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def answer(self, request_id: str) -> StoredAnswer | None:
        """What was answered to a request."""
        row = self._session.row(_ANSWER, request_id=request_id)
        return None if row is None else StoredAnswer(*row)

    def record(self, decision_id: str) -> StoredRecord | None:
        """The record of a decision."""
        row = self._session.row(_RECORD, decision_id=decision_id)
        return None if row is None else StoredRecord(*row)

    def add(self, new: Sequence[NewDecision]) -> None:
        """Store decisions, in this order."""
        self._session.add_all(_INSERT, new)

    def count(self) -> int:
        """How many there are."""
        return int(self._session.row(_COUNT)[0])

    def records(self) -> Iterator[StoredRecord]:
        """All records, in the order of commitment."""
        return map(StoredRecord._make, self._session.stream(_RECORDS))

    def by_commit(self) -> Iterator[DecisionRow]:
        """All rows, group commit by group commit, in the order of insertion."""
        return map(DecisionRow._make, self._session.stream(_BY_COMMIT))

    def ids(self) -> set[str]:
        """All ids."""
        return {row[0] for row in self._session.stream(_IDS)}

    def probe(self) -> None:
        """Raise whatever keeps decisions from being read."""
        self._session.row(_NEWEST)

    def keep_configuration(self, digest: str, config: str) -> None:
        """Keep a guardrail configuration; one that is there already stays."""
        self._session.change(_REMEMBER, digest=digest, config=config)

    def configuration(self, digest: str) -> str | None:
        """The guardrail configuration of ``digest``, as text."""
        row = self._session.row(_RECALL, digest=digest)
        return None if row is None else str(row[0])
