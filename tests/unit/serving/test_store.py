"""Transactions are whole, migrations run once, and failures are typed."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import closing
from pathlib import Path

import pytest

import serving.storage.sqlite
from serving.storage.database import Database
from serving.storage.upgrading import HEAD, split_statements
from troth.errors import DataLoss, FailedPrecondition, Unavailable


@pytest.fixture
def database(tmp_path: Path) -> Database:
    """A fresh store with one table of the test's own."""
    database = Database(tmp_path / "new" / "troth.db", durable=False)
    with database.write() as connection:
        connection.execute("CREATE TABLE marks (mark TEXT) STRICT")
    return database


def marks(database: Database) -> list[str]:
    """What is committed."""
    with database.read() as connection:
        return [row["mark"] for row in connection.execute("SELECT mark FROM marks")]


def test_a_transaction_is_all_or_nothing(database: Database) -> None:
    """An exception undoes all of it; the next one finds the connection usable."""
    with pytest.raises(DataLoss, match="marks"), database.write() as connection:
        connection.executemany("INSERT INTO marks VALUES (?)", [("lost",), (b"not text",)])
    with database.write() as connection:
        connection.execute("INSERT INTO marks VALUES ('kept')")
    assert marks(database) == ["kept"]


def test_readers_see_one_state(database: Database) -> None:
    """What another thread commits meanwhile is not seen inside the snapshot."""
    with database.read() as connection:
        before = connection.execute("SELECT COUNT(*) FROM marks").fetchone()[0]

        def write() -> None:
            with database.write() as other:
                other.execute("INSERT INTO marks VALUES ('late')")
            database.close()

        thread = threading.Thread(target=write)
        thread.start()
        thread.join()
        assert connection.execute("SELECT COUNT(*) FROM marks").fetchone()[0] == before == 0
    assert marks(database) == ["late"]


def test_transactions_do_not_nest(database: Database) -> None:
    """A second one on the same thread is a mistake with a name, and the first survives it."""
    with database.write() as connection:
        connection.execute("INSERT INTO marks VALUES ('outer')")
        with pytest.raises(FailedPrecondition, match="already"), database.write():
            pass
        with pytest.raises(FailedPrecondition, match="already"), database.read():
            pass
    assert marks(database) == ["outer"]


def test_a_second_writer_waits_and_then_hears_why(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Busy is Unavailable: the same request may be sent again."""
    monkeypatch.setattr(serving.storage.sqlite, "BUSY_TIMEOUT_S", 0.05)
    other = Database(database.path, durable=False)
    with database.write(), pytest.raises(Unavailable, match="busy"), other.write():
        pass
    with other.write() as connection:
        connection.execute("INSERT INTO marks VALUES ('later')")
    assert marks(database) == ["later"]


def test_opening_does_not_wait_for_a_writer(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replica that starts while another commits is not held up by migrations."""
    monkeypatch.setattr(serving.storage.sqlite, "BUSY_TIMEOUT_S", 0.05)
    with database.write() as connection:
        connection.execute("INSERT INTO marks VALUES ('x')")
        other = Database(database.path)
        assert marks(other) == []


def test_many_processes_may_open_a_new_store_at_once(tmp_path: Path) -> None:
    """Each migration runs once, whoever is first."""
    failures: list[BaseException] = []

    def open_it() -> None:
        try:
            Database(tmp_path / "troth.db", durable=False).close()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=open_it) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with Database(tmp_path / "troth.db").read() as connection:
        names = [row[0] for row in connection.execute("SELECT version_num FROM alembic_version")]
    assert names == [HEAD]


def test_what_is_no_database_is_data_loss(tmp_path: Path) -> None:
    """Not an sqlite3 error from somewhere below."""
    path = tmp_path / "troth.db"
    path.write_text("this is a text file, and a rather long one at that\n" * 40)
    with pytest.raises(DataLoss, match=r"troth\.db"):
        Database(path)


def test_committed_is_on_the_disk(tmp_path: Path) -> None:
    """WAL with full synchronisation unless asked otherwise; foreign keys hold."""
    with Database(tmp_path / "a.db").read() as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone()[0] == "wal"
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 2
        assert connection.execute("PRAGMA foreign_keys").fetchone()[0] == 1
    with Database(tmp_path / "b.db", durable=False).read() as connection:
        assert connection.execute("PRAGMA synchronous").fetchone()[0] == 1


def test_a_failed_commit_leaves_nothing_open(database: Database) -> None:
    """A deferred constraint fails at COMMIT; the connection is usable afterwards."""
    with database.write() as connection:
        connection.execute("CREATE TABLE a (id INTEGER PRIMARY KEY) STRICT")
        connection.execute(
            "CREATE TABLE b (a INTEGER REFERENCES a (id) DEFERRABLE INITIALLY DEFERRED) STRICT"
        )
    with pytest.raises(DataLoss, match="FOREIGN KEY"), database.write() as connection:
        connection.execute("INSERT INTO b VALUES (7)")
    assert marks(database) == []


def test_scripts_are_split_at_statements() -> None:
    """A trigger's body stays in one piece, and semicolons in text are text."""
    trigger = "CREATE TRIGGER t BEFORE DELETE ON a BEGIN SELECT 1; SELECT 2; END;"
    script = f"CREATE TABLE a (b TEXT);\n{trigger}\nINSERT INTO a VALUES ('x;y');\n-- the end\n"
    assert split_statements(script) == [
        "CREATE TABLE a (b TEXT);",
        trigger,
        "INSERT INTO a VALUES ('x;y');",
    ]


