"""Whatever is done to a log through raw SQL, a verification against a head finds it."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.audit import audit_log, chain, checkpoints
from serving.audit.audit_log import AuditRow, Head
from serving.storage.database import Database
from troth.digests import canonical_json, sha256

SIZE = 12
COLUMNS = ("at", "kind", "payload", "previous", "hash")
seqs = st.integers(1, SIZE)
words = st.text(max_size=12)
values = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | words,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(words, inner, max_size=3),
    max_leaves=6,
)

Log = list[AuditRow]
Tamper = Callable[[Log], Log]


@contextmanager
def written(payloads: list[Any]) -> Iterator[tuple[Database, Head]]:
    """A log of ``payloads`` with its exported head, on a host that remembers nothing."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "troth.db", durable=False)
        try:
            with database.write() as connection:
                for payload in payloads:
                    audit_log.append(connection, "serving.loaded", payload)
            head = audit_log.checkpoint(database)
            assert head is not None
            checkpoints.kept_path(database.home).unlink()
            with database.write() as connection:
                connection.execute("DELETE FROM checkpoints")
            yield database, head
        finally:
            database.close()


def read(database: Database) -> Log:
    """All rows."""
    with database.read() as connection:
        return list(audit_log.rows(connection))


def replace(database: Database, rows: Log) -> None:
    """Put ``rows`` in place of the log, and leave the schema as it was."""
    with database.write() as connection:
        seatbelts = connection.execute(
            "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
        ).fetchall()
        for name, _ in seatbelts:
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("DELETE FROM audit")
        for row in rows:
            connection.execute(
                "INSERT INTO audit VALUES (?, ?, ?, ?, ?, ?)",
                (row.seq, row.at, row.kind, row.payload, row.previous, row.hash),
            )
        for _, sql in seatbelts:
            connection.execute(sql)


def changed(row: AuditRow, **changes: Any) -> AuditRow:
    """``row`` with other cells."""
    cells = {name: getattr(row, name) for name in AuditRow.__slots__}
    return AuditRow(**{**cells, **changes})


def rechained(rows: Log) -> Log:
    """``rows`` numbered and hashed anew, as a forger with this source code would."""
    fresh: Log = []
    previous = audit_log.GENESIS
    for seq, row in enumerate(rows, start=1):
        row_hash = chain.row_hash(seq, row.at, row.kind, row.payload, previous)
        fresh.append(changed(row, seq=seq, previous=previous, hash=row_hash))
        previous = row_hash
    return fresh


@st.composite
def edits(draw: st.DrawFn) -> Tamper:
    """Another value in one cell."""
    at, column, text = draw(seqs) - 1, draw(st.sampled_from(COLUMNS)), draw(words)
    return lambda rows: [*rows[:at], changed(rows[at], **{column: text}), *rows[at + 1 :]]


@st.composite
def deletions(draw: st.DrawFn) -> Tamper:
    """Any rows gone."""
    gone = draw(st.sets(seqs, min_size=1))
    return lambda rows: [row for row in rows if row.seq not in gone]


@st.composite
def insertions(draw: st.DrawFn) -> Tamper:
    """A row in between, the later ones moved up."""
    at, payload = draw(seqs) - 1, draw(words)

    def insert(rows: Log) -> Log:
        extra = changed(rows[at], payload=canonical_json(payload).decode())
        return [*rows[:at], extra, *(changed(row, seq=row.seq + 1) for row in rows[at:])]

    return insert


@st.composite
def reorderings(draw: st.DrawFn) -> Tamper:
    """The same rows in another order, numbered in that order."""
    order = draw(st.permutations(range(SIZE)))

    def reorder(rows: Log) -> Log:
        return [changed(rows[at], seq=seq) for seq, at in enumerate(order, start=1)]

    return reorder


@pytest.fixture(scope="module")
def ledger() -> Iterator[tuple[Database, Head, Log]]:
    """One log of some rows; every example puts its own in place of it."""
    with written([{"n": n} for n in range(SIZE)]) as (database, head):
        yield database, head, read(database)


@settings(max_examples=200, deadline=None)
@given(tamper=edits() | deletions() | insertions() | reorderings(), forger=st.booleans())
def test_no_tampering_goes_unseen(
    ledger: tuple[Database, Head, Log], tamper: Tamper, forger: bool
) -> None:
    """Clumsy or with every hash recomputed: found exactly if the log is another one now."""
    database, head, before = ledger
    after = rechained(tamper(before)) if forger else tamper(before)
    replace(database, after)
    assert audit_log.verify(database, against=head).ok == (after == before)


@settings(max_examples=100, deadline=None)
@given(tamper=edits() | insertions() | reorderings())
def test_the_chain_alone_finds_what_is_not_recomputed(
    ledger: tuple[Database, Head, Log], tamper: Tamper
) -> None:
    """Without any head: whatever was done to a cell, a place or an order."""
    database, _, before = ledger
    after = tamper(before)
    replace(database, after)
    assert audit_log.verify(database).ok == (after == before)


@settings(max_examples=40, deadline=None)
@given(st.lists(values, min_size=1, max_size=8))
def test_any_payload_is_logged_and_verifies(payloads: list[Any]) -> None:
    """No payload that JSON can hold breaks the log, and each is read back."""
    with written(payloads) as (database, head):
        assert audit_log.verify(database, against=head).ok
        assert [json.loads(row.payload) for row in read(database)] == payloads


@given(st.integers(1, 2**53 - 1), words, words, words, words)
def test_the_quick_hash_is_the_canonical_one(
    seq: int, at: str, kind: str, payload: str, previous: str
) -> None:
    """The spelled-out JSON is RFC 8785's, for any text."""
    cells = {"seq": seq, "at": at, "kind": kind, "payload": payload, "previous": previous}
    assert chain.row_hash(seq, at, kind, payload, previous) == sha256(canonical_json(cells))
