"""A time budget for models: whoever does not answer in time is passed over."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")

MOST_LATE = 3
"""Late calls in a row, or calls that are late and not over, after which a policy rests."""
REST_S = 1.0
"""How long a policy that was late so often is left alone before it is asked again."""
TRUSTED_AFTER = 50
"""Quick calls in a row after which a policy is called directly."""
QUICK = 0.5
"""Share of the budget up to which a call is quick."""


class Late(Exception):
    """The call took longer than its budget, or the policy rests after several that did."""


class TimeBudget(Generic[T]):
    """Runs calls in a thread of its own and waits so long and no longer.

    A call that is late costs itself alone: a pause of the machine is not the policy's fault,
    and the others are to have their model. It goes on in its thread (Python cannot stop it).
    A policy that is late ``MOST_LATE`` times in a row, or has as many calls still under way,
    is asked again once they are over and ``REST_S`` have passed; until then calls fail at once
    instead of waiting out the budget each.

    Handing a call to a thread costs more than most policies take, the more the busier the
    machine. So a policy that was quick ``TRUSTED_AFTER`` times in a row is called directly,
    until a direct call exceeds the budget. That one answer is late but there, and used;
    the next ones are watched again. Policies are pure functions, so one that was quick
    throughout and then never returns would be a dead process, which Serve replaces.

    Args:
        seconds: the budget, > 0.
    """

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._local = threading.local()
        self._lock = threading.Lock()
        self._stuck = 0
        self._late_in_a_row = 0
        self._rest_until = 0.0
        self._quick_in_a_row = 0

    def run(self, call: Callable[[], T]) -> T:
        """The result of ``call``.

        Raises:
            Late: if it took too long or is not to be tried now.
            Exception: whatever ``call`` raised.
        """
        if self._quick_in_a_row >= TRUSTED_AFTER:
            return self._timed(call)
        with self._lock:
            if self._stuck >= MOST_LATE or time.monotonic() < self._rest_until:
                raise Late
        return self._timed(partial(self._watched, call))

    def _timed(self, call: Callable[[], T]) -> T:
        """Call, and remember whether it was quick; one that fails or is late was not."""
        started, quick = time.perf_counter(), False
        try:
            result = call()
            taken = time.perf_counter() - started
            trusted = self._quick_in_a_row >= TRUSTED_AFTER
            quick = taken <= self._seconds * (1.0 if trusted else QUICK)
            return result
        finally:
            self._quick_in_a_row = self._quick_in_a_row + 1 if quick else 0

    def _watched(self, call: Callable[[], T]) -> T:
        worker: _Worker[T] | None = getattr(self._local, "worker", None)
        if worker is None:
            worker = self._local.worker = _Worker()
        future = worker.submit(call)
        try:
            result = future.result(timeout=self._seconds)
            self._late_in_a_row = 0
            return result
        except TimeoutError:
            if future.done():  # the call itself raised a TimeoutError
                raise
        self._abandon(worker, future)
        raise Late

    def _abandon(self, worker: _Worker[T], future: Future[T]) -> None:
        with self._lock:
            self._stuck += 1
            self._late_in_a_row += 1
        self._local.worker = None
        worker.stop()
        future.add_done_callback(self._recovered)

    def _recovered(self, _: Future[T]) -> None:
        with self._lock:
            self._stuck -= 1
            if self._late_in_a_row >= MOST_LATE:
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
