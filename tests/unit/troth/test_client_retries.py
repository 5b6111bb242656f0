"""What is sent again, and when."""

from __future__ import annotations

from types import SimpleNamespace

import grpc
import pytest

from troth.client import retries


class Lost:
    """A call whose connection broke."""

    def code(self) -> grpc.StatusCode:
        """Its status."""
        return grpc.StatusCode.UNAVAILABLE

    def details(self) -> str:
        """Its message."""
        return "connection reset"

    def trailing_metadata(self) -> None:
        """Nothing that the service said."""


def test_an_attempt_has_what_is_left_of_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """And no more than one attempt may take."""
    now = 0.0
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=lambda: now))
    limits = []
    for limit in retries.Retries(deadline_s=50.0, attempt_s=40.0):
        limits.append(limit)
        now += 20.0
    assert limits == [40.0, 30.0, 10.0]


def test_no_pause_outlasts_the_deadline(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pauses grow, and end with the time that is left."""
    now = 0.0
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=lambda: now))
    monkeypatch.setattr(retries._JITTER, "uniform", lambda _, most: most)
    attempts = retries.Retries(deadline_s=10.0, attempt_s=1.0)
    pauses = [attempts.pause_after(Lost()) for _ in range(6)]
    assert pauses == [0.05, 0.1, 0.2, 0.4, 0.8, 1.0]
    now = 9.75
    assert attempts.pause_after(Lost()) == 0.25
    now = 11.0
    assert attempts.pause_after(Lost()) == 0.0
    assert list(attempts) == []
