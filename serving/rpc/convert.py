"""Messages to nouns and back; every value that cannot be is refused by its field."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
from google.protobuf.timestamp_pb2 import Timestamp

from serving.customers.permission_reports import Acknowledged, PermissionReport
from serving.customers.permissions import MARKETING, PermissionFact
from serving.decisioning.outcomes import Recorded
from serving.decisioning.requests import DecideRequest
from serving.decisions.records import Decision
from troth.catalogue import CHANNELS, Channel
from troth.errors import InvalidArgument
from troth.types import Outcome, OutcomeKind, ServedBy
from troth.v1 import decision_service_pb2 as pb

CHANNEL_TO_WIRE: dict[Channel, pb.Channel.ValueType] = {
    channel: pb.Channel.Value(f"CHANNEL_{channel.name}") for channel in CHANNELS
}
CHANNEL_FROM_WIRE: dict[int, Channel] = {wire: c for c, wire in CHANNEL_TO_WIRE.items()}
SERVED_BY_TO_WIRE: dict[ServedBy, pb.ServedBy.ValueType] = {
    who: pb.ServedBy.Value(f"SERVED_BY_{who.name}") for who in ServedBy
}
KIND_FROM_WIRE: dict[int, OutcomeKind] = {
    pb.OutcomeKind.Value(f"OUTCOME_KIND_{kind.name}"): kind for kind in OutcomeKind
}


def to_request(message: pb.DecideRequest) -> DecideRequest:
    """The request in ``message``.

    Raises:
        InvalidArgument: naming the field.
    """
    return DecideRequest(
        request_id=message.request_id,
        customer_id=message.customer_id,
        decision_point=message.decision_point,
        features=np.array(message.features, dtype=np.float32),
        feature_schema_digest=message.feature_schema_digest,
        triggered_journeys=tuple(message.triggered_journeys),
        decided_at=(
            to_time(message.decided_at, "decided_at") if message.HasField("decided_at") else None
        ),
    )


def from_decision(decision: Decision) -> pb.DecideResponse:
    """The answer to send."""
    return pb.DecideResponse(
        decision_id=decision.decision_id,
        action_id=decision.action_id,
        channel=CHANNEL_TO_WIRE[decision.channel],
        send_at=from_time(decision.send_at),
        propensity=decision.propensity,
        policy_digest=decision.policy_digest,
        catalogue_digest=decision.catalogue_digest,
        guardrails_digest=decision.guardrails_digest,
        served_by=SERVED_BY_TO_WIRE[decision.served_by],
        reasons=decision.reasons,
        verdicts=[
            pb.GuardrailVerdict(
                guardrail=verdict.guardrail,
                refused_action_ids=verdict.refused,
                refused_mass=verdict.mass,
                reason=verdict.reason,
            )
            for verdict in decision.verdicts
        ],
        valid_until=from_time(decision.valid_until),
        holds=decision.holds,
        void_reasons=decision.void_reasons,
    )


def to_outcome(message: pb.RecordOutcomeRequest) -> Outcome:
    """The outcome in ``message``.

    Raises:
        InvalidArgument: naming the field.
    """
    kind = KIND_FROM_WIRE.get(message.kind)
    if kind is None:
        raise InvalidArgument(f"{message.kind} is not a kind of outcome", field="kind")
    if not message.HasField("occurred_at") and kind is not OutcomeKind.OPTED_OUT:
        raise InvalidArgument("is missing", field="occurred_at")
    return Outcome(
        outcome_id=message.outcome_id,
        decision_id=message.decision_id,
        kind=kind,
        value_minor=message.value_minor,
        occurred_at=(
            _time_of_refusal(message.occurred_at)
            if kind is OutcomeKind.OPTED_OUT
            else to_time(message.occurred_at, "occurred_at")
        ),
        customer_id=message.customer_id,
        channel=_channel(message.channel) if message.channel else None,
    )


def to_permission(message: pb.SetPermissionRequest) -> PermissionReport:
    """The report in ``message``.

    Raises:
        InvalidArgument: naming the field.
    """
    reach = message.WhichOneof("reach")
    if reach is None or (reach == "all_channels" and not message.all_channels):
        raise InvalidArgument("name a channel, or all channels", field="channel")
    given_at = None
    if message.HasField("given_at"):
        given_at = (
            to_time(message.given_at, "given_at")
            if message.granted
            else _time_of_refusal(message.given_at)
        )
    return PermissionReport(
        permission_id=message.permission_id,
        customer_id=message.customer_id,
        permission=PermissionFact(
            channel=None if reach == "all_channels" else _channel(message.channel),
            granted=message.granted,
            given_at=given_at,
            source=message.source,
            purpose=message.purpose or MARKETING,
        ),
    )


def from_acknowledged(done: Acknowledged) -> pb.SetPermissionResponse:
    """The acknowledgement to send."""
    return pb.SetPermissionResponse(
        permission_id=done.permission_id,
        first_time=done.first_time,
        effective=done.effective,
        reason=done.reason,
    )


def _channel(value: int) -> Channel:
    channel = CHANNEL_FROM_WIRE.get(value)
    if channel is None:
        raise InvalidArgument(f"{value} is not a channel", field="channel")
    return channel


def _time_of_refusal(stamp: Timestamp) -> datetime:
    """As :func:`to_time`; no time at all is the last there is, which no clock believes."""
    try:
        return to_time(stamp, "time")
    except InvalidArgument:
        return datetime.max.replace(tzinfo=UTC)


def from_recorded(recorded: Recorded) -> pb.RecordOutcomeResponse:
    """The acknowledgement to send."""
    return pb.RecordOutcomeResponse(outcome_id=recorded.outcome_id, first_time=recorded.first_time)


def to_time(stamp: Timestamp, field: str) -> datetime:
    """Aware UTC, to the microsecond.

    Raises:
        InvalidArgument: naming ``field`` for a time outside the years 1 to 9999.
    """
    try:
        return stamp.ToDatetime(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidArgument(f"is not a time: {error}", field=field) from error


def from_time(moment: datetime) -> Timestamp:
    """Inverse of :func:`to_time`."""
    stamp = Timestamp()
    stamp.FromDatetime(moment)
    return stamp
