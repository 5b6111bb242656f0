"""The server's clock, as a seam."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

Clock = Callable[[], datetime]


def server_clock() -> datetime:
    """The time now, aware UTC."""
    return datetime.now(UTC)
