"""The one place that asks the computer what time it is."""

from __future__ import annotations

from datetime import UTC, datetime


def utc_now() -> datetime:
    """The time now, aware UTC, as the host's clock has it."""
    return datetime.now(UTC)
