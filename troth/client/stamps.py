"""Moments on the wire."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from troth.types import require_aware


def to_stamp(moment: datetime, field: str) -> Timestamp:
    """``moment`` as the wire has it.

    Raises:
        InvalidArgument: naming ``field``, if it has no time zone.
    """
    stamp = Timestamp()
    stamp.FromDatetime(require_aware(moment, field))
    return stamp
