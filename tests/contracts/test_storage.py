"""What every kind of store keeps to, as transactions and schemas go: one suite over all."""

from __future__ import annotations

import contextlib
import threading
import time
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import select

from serving.decisioning.group_commit import GroupCommitter
from serving.storage import (
    audit,
    contacts,
    customers,
    decisions,
    migrating,
    outcomes,
    registry,
    tables,
)
from serving.storage.database import Database, driver_of
from serving.storage.statements import Statement
from serving.storage.tables import metadata
from serving.storage.unit_of_work import UnitOfWork
from serving.storage.upgrading import HEAD
from tests.support.stores import Place, decision, generation, grant
from troth.errors import DataLoss, FailedPrecondition, NotFound, TrothError, Unavailable

# Units of work


def test_a_failure_undoes_all_of_it(database: Database) -> None:
    """And leaves the connection usable."""
    with pytest.raises(ZeroDivisionError), database.write() as unit:
        unit.registry.put_state("daily", "x" * unit.registry.bump(), str(1 // 0))
    assert generation(database) == 0
    with database.write() as unit:
        assert unit.registry.bump() == 1
    assert generation(database) == 1


def test_what_the_store_refuses_is_undone_and_typed(database: Database) -> None:
    """Half of a batch is none, and nobody sees an error of the driver."""
    with pytest.raises(DataLoss), database.write() as unit:
        unit.decisions.add([decision(1), decision(1)])
    with database.read() as unit:
        assert unit.decisions.count() == 0


def test_a_failed_statement_is_not_committed_around(database: Database) -> None:
    """Who catches a failure inside has half of something: none of it is kept, and it is told."""
    with database.write() as unit:
        unit.decisions.add([decision(1)])

    def around() -> None:
        with database.write() as unit:
            unit.registry.bump()
            with contextlib.suppress(DataLoss):
                unit.decisions.add([decision(1)])

    for _ in range(2):
        with pytest.raises(DataLoss, match="damaged"):
            around()
    assert generation(database) == 0
    with database.write() as unit:
        assert unit.registry.bump() == 1
    assert generation(database) == 1


def test_one_job_that_the_store_refuses_takes_no_answer_back(database: Database) -> None:
    """Its failure is its own; what the others were told to be durable is."""

    def apply(unit: UnitOfWork, jobs: Sequence[int]) -> list[int | TrothError]:
        results: list[int | TrothError] = []
        for job in jobs:
            try:
                unit.decisions.add([decision(job)])
                results.append(job)
            except TrothError as error:
                results.append(error)
        return results

    committer: GroupCommitter[int, int] = GroupCommitter(database, apply)
    with database.write() as unit:  # so that they gather
        unit.decisions.add([decision(3)])
        waiting = [committer.submit(job) for job in (1, 2, 3)]
    assert [future.result(30) for future in waiting[:2]] == [1, 2]
    with pytest.raises(DataLoss):
        waiting[2].result(30)
    committer.close()
    with database.read() as unit:
        assert unit.decisions.count() == 3


def test_what_is_gone_does_not_come_back_empty(place: Place) -> None:
    """Where a store is expected, an empty one is none, and stays empty."""
    for _ in range(2):
        with pytest.raises(NotFound, match="board init"):
            place.open(make=False)
    place.open(durable=False)
    place.open(make=False)


def test_readers_see_one_state(database: Database) -> None:
    """What is committed meanwhile by another thread is for the next reader."""
    with database.read() as unit:
        assert unit.registry.generation() == 0
        with ThreadPoolExecutor(1) as pool:
            pool.submit(raise_generation, database).result()
        assert unit.registry.generation() == 0
    assert generation(database) == 1


def raise_generation(database: Database) -> None:
    """In a transaction, on a thread of its own."""
    try:
        with database.write() as unit:
            unit.registry.bump()
    finally:
        database.close()


def test_a_reader_writes_nothing(database: Database) -> None:
    """Whatever it tried is gone, or refused."""
    try:
        with database.read() as unit:
            unit.registry.bump()
    except Unavailable:
        pass
    assert generation(database) == 0


def test_writers_never_overlap(place: Place) -> None:
    """Not two threads, nor two processes: each sees all that was committed before it."""
    stores = [place.open(durable=False) for _ in range(2)]
    inside, most, lock = 0, 0, threading.Lock()

    def write(number: int) -> None:
        nonlocal inside, most
        database = stores[number % 2]
        try:
            for _ in range(5):
                with database.write() as unit:
                    with lock:
                        inside += 1
                        most = max(most, inside)
                    before = unit.registry.generation()
                    time.sleep(0.001)
                    assert unit.registry.bump() == before + 1
                    with lock:
                        inside -= 1
        finally:
            database.close()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(write, range(8)))
    assert most == 1
    assert generation(stores[0]) == 40


def test_a_second_writer_waits_and_then_hears_why(place: Place) -> None:
    """Busy is Unavailable, and no fault of the store."""
    first, second = place.open(durable=False), place.open(durable=False)
    with first.write() as unit:
        unit.registry.bump()
        with pytest.raises(Unavailable, match="busy"), second.write(patience_s=0.05):
            pass
    assert not second.unwritable
    with second.write(patience_s=0.05) as unit:
        assert unit.registry.bump() == 2


def test_transactions_do_not_nest(database: Database) -> None:
    """The first survives the mistake."""
    with database.write() as unit:
        unit.registry.bump()
        with pytest.raises(FailedPrecondition, match="already"), database.write():
            pass
        with pytest.raises(FailedPrecondition, match="already"), database.read():
            pass
    assert generation(database) == 1


def test_what_is_committed_is_there_after_reopening(place: Place) -> None:
    """By whoever comes later."""
    first = place.open()
    with first.write() as unit:
        unit.decisions.add([decision(1)])
        assert grant(unit, 1)
    first.close()
    with place.open().read() as unit:
        assert unit.decisions.ids() == {"d1"}
        assert [one.decision_id for one in unit.contacts.entries("C1", "email")] == ["d1"]


def test_many_may_open_a_new_store_at_once(place: Place) -> None:
    """Its schema is made once, whoever is first."""
    with ThreadPoolExecutor(6) as pool:
        for database in pool.map(lambda _: place.open(durable=False), range(6)):
            assert generation(database) == 0
            database.require_own_schema()
    driver = driver_of(place.where)
    connection = driver.open()
    assert driver.revision(connection) == HEAD
    connection.close()


def test_a_condemned_store_gives_nothing(database: Database) -> None:
    """Its content is not what it was, as a restore shows."""
    database.condemn()
    for transaction in (database.read, database.write):
        with pytest.raises(Unavailable, match="replaced"), transaction():
            pass


# Group commit


def test_threads_share_transactions(database: Database) -> None:
    """Whoever has an answer has a durable one; one bad job spoils no other."""

    def apply(unit: UnitOfWork, jobs: Any) -> list[int | TrothError]:
        unit.decisions.add([decision(job) for job in jobs])
        return list(jobs)

    committer: GroupCommitter[int, int] = GroupCommitter(database, apply)
    with ThreadPoolExecutor(8) as pool:
        futures = list(pool.map(committer.submit, [*range(40), 7]))
    outcomes = [future.exception() for future in futures]
    committer.close()
    assert sum(outcome is None for outcome in outcomes) == 40
    assert [type(outcome) for outcome in outcomes if outcome is not None] == [DataLoss]
    with database.read() as unit:
        assert unit.decisions.ids() == {f"d{number}" for number in range(40)}


# The schema


def test_the_tables_are_what_the_migrations_make(place: Place) -> None:
    """Column by column, index by index: statements are made of what there is."""
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext
    from sqlalchemy import create_engine
    from sqlalchemy.pool import StaticPool

    place.open(durable=False)
    driver = driver_of(place.where)
    raw = driver.open()
    dialect = "sqlite://" if driver.dialect == "sqlite" else "postgresql+psycopg://"
    engine = create_engine(dialect, creator=lambda: raw, poolclass=StaticPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        found = compare_metadata(context, metadata)
    # SQLite does not say that a primary key is not null, and takes none.
    keys = {
        (table.name, key.name) for table in metadata.tables.values() for key in table.primary_key
    }
    assert [
        one for one in found
        if not (isinstance(one, list) and one[0][0] == "modify_nullable" and one[0][2:4] in keys)
    ] == []  # fmt: skip
    raw.close()


def test_a_store_of_another_version_is_refused(place: Place) -> None:
    """A later one for good; nothing is changed."""
    database = place.open(durable=False)
    with database.write() as unit:
        unit.execute("UPDATE alembic_version SET version_num = '0999'")
    with pytest.raises(FailedPrecondition, match="later version"):
        place.open()
    with database.write() as unit:
        unit.execute("DELETE FROM alembic_version")
    with pytest.raises(DataLoss, match="already exists"):
        place.open()
    with pytest.raises(DataLoss, match="no schema of ours"):
        migrating.migrate(driver_of(place.where), now=datetime(2026, 3, 4, tzinfo=UTC))


def test_a_store_of_this_version_needs_no_migration(place: Place) -> None:
    """And gets no copy."""
    place.open(durable=False)
    done = migrating.migrate(driver_of(place.where), now=datetime(2026, 3, 4, tzinfo=UTC))
    assert (done.before, done.changed, done.backup) == (HEAD, False, None)


def test_every_statement_is_one_of_every_kind_of_store() -> None:
    """Compiled without a constant that SQLAlchemy would bind, and that nobody would give."""
    found = 0
    for module in (audit, contacts, customers, decisions, outcomes, registry):
        for statement in vars(module).values():
            if isinstance(statement, Statement):
                marks = {"sqlite": "?", "postgresql": "%s"}
                for kind, mark in marks.items():
                    compiled = statement.compiled(kind)
                    assert compiled.text.count(mark) == len(compiled.order(defaultdict(int)))
                    found += 1
    assert found > 60


def test_a_constant_that_would_be_bound_is_noticed() -> None:
    """When the statement is first run, in whichever test does."""
    with pytest.raises(ValueError, match="binds"):
        Statement(select(tables.audit.c.seq).limit(1)).compiled("sqlite")
