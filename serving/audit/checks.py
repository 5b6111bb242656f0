"""What else an audit compares: the tables whose every change the log must tell of."""

from __future__ import annotations

import base64
from collections.abc import Callable, Iterable, Iterator
from itertools import groupby
from typing import Any

from serving.audit.chain import decisions_digest
from serving.audit.findings import Finding, FindingKind
from serving.audit.kinds import AuditKind
from serving.audit.told_permissions import check_permissions
from serving.storage.decisions import DecisionRow
from serving.storage.statements import decoded
from serving.storage.unit_of_work import UnitOfWork
from troth.digests import parse_json, sha256

Progress = Callable[[str, int, int], None]
"""Called every few thousand rows with the table, its rows read and its rows in all."""
Check = Callable[[UnitOfWork, Progress], Iterator[Finding]]
"""Compares some table with the log; runs inside one read snapshot."""
PROGRESS_EVERY = 4096

_SIGNED = {
    AuditKind.PROPOSED: "propose",
    AuditKind.APPROVED: "approve",
    AuditKind.REFUSED: "refuse",
}
_SIGNED_CELLS = ("proposal_id", "member", "signed_at", "reason", "signature")


def check_decisions(unit: UnitOfWork, on_progress: Progress) -> Iterator[Finding]:
    """Every decision is as it was committed, none is missing and none was slipped in.

    Reads ``decisions(record, record_digest, audit_seq)``: each ``decisions.committed`` row
    carries the count and the digest over the ``record_digest`` of the decisions of its group
    commit in order of insertion, and ``record_digest`` is the SHA-256 of the canonical JSON
    text ``record``. Columns that repeat a key of the record, for look-ups, must hold the same.
    """
    committed = _committed(unit)
    rows: Iterable[DecisionRow] = ()
    if unit.has_table("decisions"):
        total = unit.decisions.count()
        rows = _counted(unit.decisions.by_commit(), "decisions", total, on_progress)
    for seq, group in groupby(rows, key=lambda row: row.audit_seq):
        digests: list[str] = []
        for row in group:
            digests.append(row.record_digest)
            if not _is_whole(row):
                yield Finding(
                    kind=FindingKind.EDITED,
                    seq=seq,
                    message=f"decision {row.decision_id} is not the one committed",
                )
        if seq not in committed:
            yield Finding(
                kind=FindingKind.UNCOVERED,
                seq=None,
                message=f"{len(digests)} decisions name audit row {seq}, which committed none",
            )
        elif (len(digests), decisions_digest(digests)) != committed.pop(seq):
            yield Finding(
                kind=FindingKind.CONTRADICTED,
                seq=seq,
                message=f"the {len(digests)} decisions of this commit are not those committed",
            )
    for seq, (count, _) in committed.items():
        if count:
            yield Finding(
                kind=FindingKind.MISSING, seq=seq, message=f"all {count} decisions of it are gone"
            )


def check_votes(unit: UnitOfWork, _progress: Progress) -> Iterator[Finding]:
    """The proposals and votes in the store are those the log tells of, signature by signature."""
    told: dict[tuple[str, ...], int] = {}
    statements: dict[str, str] = {}
    for seq, kind, payload in _governance(unit):
        if kind in _SIGNED:
            cells = (str(payload[name]) for name in _SIGNED_CELLS)
            told[_SIGNED[AuditKind(kind)], *cells] = seq
        if kind == AuditKind.PROPOSED:
            statements[payload["proposal_id"]] = payload["statement_digest"]
    for row in unit.registry.all_votes():
        signature = base64.b64encode(row.signature).decode("ascii")
        cells = (str(getattr(row, name)) for name in _SIGNED_CELLS[:-1])
        if told.pop((row.vote, *cells, signature), None) is None:
            yield Finding(
                kind=FindingKind.UNCOVERED,
                seq=None,
                message=f"the {row.vote} vote of {row.member!r} on {row.proposal_id}"
                " is not in the log as it is",
            )
    for (vote, proposal_id, member, *_), seq in told.items():
        yield Finding(
            kind=FindingKind.MISSING,
            seq=seq,
            message=f"the {vote} vote of {member!r} on {proposal_id} is gone from the store",
        )
    for made in unit.registry.proposals():
        if statements.pop(made.proposal_id, None) != sha256(made.statement.encode()):
            yield Finding(
                kind=FindingKind.CONTRADICTED,
                seq=None,
                message=f"proposal {made.proposal_id} is not as it was made",
            )
    for proposal_id in statements:
        yield Finding(kind=FindingKind.MISSING, seq=None, message=f"proposal {proposal_id} is gone")


