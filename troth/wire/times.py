"""Moments on the wire."""

from __future__ import annotations

from datetime import UTC, datetime

from google.protobuf.timestamp_pb2 import Timestamp

from troth.errors import InvalidArgument
from troth.text import quoted
from troth.types import require_aware


def from_time(moment: datetime, field: str = "time") -> Timestamp:
    """``moment`` as the wire has it.

    Raises:
        InvalidArgument: naming ``field``, if it is no moment or has no time zone.
    """
    if not isinstance(moment, datetime):
        raise InvalidArgument(f"{quoted(str(moment))} is not a datetime", field=field)
    stamp = Timestamp()
    stamp.FromDatetime(require_aware(moment, field))
    return stamp


def to_time(stamp: Timestamp) -> datetime | None:
    """Aware UTC, to the microsecond; ``None`` outside the years 1 to 9999."""
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError):
        return None
