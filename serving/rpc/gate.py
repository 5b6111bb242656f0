"""A gate for calls: it is closed before a service ends, and tells when nobody is inside."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from pathlib import Path
from types import TracebackType

from serving.rpc.processes import is_alive
from troth.errors import Unavailable

_CLOSING = "closing"
_LOOK_EVERY_S = 0.05


class Gate:
    """Lets calls in until it is closed; a context manager around each call.

    Raises:
        Unavailable: on entering, once it is closed: the call may be sent again, to the next
            service.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._inside = 0
        self.closed = False

    def __enter__(self) -> None:
        with self._lock:
            if self.closed:
                raise Unavailable("the service is shutting down")
            self._inside += 1

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        with self._lock:
            self._inside -= 1

    @property
    def is_empty(self) -> bool:
        """Whether no call is inside."""
        return self._inside == 0

    def close(self) -> None:
        """Let nobody in any more."""
        with self._lock:
            self.closed = True

    def follow(self, scratch: Path) -> None:
        """Close when :func:`close_gates` asks, and say when the last call has left."""
        threading.Thread(
            target=self._follow, args=(scratch,), name="troth-gate", daemon=True
        ).start()

    def _follow(self, scratch: Path) -> None:
        while not (scratch / _CLOSING).exists():
            time.sleep(_LOOK_EVERY_S)
        self.close()
        while not self.is_empty:
            time.sleep(_LOOK_EVERY_S)
        (scratch / f"closed.{os.getpid()}").touch()


def close_gates(scratch: Path, pids: Iterable[int], *, patience_s: float) -> bool:
    """Have replicas take no more calls and answer those they have.

    Args:
        scratch: the folder of this start.
        pids: of the replicas.
        patience_s: how long the last call may take, seconds.

    Returns:
        Whether all have answered what they had.
    """
    (scratch / _CLOSING).touch()
    deadline = time.monotonic() + patience_s
    waiting = list(pids)
    while waiting := [
        pid for pid in waiting if is_alive(pid) and not (scratch / f"closed.{pid}").exists()
    ]:
        if time.monotonic() >= deadline:
            return False
        time.sleep(_LOOK_EVERY_S)
    return True