def check_registry(unit: UnitOfWork, _progress: Progress) -> Iterator[Finding]:
    """The registry is what the log's changes, applied in order, come to."""
    active: dict[str, str] = {}
    states: dict[str, str] = {}
    for _seq, kind, payload in _governance(unit):
        if kind == AuditKind.ACTIVATED:
            active[f"{payload['role']} at {payload['decision_point']}"] = payload["proposal_id"]
        elif kind == AuditKind.DEACTIVATED:
            active.pop(f"{payload['role']} at {payload['decision_point']}", None)
        elif kind == AuditKind.STATE_CHANGED:
            states[f"state of {payload['decision_point']}"] = payload["after"]
    found_active = {
        f"{decoded(row.role)} at {decoded(row.decision_point)}": decoded(row.proposal_id)
        for row in unit.registry.activations()
    }
    found_states = {f"state of {point}": state for point, state in unit.registry.states()}
    for told, found in ((active, found_active), (states, found_states)):
        for name in sorted(told.keys() | found.keys()):
            if told.get(name) != found.get(name):
                yield Finding(
                    kind=FindingKind.CONTRADICTED,
                    seq=None,
                    message=f"the {name} is {found.get(name)}, by the log {told.get(name)}",
                )


def check_schema(unit: UnitOfWork, _progress: Progress) -> Iterator[Finding]:
    """The tables, indexes, triggers and views are those that the migrations make.

    A trigger can swallow a pause and its row; one that is gone leaves the log open.
    """
    for message in unit.foreign():
        yield Finding(kind=FindingKind.SCHEMA, seq=None, message=message)


def check_indexes(unit: UnitOfWork, _progress: Progress) -> Iterator[Finding]:
    """Every index tells of the rows of its table and of no others.

    A row that only one of the two knows of answers to one question and not to another.
    """
    for message in unit.inconsistent():
        yield Finding(kind=FindingKind.UNREADABLE, seq=None, message=message)


def check_governing_indexes(unit: UnitOfWork, _progress: Progress) -> Iterator[Finding]:
    """As :func:`check_indexes`, of the few small tables that say who answers."""
    tables = ("proposals", "votes", "activations", "decision_point_states", "generations")
    for message in unit.inconsistent(*tables):
        yield Finding(kind=FindingKind.UNREADABLE, seq=None, message=message)


DEFAULT_CHECKS: tuple[Check, ...] = (
    check_schema,
    check_indexes,
    check_votes,
    check_registry,
    check_permissions,
    check_decisions,
)
"""What :func:`serving.audit.audit_log.verify` runs beside the chain."""


def _counted(
    rows: Iterable[DecisionRow], table: str, total: int, on_progress: Progress
) -> Iterator[DecisionRow]:
    for done, row in enumerate(rows):
        if done % PROGRESS_EVERY == 0:
            on_progress(table, done, total)
        yield row
    on_progress(table, total, total)


def _is_whole(decision: DecisionRow) -> bool:
    if sha256(decision.record.encode()) != decision.record_digest:
        return False
    record = parse_json(decision.record)
    return all(record.get(name, cell) == cell for name, cell in decision._asdict().items())


def _committed(unit: UnitOfWork) -> dict[int, tuple[int, str]]:
    found: dict[int, tuple[int, str]] = {}
    for seq, text in unit.audit.payloads(str(AuditKind.DECISIONS_COMMITTED)):
        payload = parse_json(text)
        found[seq] = (int(payload["count"]), str(payload["digest"]))
    return found


def _governance(unit: UnitOfWork) -> Iterator[tuple[int, str, dict[str, Any]]]:
    for seq, kind, payload in unit.audit.governance():
        yield seq, kind, parse_json(payload)
