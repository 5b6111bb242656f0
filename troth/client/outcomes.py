"""What is reported to the service."""

from __future__ import annotations

from troth.client.stamps import to_channel, to_stamp
from troth.errors import InvalidArgument
from troth.types import Outcome
from troth.v1 import decision_service_pb2 as pb


def outcome_message(outcome: Outcome) -> pb.RecordOutcomeRequest:
    """The message to send.

    Raises:
        InvalidArgument: if a value does not fit its field.
    """
    try:
        return pb.RecordOutcomeRequest(
            outcome_id=outcome.outcome_id,
            decision_id=outcome.decision_id,
            kind=pb.OutcomeKind.Value(f"OUTCOME_KIND_{outcome.kind.name}"),
            value_minor=outcome.value_minor,
            occurred_at=to_stamp(outcome.occurred_at, "occurred_at"),
            customer_id=outcome.customer_id,
            channel=to_channel(outcome.channel) if outcome.channel else pb.CHANNEL_UNSPECIFIED,
        )
    except (TypeError, ValueError) as error:
        raise InvalidArgument(str(error), field="outcome") from error
