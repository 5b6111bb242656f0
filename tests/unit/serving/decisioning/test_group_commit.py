"""Group commit: shared transactions, isolated failures, durable before answered."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path

import pytest

from serving.decisioning.group_commit import GroupCommitter
from serving.storage.database import Database
from troth.errors import InvalidArgument, TrothError, Unavailable

Apply = Callable[[sqlite3.Connection, Sequence[int]], Sequence[int | TrothError]]


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    """A store with a table of numbers."""
    store = Database(tmp_path / "troth.db", durable=False)
    with store.write() as connection:
        connection.execute("CREATE TABLE numbers (n INTEGER PRIMARY KEY) STRICT")
    yield store
    store.close()


def insert(connection: sqlite3.Connection, jobs: Sequence[int]) -> list[int | TrothError]:
    """Insert each number; a negative one is refused by itself."""
    results: list[int | TrothError] = []
    for job in jobs:
        if job < 0:
            results.append(InvalidArgument("is negative", field="n"))
            continue
        connection.execute("INSERT INTO numbers VALUES (?)", (job,))
        results.append(job)
    return results


def stored(database: Database) -> list[int]:
    """The numbers in the table."""
    with database.read() as connection:
        return [row["n"] for row in connection.execute("SELECT n FROM numbers ORDER BY n")]


def held(apply: Apply) -> tuple[Apply, threading.Event, list[int]]:
    """``apply`` that waits in its first group, so that the next one gathers."""
    release, sizes = threading.Event(), []

    def slow(connection: sqlite3.Connection, jobs: Sequence[int]) -> Sequence[int | TrothError]:
        sizes.append(len(jobs))
        release.wait(5)
        return apply(connection, jobs)

    return slow, release, sizes


def test_waiting_jobs_share_a_transaction(database: Database) -> None:
    """While one group is on its way, the next gathers."""
    apply, release, sizes = held(insert)
    committer: GroupCommitter[int, int] = GroupCommitter(database, apply)
    first = committer.submit(0)
    while not sizes:
        pass
    rest = [committer.submit(n) for n in range(1, 40)]
    release.set()
    assert [f.result(5) for f in (first, *rest)] == list(range(40))
    assert sizes == [1, 39]
    committer.close()


def test_answer_comes_after_the_commit(database: Database) -> None:
    """Whoever has a result can read it on another connection."""
    committer: GroupCommitter[int, int] = GroupCommitter(database, insert)
    for n in range(20):
        committer.submit(n).result(5)
        assert stored(database)[-1] == n
    committer.close()


def test_refused_job_fails_alone(database: Database) -> None:
    """A job with an error for a result does not undo its neighbours."""
    apply, release, sizes = held(insert)
    committer: GroupCommitter[int, int] = GroupCommitter(database, apply)
    futures: list[Future[int]] = [committer.submit(n) for n in (1, -1, 2)]
    release.set()
    assert futures[0].result(5) == 1
    assert futures[2].result(5) == 2
    with pytest.raises(InvalidArgument):
        futures[1].result(5)
    committer.close()
    assert stored(database) == [1, 2]
    assert sum(sizes) == 3


def test_group_that_fails_is_tried_one_by_one(database: Database) -> None:
    """A job the store rejects spoils no other."""
    apply, release, _ = held(insert)
    committer: GroupCommitter[int, int] = GroupCommitter(database, apply)
    futures = [committer.submit(n) for n in (7, 8, 8, 9)]
    release.set()
    assert [futures[at].result(5) for at in (0, 1, 3)] == [7, 8, 9]
    with pytest.raises(TrothError):
        futures[2].result(5)
    committer.close()
    assert stored(database) == [7, 8, 9]


def test_busy_store_is_waited_for_once(database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
    """A store that cannot be written fails a whole group, which has waited long enough."""
    slow, release, sizes = held(insert)
    committer = GroupCommitter(database, slow)
    first = committer.submit(1)
    while not sizes:
        pass
    waiting = [committer.submit(n) for n in (2, 3, 4)]
    tried = []

    def busy() -> Iterator[sqlite3.Connection]:
        tried.append(1)
        raise Unavailable("the store is busy", field="database")

    monkeypatch.setattr(database, "write", busy)
    release.set()
    assert first.result(5) == 1
    for future in waiting:
        with pytest.raises(Unavailable, match="busy"):
            future.result(5)
    assert len(tried) == 1
    committer.close()


def test_cancelled_job_is_not_committed(database: Database) -> None:
    """A caller who left before its group was taken leaves nothing behind."""
    apply, release, sizes = held(insert)
    committer: GroupCommitter[int, int] = GroupCommitter(database, apply)
    committer.submit(1)
    while not sizes:
        pass
    assert committer.submit(2).cancel()
    release.set()
    committer.close()
    assert stored(database) == [1]


def test_close_commits_what_is_queued(database: Database) -> None:
    """Closing loses nothing and refuses what comes later."""
    committer: GroupCommitter[int, int] = GroupCommitter(database, insert)
    futures = [committer.submit(n) for n in range(1000)]
    committer.close()
    assert all(future.done() for future in futures)
    assert len(stored(database)) == 1000
    with pytest.raises(Unavailable):
        committer.submit(1001)
