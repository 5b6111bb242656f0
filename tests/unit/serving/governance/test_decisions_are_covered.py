"""Every decision is in the log, and none can be changed, lost or slipped in behind it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import Any

import pytest

from serving.audit import audit_log
from serving.audit.audit_log import FindingKind
from troth.digests import canonical_json, sha256

Office = Any


def commit(office: Office, *names: str) -> int:
    """One group commit of decisions, as the decisioning floor does it."""
    texts = [
        canonical_json({"decision_id": name, "customer_id": "C1", "action": 3}).decode()
        for name in names
    ]
    digests = [sha256(text.encode()) for text in texts]
    with office.database.write() as connection:
        seq = audit_log.append(
            connection,
            "decisions.committed",
            {"count": len(names), "digest": audit_log.decisions_digest(digests)},
        )
        for name, text, record_digest in zip(names, texts, digests, strict=True):
            connection.execute(
                "INSERT INTO decisions (decision_id, request_id, request_digest, customer_id,"
                " decided_at, record, record_digest, audit_seq)"
                " VALUES (?, ?, '', 'C1', '', ?, ?, ?)",
                (name, name, text, record_digest, seq),
            )
    return seq


@pytest.fixture
def committed(office: Office) -> Office:
    """Two group commits."""
    commit(office, "d1", "d2", "d3")
    commit(office, "d4")
    return office


def kinds(office: Office) -> set[FindingKind]:
    """What a verification finds."""
    return {finding.kind for finding in audit_log.verify(office.database).findings}


def test_what_was_committed_is_whole(committed: Office) -> None:
    """No finding without tampering."""
    assert kinds(committed) == set()


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE decisions SET record = '{}' WHERE decision_id = 'd2'", "edited"),
        ("UPDATE decisions SET customer_id = 'C2' WHERE decision_id = 'd2'", "edited"),
        ("UPDATE decisions SET record_digest = '' WHERE decision_id = 'd2'", "contradicted"),
        ("DELETE FROM decisions WHERE decision_id = 'd2'", "contradicted"),
        ("DELETE FROM decisions WHERE decision_id = 'd4'", "missing"),
        ("UPDATE decisions SET audit_seq = 1 WHERE decision_id = 'd4'", "contradicted"),
        ("UPDATE decisions SET audit_seq = 9 WHERE decision_id = 'd4'", "uncovered"),
        ("UPDATE decisions SET position = 9 WHERE decision_id = 'd1'", "contradicted"),
        ("UPDATE decisions SET record = 'x' WHERE decision_id = 'd2'", "edited"),
        ("DROP TABLE decisions", "missing"),
    ],
)  # fmt: skip
def test_tampering_with_decisions_is_found(committed: Office, statement: str, found: str) -> None:
    """In the record, in the columns beside it, in number and in order."""
    committed.tamper(statement)
    assert found in kinds(committed)


def test_a_decision_changed_with_its_digest_is_found(committed: Office) -> None:
    """The forger recomputes the digest of the record, too."""
    text = canonical_json({"decision_id": "d2", "customer_id": "C1", "action": 4}).decode()
    committed.tamper(
        "UPDATE decisions SET record = ?, record_digest = ? WHERE decision_id = 'd2'",
        text,
        sha256(text.encode()),
    )
    assert kinds(committed) == {FindingKind.CONTRADICTED}


def test_a_decision_slipped_in_is_found(committed: Office) -> None:
    """Into a commit that was, and under an audit row that commits none."""
    with committed.database.write() as connection:
        seq = audit_log.append(connection, "serving.loaded", {})
    for number, place in enumerate((1, seq)):
        committed.tamper(
            "INSERT INTO decisions (decision_id, request_id, request_digest, customer_id,"
            " decided_at, record, record_digest, audit_seq) VALUES (?, ?, '', '', '', '{}', ?, ?)",
            f"x{number}",
            f"x{number}",
            sha256(b"{}"),
            place,
        )
    assert kinds(committed) == {FindingKind.CONTRADICTED, FindingKind.UNCOVERED}


def test_a_decision_that_only_some_questions_find_is_found(committed: Office) -> None:
    """A row that the index of the audit does not know would answer its request all the same."""
    database = committed.database
    database.close()
    with closing(sqlite3.connect(database.path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        (sql,) = connection.execute(
            "SELECT sql FROM sqlite_schema WHERE name = 'decisions_by_audit'"
        ).fetchone()
        partial = sql + " WHERE decision_id <> 'x'"
        for text in (partial, sql):
            connection.execute(
                "UPDATE sqlite_schema SET sql = ? WHERE name = 'decisions_by_audit'", (text,)
            )
            (version,) = connection.execute("PRAGMA schema_version").fetchone()
            connection.execute(f"PRAGMA schema_version={version + 1}")
            if text is partial:
                connection.execute("SELECT count(*) FROM decisions").fetchone()
                with closing(sqlite3.connect(database.path)) as other:
                    other.execute(
                        "INSERT INTO decisions (decision_id, request_id, request_digest,"
                        " customer_id, decided_at, record, record_digest, audit_seq)"
                        " VALUES ('x', 'x', '', '', '', '{}', '', 1)"
                    )
                    other.commit()
    assert FindingKind.UNREADABLE in kinds(committed)
