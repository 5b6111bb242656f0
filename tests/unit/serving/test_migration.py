"""A store of an earlier version is brought over whole, or refused with one line."""

from __future__ import annotations

import json
import shutil
import sqlite3
import stat
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from alembic.util import CommandError
from typer.testing import CliRunner

from agents.artifacts.artifact import ArtifactStore
from serving.audit import audit_log
from serving.audit.checkpoints import Head
from serving.customers import profiles
from serving.decisioning.replay import replay
from serving.governance import presence, proposals, registry, votes
from serving.installation import opened
from serving.migration import bring_over
from serving.storage import migrating
from serving.storage.database import Database
from serving.storage.sqlite import SqliteDriver, copy_file
from serving.storage.upgrading import HEAD
from troth.catalogue import Channel
from troth.cli.entry import build
from troth.errors import DataLoss, FailedPrecondition, NotFound, Unavailable
from troth.settings import Settings
from troth.types import Role

OLD = Path(__file__).parents[2] / "golden" / "home_0_1"
"""A home as Troth 0.1 left it: its store as SQL, and a signed head of its log."""
COLUMNS = {"profiles": "customer_id, zone, updated_at"}
NOW = datetime(2026, 12, 1, 8, 30, tzinfo=UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The old home, its store a file again."""
    home = tmp_path / "home"
    shutil.copytree(OLD, home)
    with closing(sqlite3.connect(home / "troth.db")) as connection:
        connection.execute("PRAGMA journal_mode=WAL")
        connection.executescript((home / "troth.sql").read_text())
    (home / "keys").mkdir(mode=0o700)
    return home


def content(path: Path) -> dict[str, list[Any]]:
    """Everything in a store but what says of which version it is, and what is new since 0.1."""
    with closing(sqlite3.connect(path)) as connection:
        query = "SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name"
        names = [row[0] for row in connection.execute(query)]
        return {
            name: connection.execute(f"SELECT {COLUMNS.get(name, '*')} FROM {name}").fetchall()
            for name in names
            if name not in ("migrations", "alembic_version")
        }


def test_all_that_was_there_is_there_afterwards(home: Path) -> None:
    """Rows byte for byte, and the log, votes, decisions and permissions mean what they meant."""
    settings = Settings(home=home)
    before = content(settings.database)  # type: ignore[arg-type]
    assert [len(before[name]) for name in ("audit", "decisions", "outcomes", "votes")] == [
        28, 9, 2, 8,
    ]  # fmt: skip
    done = bring_over(settings, now=NOW)
    assert (done.before, done.after, done.changed) == ("0.1", HEAD, True)
    assert content(home / "troth.db") == before
    database = opened(settings)
    database.require_own_schema()
    report = audit_log.verify(database, against=Head.read(home / "head.json"))
    assert report.ok, report.findings
    assert report.rows == 28
    ids = [row[1] for row in before["decisions"]]
    store = ArtifactStore(settings.artifacts)
    assert all(replay(database, store, decision_id).identical for decision_id in ids)
    active = registry.active(database, "daily", Role.MODEL)
    assert active is not None
    assert len(votes.of(database, active.proposal_id)) == 3
    assert len(proposals.list_all(database)) == 3
    with database.read() as unit:
        assert profiles.find(unit, "C9") == (None, {Channel.SMS: False})


def test_as_it_was_it_lies_beside(home: Path) -> None:
    """The whole store, readable by its owner alone, under a name with revision and time."""
    before = content(home / "troth.db")
    backup = bring_over(Settings(home=home), now=NOW).backup
    assert backup == home / "troth.db.0.1-20261201T083000Z"
    assert stat.S_IMODE(backup.stat().st_mode) == 0o600
    assert content(backup) == before
    shutil.copy(backup, home / "troth.db")  # and it can be brought over again
    assert bring_over(Settings(home=home), now=NOW.replace(hour=9)).changed


def test_a_store_brought_over_is_as_a_new_one(home: Path, tmp_path: Path) -> None:
    """Letter by letter: whichever way it came to be, tampering shows."""
    bring_over(Settings(home=home), now=NOW)
    Database(tmp_path / "new.db").close()
    schemas = []
    for path in (home / "troth.db", tmp_path / "new.db"):
        with closing(sqlite3.connect(path)) as connection:
            query = "SELECT type, name, tbl_name, sql FROM sqlite_schema ORDER BY type, name"
            schemas.append(connection.execute(query).fetchall())
    assert schemas[0] == schemas[1]


def test_again_it_changes_nothing(home: Path) -> None:
    """And leaves no second copy."""
    bring_over(Settings(home=home), now=NOW)
    files = sorted(path.name for path in home.iterdir())
    again = bring_over(Settings(home=home), now=NOW.replace(hour=9))
    assert (again.before, again.changed, again.backup) == (HEAD, False, None)
    assert sorted(path.name for path in home.iterdir()) == files


@pytest.mark.parametrize(
    "line",
    [
        ["registry"],
        ["audit", "verify"],
        ["proposals", "list"],
        ["profiles", "load", "nothing.csv"],
        ["replay", "01a22153-2a84-73b0-ae5a-77203d42cf2e"],
        ["log", "export", "log.parquet"],
        ["schema", "show"],
        ["serve"],
    ],
)
def test_other_commands_name_the_one_that_helps(home: Path, line: list[str]) -> None:
    """They refuse, and the store is what it was."""
    before = content(home / "troth.db")
    done = CliRunner().invoke(build(line[0]), [*line, "--home", str(home)])
    assert isinstance(done.exception, FailedPrecondition), done.output
    assert "`troth migrate`" in str(done.exception)
    assert content(home / "troth.db") == before


def test_a_stop_does_not_wait_for_it(home: Path) -> None:
    """The file stops, whatever version the store is of."""
    done = CliRunner().invoke(build("pause"), ["pause", "daily", "--home", str(home)])
    assert (home / "stops" / "point.daily").exists(), done.output


def test_the_command_says_what_it_did(home: Path) -> None:
    """For people in words, for programs as JSON."""
    line = ["migrate", "--home", str(home)]
    told = CliRunner().invoke(build("migrate"), [*line, "--json"])
    assert told.exit_code == 0, told.output
    found = json.loads(told.output)
    assert {key: found[key] for key in ("before", "after", "changed")} == {
        "before": "0.1", "after": HEAD, "changed": True,
    }  # fmt: skip
    assert Path(found["backup"]).exists()
    again = CliRunner().invoke(build("migrate"), line)
    assert "nothing was changed" in again.output.replace("\n", " ")


def changed(home: Path, *statements: str) -> None:
    """Run SQL on the old store."""
    with closing(sqlite3.connect(home / "troth.db")) as connection:
        for statement in statements:
            connection.execute(statement)
        connection.commit()


@pytest.mark.parametrize(
    ("statements", "error", "told"),
    [
        (["DROP TRIGGER audit_no_delete"], DataLoss, "'audit_no_delete' is gone"),
        (["CREATE TABLE spare (a TEXT)"], DataLoss, "'spare' is not ours"),
        (["DROP TABLE migrations"], DataLoss, "no schema of ours"),
        (["DROP TABLE migrations", "CREATE TABLE migrations (x)"], DataLoss, "no such column"),
        (["DELETE FROM migrations WHERE name LIKE '002%'"], DataLoss, "no such table"),
        (
            ["CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
             "INSERT INTO alembic_version VALUES ('0000')"],
            FailedPrecondition, "or none",
        ),
        (
            ["CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)",
             "INSERT INTO alembic_version VALUES ('9999')"],
            FailedPrecondition, "later version",
        ),
    ],
)  # fmt: skip
def test_what_is_not_as_it_should_be_is_refused(
    home: Path, statements: list[str], error: type[Exception], told: str
) -> None:
    """With one line, before anything is changed or copied."""
    changed(home, *statements)
    before = content(home / "troth.db")
    with pytest.raises(error, match=told):
        bring_over(Settings(home=home), now=NOW)
    assert content(home / "troth.db") == before
    assert list(home.glob("troth.db.*")) == []


def test_two_at_once_keep_it_as_it_was(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who comes second finds it done, and copies nothing over the copy."""
    before, copied = content(home / "troth.db"), threading.Event()

    def copy(path: Path, to: Path) -> None:
        if copied.is_set():
            time.sleep(0.3)  # as long as the first one needs
        copied.set()
        copy_file(path, to)

    monkeypatch.setattr(migrating, "copy_file", copy)
    with ThreadPoolExecutor(2) as pool:
        both = [pool.submit(bring_over, Settings(home=home), now=NOW) for _ in range(2)]
    backups = {done.result().backup for done in both} - {None}
    assert [content(path) for path in backups if path is not None] == [before]
    with closing(sqlite3.connect(next(iter(backups)) or "")) as backup:
        query = "SELECT count(*) FROM sqlite_schema WHERE name = 'alembic_version'"
        assert backup.execute(query).fetchone() == (0,)


def test_a_damaged_store_is_not_brought_over(home: Path) -> None:
    """Nor copied as if it were whole."""
    path = home / "troth.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        query = "SELECT rootpage FROM sqlite_schema WHERE name = 'audit'"
        (page,) = connection.execute(query).fetchone()
        (size,) = connection.execute("PRAGMA page_size").fetchone()
    damaged = bytearray(path.read_bytes())
    damaged[(page - 1) * size + 200 : page * size] = bytes(size - 200)
    path.write_bytes(damaged)
    with pytest.raises(DataLoss, match="damaged"):
        bring_over(Settings(home=home), now=NOW)
    assert list(home.glob("troth.db.*Z")) == []


def test_a_store_in_use_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By a service, which is to be ended first; by a writer, who is waited for."""
    living = presence.Seen(pid=1, standing={})
    with monkeypatch.context() as patched:
        patched.setattr(presence, "living", lambda _: [living])
        with pytest.raises(FailedPrecondition, match="service is running"):
            bring_over(Settings(home=home), now=NOW)
    monkeypatch.setattr("serving.storage.sqlite.BUSY_TIMEOUT_S", 0.05)
    with closing(sqlite3.connect(home / "troth.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Unavailable, match="busy"):
            bring_over(Settings(home=home), now=NOW)
        other.execute("ROLLBACK")
    assert bring_over(Settings(home=home), now=NOW.replace(hour=10)).changed


def test_a_failure_half_way_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the schema is brought over by is one transaction."""
    before = content(home / "troth.db")

    # Its list of scripts is dropped by then, and alembic asked for what it does not have.
    monkeypatch.setattr("serving.storage.upgrading.BASE", "0777")
    with pytest.raises(CommandError):
        bring_over(Settings(home=home), now=NOW)
    monkeypatch.undo()
    assert content(home / "troth.db") == before
    assert migrating.migrate(SqliteDriver(home / "troth.db"), now=NOW.replace(hour=9)).changed


def test_without_an_installation_nothing_is_made(tmp_path: Path) -> None:
    """As with every command."""
    with pytest.raises(NotFound):
        bring_over(Settings(home=tmp_path / "nowhere"), now=NOW)
    assert list(tmp_path.iterdir()) == []


def test_a_store_of_a_later_version_is_not_touched(tmp_path: Path) -> None:
    """Nor is it said that a migration would help."""
    Database(tmp_path / "troth.db").close()
    with closing(sqlite3.connect(tmp_path / "troth.db")) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0999'")
        connection.commit()
    with pytest.raises(FailedPrecondition, match="later version") as refused:
        Database(tmp_path / "troth.db")
    assert "migrate" not in str(refused.value)
