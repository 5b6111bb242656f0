"""Moments and channels on the wire."""

from __future__ import annotations

from datetime import datetime

from google.protobuf.timestamp_pb2 import Timestamp

from troth.catalogue import Channel
from troth.types import require_aware
from troth.v1 import decision_service_pb2 as pb


def to_stamp(moment: datetime, field: str) -> Timestamp:
    """``moment`` as the wire has it.

    Raises:
        InvalidArgument: naming ``field``, if it has no time zone.
    """
    stamp = Timestamp()
    stamp.FromDatetime(require_aware(moment, field))
    return stamp


def to_channel(channel: Channel) -> pb.Channel.ValueType:
    """``channel`` as the wire has it."""
    return pb.Channel.Value(f"CHANNEL_{channel.name}")
