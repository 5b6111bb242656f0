"""What is sent again, and when."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator
from typing import Any

from troth.client.failures import Failure
from troth.errors import Code, DeadlineExceeded, TrothError, Unavailable

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_JITTER = random.SystemRandom()

BROKEN_ON_THE_WAY: tuple[tuple[Code, str], ...] = (
    (Code.UNAVAILABLE, ""),  # nobody listens, or the connection broke
    (Code.DEADLINE_EXCEEDED, ""),  # one attempt took too long
    (Code.CANCELLED, ""),  # a proxy gave the call up
    (Code.NOT_FOUND, ""),  # a proxy that has just started knows no application
    (Code.UNKNOWN, "status: 5"),  # a proxy's HTTP status of 500 and above
    (Code.INTERNAL, "died"),  # the replica ended under the call
)
"""Statuses that are sent again if the service itself did not write them, and what their message
must hold. It writes ``ErrorInfo`` into all of its own; of those UNAVAILABLE alone is sent again.
"""
NOT_TRUSTED = (
    "CERTIFICATE_VERIFY_FAILED",  # by another authority, or expired
    "Hostname Verification Check failed",  # for another host
    "is not in peer certificate",  # the same, as earlier releases of gRPC say it
    "WRONG_VERSION_NUMBER",  # no TLS at that port
)
"""In the message of a connection that will not come about at the next attempt either."""


def worth_another(failure: Failure) -> bool:
    """Whether the same request may be answered when it is sent again."""
    if failure.said_by_service:
        return failure.code is Code.UNAVAILABLE
    message = failure.error.message
    if any(text in message for text in NOT_TRUSTED):
        return False
    return any(failure.code is code and text in message for code, text in BROKEN_ON_THE_WAY)


class Retries:
    """The attempts of one call: exponential backoff with full jitter, under one deadline.

    Args:
        deadline_s: seconds for all attempts and pauses together.
        attempt_s: most seconds for one attempt.
    """

    def __init__(self, deadline_s: float, attempt_s: float) -> None:
        self._deadline = time.monotonic() + deadline_s
        self._attempt_s = attempt_s
        self._pause_s = _FIRST_PAUSE_S
        self._last: TrothError | None = None
        self.attempts = 0

    def __iter__(self) -> Iterator[float]:
        """The time limit of each attempt, seconds, as long as there is time."""
        while (left := self._deadline - time.monotonic()) > 0:
            self.attempts += 1
            yield min(left, self._attempt_s)

    def pause_after(self, error: Any) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            TrothError: if another attempt would end the same way.
        """
        failure = Failure.of(error)
        self._last = failure.error
        if not worth_another(failure):
            raise self._last from error
        pause = _JITTER.uniform(0.0, self._pause_s)
        self._pause_s = min(2.0 * self._pause_s, _LONGEST_PAUSE_S)
        return min(pause, max(0.0, self._deadline - time.monotonic()))

    def exhausted(self) -> TrothError:
        """What to raise when time has run out."""
        why = self._last.message if self._last is not None else "no time was given"
        message = f"no answer after {self.attempts} attempts; the last: {why}"
        if isinstance(self._last, DeadlineExceeded):
            return DeadlineExceeded(message)
        return Unavailable(message)
