"""A running service signs the head of the audit log as time goes by."""

from __future__ import annotations

import logging
import threading
from pathlib import Path

import pytest

from serving.audit import audit_log
from serving.audit.kinds import AuditKind
from serving.audit.signed_heads import checkpoint
from serving.governance.upkeep import seal_until
from serving.storage.database import Database


def append(database: Database, kind: AuditKind) -> int:
    """One row of the log."""
    with database.write() as connection:
        return audit_log.append(connection, kind, {})


def seal_rounds(database: Database, rounds: int) -> None:
    """Let ``seal_until`` run so many rounds, a row arriving before each."""
    until = threading.Event()
    left = [rounds]

    def wait(_: float) -> bool:
        if left[0] == 0:
            return True
        left[0] -= 1
        append(database, AuditKind.SERVING_LOADED)
        return False

    until.wait = wait  # type: ignore[method-assign, assignment]
    seal_until(database, until, every_s=0.0)


def test_every_round_signs_what_came_since(tmp_path: Path) -> None:
    """After three rounds the head is the third row, so that cutting it off is found."""
    database = Database(tmp_path / "troth.db")
    seal_rounds(database, 3)
    head = audit_log.checkpoint(database)
    assert head is not None
    assert head.seq == 3
    with database.write() as connection:
        for name in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name['name']}")
        connection.execute("DELETE FROM audit WHERE seq = 3")
    assert not audit_log.verify(database).ok


def test_a_cut_log_is_not_signed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """A log that does not continue the last head is reported; the service goes on."""
    database = Database(tmp_path / "troth.db")
    seal_rounds(database, 2)
    kept = checkpoint(database)
    with database.write() as connection:
        for name in connection.execute(
            "SELECT name FROM sqlite_master WHERE type = 'trigger'"
        ).fetchall():
            connection.execute(f"DROP TRIGGER {name['name']}")
        connection.execute("DELETE FROM audit WHERE seq = 2")
    with caplog.at_level(logging.ERROR):
        until = threading.Event()
        waits = iter([False, True])
        until.wait = lambda _: next(waits)  # type: ignore[method-assign, assignment]
        seal_until(database, until, every_s=0.0)
    assert "was not signed" in caplog.text
    assert kept is not None
