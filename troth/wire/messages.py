"""The messages of the service, each with its noun."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from google.protobuf.timestamp_pb2 import Timestamp

from troth.answers import Answer
from troth.catalogue import Channel
from troth.errors import InvalidArgument
from troth.questions import Asked
from troth.reports import MARKETING, Permission, PermissionSet, Recorded
from troth.types import Outcome, Verdict
from troth.v1 import decision_service_pb2 as pb
from troth.wire.enums import ENUMS
from troth.wire.forms import Form
from troth.wire.refusals import refuse_answer
from troth.wire.times import to_time

_CHANNELS = ENUMS[pb.Channel.DESCRIPTOR.full_name]
_LAST = datetime.max.replace(tzinfo=UTC)
"""The time of a refusal whose time cannot be: no clock believes it."""

QUESTION = Form(Asked, pb.DecideRequest)
VERDICT = Form(
    Verdict,
    pb.GuardrailVerdict,
    names={"refused": "refused_action_ids", "mass": "refused_mass"},
    refuse=refuse_answer,
)
ANSWER = Form(Answer, pb.DecideResponse, inner=(VERDICT,), refuse=refuse_answer)
RECORDED = Form(Recorded, pb.RecordOutcomeResponse, refuse=refuse_answer)
PERMISSION_SET = Form(PermissionSet, pb.SetPermissionResponse, refuse=refuse_answer)
OUTCOME = Form(Outcome, pb.RecordOutcomeRequest)
"""Read it by :func:`read_outcome`: an opt-out is not refused for its time."""
PERMISSION = Form(Permission, pb.SetPermissionRequest, beside=("channel", "all_channels"))
"""Go by :func:`write_permission` and :func:`read_permission`, which see to its reach."""


def read_outcome(message: pb.RecordOutcomeRequest) -> Outcome:
    """The outcome in ``message``.

    Raises:
        InvalidArgument: naming the field.
    """
    given: dict[str, Any] = {}
    if message.kind == pb.OUTCOME_KIND_OPTED_OUT:
        given["occurred_at"] = _time_of_refusal(message.occurred_at)
    return OUTCOME.read(message, Outcome, **given)


def write_permission(permission: Permission) -> pb.SetPermissionRequest:
    """The message of ``permission``.

    Raises:
        InvalidArgument: naming the field whose value does not fit.
    """
    if permission.channel is None:
        return PERMISSION.write(permission, all_channels=True)
    return PERMISSION.write(permission, channel=_CHANNELS.number(permission.channel, "channel"))


def read_permission(message: pb.SetPermissionRequest) -> Permission:
    """The permission in ``message``; a refusal is not refused for its time.

    Raises:
        InvalidArgument: naming the field.
    """
    given: dict[str, Any] = {"channel": _reach(message), "purpose": message.purpose or MARKETING}
    if not message.granted and message.HasField("given_at"):
        given["given_at"] = _time_of_refusal(message.given_at)
    return PERMISSION.read(message, Permission, **given)


def _reach(message: pb.SetPermissionRequest) -> Channel | None:
    """What the permission is about; ``None`` for all channels, if it says so."""
    if message.all_channels:
        return None
    if not message.HasField("channel"):
        raise InvalidArgument("name a channel, or all channels", field="channel")
    channel: Channel = _CHANNELS.member(message.channel, "channel")
    return channel


def _time_of_refusal(stamp: Timestamp) -> datetime:
    """As it is told, if it is a time at all."""
    return to_time(stamp) or _LAST
