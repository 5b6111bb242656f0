"""Group commit: concurrent writers of one process share one transaction and one fsync."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Generic, TypeVar

from serving.storage.database import Database
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import TrothError, Unavailable

J = TypeVar("J")
R = TypeVar("R")

LARGEST_GROUP = 256
"""Jobs per transaction: bounds how long other processes wait for the write lock."""


class GroupCommitter(Generic[J, R]):
    """One thread that commits jobs in groups.

    While one group is on its way to the disk, the next one gathers. A job's future is
    resolved only after its transaction is committed, so that whoever has an answer has a
    durable one. If a group fails, each job is tried alone: one bad job spoils no other. Only
    where the store itself cannot be written do all of them fail at once.

    Args:
        database: where to.
        apply: what a group does inside the transaction: one result per job, in order; an
            exception given as a result fails that job only, and the job must have written
            nothing; an exception that is raised undoes the group.
    """

    def __init__(
        self,
        database: Database,
        apply: Callable[[UnitOfWork, Sequence[J]], Sequence[R | TrothError]],
    ) -> None:
        self._database = database
        self._apply = apply
        self._queue: queue.SimpleQueue[tuple[J, Future[R]] | None] = queue.SimpleQueue()
        self._closed = False
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, name="troth-committer", daemon=True)
        self._thread.start()

    def submit(self, job: J) -> Future[R]:
        """Queue ``job``; the future holds its result once that is durable.

        Raises:
            Unavailable: if the committer was closed.
        """
        future: Future[R] = Future()
        with self._lock:  # so that nothing is queued behind the end marker
            if self._closed:
                raise Unavailable("the service is shutting down")
            self._queue.put((job, future))
        return future

    def close(self) -> None:
        """Commit what is queued and stop."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._queue.put(None)
        self._thread.join()

    def _run(self) -> None:
        try:
            while (group := self._next_group()) is not None:
                self._commit(group)
        finally:
            self._database.close()

    def _next_group(self) -> list[tuple[J, Future[R]]] | None:
        first = self._queue.get()
        if first is None:
            return None
        group = [first]
        while len(group) < LARGEST_GROUP:
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                break
            if item is None:
                self._queue.put(None)  # this group first, then the end
                break
            group.append(item)
        return [(job, f) for job, f in group if f.set_running_or_notify_cancel()]

    def _commit(self, group: list[tuple[J, Future[R]]]) -> None:
        if not group:
            return
        try:
            with self._database.write() as unit:
                results = self._apply(unit, [job for job, _ in group])
        except Exception as error:  # whatever it is, the callers must hear of it
            failure = typed(error)
            # A store that is busy or full is so for each of them, and each alone would wait for
            # it as long as all of them have.
            if len(group) == 1 or isinstance(error, Unavailable):
                for _, future in group:
                    future.set_exception(failure)
                return
            for item in group:
                self._commit([item])
            return
        for (_, future), result in zip(group, results, strict=True):
            if isinstance(result, TrothError):
                future.set_exception(result)
            else:
                future.set_result(result)


def typed(error: Exception) -> TrothError:
    """The typed error for whatever the store threw."""
    if isinstance(error, TrothError):
        return error
    return TrothError(f"commit failed: {error!r}")