def test_tables_nobody_migrated_are_data_loss(database: Database) -> None:
    """Somebody took the record of the migrations away; nothing is changed."""
    with database.write() as connection:
        connection.execute("DELETE FROM alembic_version")
    with pytest.raises(DataLoss, match="table proposals already exists"):
        Database(database.path)


def test_another_file_in_its_place_ends_reading_and_writing(tmp_path: Path) -> None:
    """A restore under a running process: what it went on to write would be lost."""
    path = tmp_path / "troth.db"
    database = Database(path, durable=False)
    with database.read():
        pass
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    copy.replace(path)
    for transaction in (database.read, database.write):
        with pytest.raises(Unavailable, match="replaced"), transaction():
            pass
    assert database.replaced
    with Database(path, durable=False).read() as connection:  # a new start
        assert connection.execute("SELECT generation FROM generations").fetchone()[0] == 0


def test_a_deleted_file_does_not_come_back_empty(tmp_path: Path) -> None:
    """Neither this thread nor another one makes a new store in its place."""
    database = Database(tmp_path / "troth.db", durable=False)
    for path in tmp_path.glob("troth.db*"):
        path.unlink()
    failed: list[type[Exception]] = []

    def look() -> None:
        try:
            with database.read():
                pass
        except Unavailable as error:
            failed.append(type(error))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()
    look()
    assert failed == [Unavailable, Unavailable]
    assert not (tmp_path / "troth.db").exists()


def test_a_commit_into_a_replaced_file_is_no_commit(tmp_path: Path) -> None:
    """Replaced between the beginning and the end: whoever waits must not be told it is kept."""
    path = tmp_path / "troth.db"
    database = Database(path, durable=False)
    copy = tmp_path / "copy.db"
    copy.write_bytes(path.read_bytes())
    with pytest.raises(Unavailable, match="replaced"), database.write():
        copy.replace(path)


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        (
            "CREATE TRIGGER x BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END",
            "the trigger 'x' is not ours",
        ),
        ("CREATE TABLE spare (a TEXT)", "the table 'spare' is not ours"),
        ("CREATE VIEW v AS SELECT 1", "the view 'v' is not ours"),
        ("DROP TRIGGER audit_no_delete", "the trigger 'audit_no_delete' is gone"),
        ("DROP INDEX decisions_by_audit", "the index 'decisions_by_audit' is gone"),
        ("ALTER TABLE votes ADD COLUMN extra TEXT", "the table 'votes' was changed"),
    ],
)
def test_what_is_not_ours_in_the_schema_is_found(tmp_path: Path, statement: str, told: str) -> None:
    """Each kind of thing, added, taken away or changed, in words."""
    database = Database(tmp_path / "troth.db", durable=False)
    database.require_own_schema()
    with database.write() as connection:
        connection.execute(statement)
    assert database.foreign() == (told,)
    with pytest.raises(DataLoss, match=told):
        database.require_own_schema()


@pytest.mark.parametrize("name", ["sqlite_x", "sqlite_stat1", "sqlite_autoindex_votes_9"])
def test_a_trigger_does_not_hide_behind_a_name_of_sqlites_own(tmp_path: Path, name: str) -> None:
    """Whoever writes into the schema itself may choose names that SQLite refuses others."""
    path = tmp_path / "troth.db"
    Database(path).close()
    script = f"CREATE TRIGGER {name} BEFORE INSERT ON votes BEGIN SELECT RAISE(IGNORE); END"
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        connection.execute("PRAGMA writable_schema=ON")
        connection.execute(
            "INSERT INTO sqlite_schema VALUES ('trigger', ?, 'votes', 0, ?)", (name, script)
        )
    with pytest.raises(DataLoss, match=name):
        Database(path).require_own_schema()


def test_sqlites_own_tables_are_not_foreign(tmp_path: Path) -> None:
    """Whoever runs ANALYZE has not tampered."""
    database = Database(tmp_path / "troth.db", durable=False)
    with database.write() as connection:
        connection.execute("INSERT INTO guardrail_configs VALUES ('x', '')")
        connection.execute("ANALYZE")
    assert database.foreign() == ()


def test_a_disk_that_refuses_is_remembered_until_it_takes(tmp_path: Path) -> None:
    """A write that failed for the disk, not for another writer, shows until one succeeds."""
    database = Database(tmp_path / "troth.db", durable=False)
    with database.write() as connection:
        pages = connection.execute("PRAGMA page_count").fetchone()[0]
    other = Database(database.path, durable=False)
    with database.write(), pytest.raises(Unavailable), other.write(patience_s=0.0):
        pass
    assert not other.unwritable
    with database.read() as connection:
        pass
    database._unit().execute(f"PRAGMA max_page_count={pages}")
    with pytest.raises(Unavailable, match="full"), database.write() as connection:
        connection.execute("INSERT INTO guardrail_configs VALUES (?, '')", ("x" * 100_000,))
    assert database.unwritable
    database._unit().execute("PRAGMA max_page_count=1000000")
    with database.write() as connection:
        connection.execute("UPDATE generations SET generation = generation")
    assert not database.unwritable
