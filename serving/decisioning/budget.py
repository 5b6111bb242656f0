"""A time budget for models: whoever does not answer in time is passed over."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from typing import Generic, TypeVar

T = TypeVar("T")

REST_S = 1.0
"""How long a policy that was late is left alone before it is asked again."""


class Late(Exception):
    """The call took longer than its budget, or the policy rests after one that did."""


class TimeBudget(Generic[T]):
    """Runs calls in a thread of its own and waits so long and no longer.

    A call that is late goes on in its thread (Python cannot stop it); until it is over and
    ``REST_S`` have passed, further calls fail at once instead of waiting out the budget each.

    Args:
        seconds: the budget, > 0.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._local = threading.local()
        self._lock = threading.Lock()
        self._stuck = 0
        self._rest_until = 0.0

    def run(self, call: Callable[[], T]) -> T:
        """The result of ``call``.

        Raises:
            Late: if it took too long or is not to be tried now.
            Exception: whatever ``call`` raised.
        """
        with self._lock:
            if self._stuck or time.monotonic() < self._rest_until:
                raise Late
        worker: _Worker[T] | None = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._local.worker = _Worker()
        future = worker.submit(call)
        try:
            return future.result(timeout=self._seconds)
        except TimeoutError:
            if future.done():  # the call itself raised a TimeoutError
                raise
        self._abandon(worker, future)
        raise Late

    def _abandon(self, worker: _Worker[T], future: Future[T]) -> None:
        with self._lock:
            self._stuck += 1
        self._local.worker = None
        worker.stop()
        future.add_done_callback(self._recovered)

    def _recovered(self, _: Future[T]) -> None:
        with self._lock:
            self._stuck -= 1
            self._rest_until = time.monotonic() + REST_S


class _Worker(Generic[T]):
    """A daemon thread, so that a stuck call cannot hold the process back from ending."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[tuple[Callable[[], T], Future[T]] | None] = (
            queue.SimpleQueue()
        )
        threading.Thread(target=self._run, name="troth-model", daemon=True).start()

    def submit(self, call: Callable[[], T]) -> Future[T]:
        future: Future[T] = Future()
        self._queue.put((call, future))
        return future

    def stop(self) -> None:
        self._queue.put(None)

    def _run(self) -> None:
        while (item := self._queue.get()) is not None:
            call, future = item
            try:
                future.set_result(call())
            except BaseException as error:  # handed to whoever waits
                future.set_exception(error)
