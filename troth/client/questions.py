"""What is asked of the service."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from google.protobuf import json_format

from troth.client.stamps import to_stamp
from troth.errors import InvalidArgument
from troth.types import new_id
from troth.v1 import decision_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request for a decision.

    Attributes:
        customer_id, decision_point: whom and where.
        features: raw values in the order of the feature schema; NaN means unknown.
        feature_schema_digest: the schema they follow.
        triggered_journeys: journeys the customer is in.
        decided_at: what the decision is for, aware; ``None`` for the server's clock.
        request_id: UUID; made here unless given. Ask again with the same one to be sure of
            getting the same answer.
    """

    customer_id: str
    decision_point: str
    features: Sequence[float]
    feature_schema_digest: str
    triggered_journeys: Sequence[str] = ()
    decided_at: datetime | None = None
    request_id: str = ""

    @classmethod
    def from_json(cls, text: str) -> Question:
        """The question in the protocol's JSON form, e.g. ``{"customerId": "C1", ...}``.

        Raises:
            InvalidArgument: if it is not JSON, or has a key or value that the message has not.
        """
        try:
            message = json_format.Parse(text, pb.DecideRequest())
        except json_format.ParseError as error:
            raise InvalidArgument(str(error), field="request") from error
        return cls(
            customer_id=message.customer_id,
            decision_point=message.decision_point,
            features=message.features,
            feature_schema_digest=message.feature_schema_digest,
            triggered_journeys=message.triggered_journeys,
            decided_at=(
                message.decided_at.ToDatetime(tzinfo=UTC)
                if message.HasField("decided_at")
                else None
            ),
            request_id=message.request_id,
        )

    def to_message(self) -> pb.DecideRequest:
        """The message to send, with an id in any case.

        Raises:
            InvalidArgument: if a value does not fit its field.
        """
        try:
            return pb.DecideRequest(
                request_id=self.request_id or new_id(),
                customer_id=self.customer_id,
                decision_point=self.decision_point,
                features=self.features,
                feature_schema_digest=self.feature_schema_digest,
                triggered_journeys=self.triggered_journeys,
                decided_at=to_stamp(self.decided_at, "decided_at") if self.decided_at else None,
            )
        except (TypeError, ValueError) as error:
            raise InvalidArgument(str(error), field="request") from error
