"""What is asked of the service."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from troth.questions import Asked
from troth.types import new_id
from troth.wire.messages import QUESTION

if TYPE_CHECKING:
    from troth.v1 import decision_service_pb2 as pb


@dataclass(frozen=True, kw_only=True)
class Question(Asked):
    """One request for a decision, with the fields of :class:`troth.questions.Asked`.

    The values are checked by the service. Without a ``request_id`` each sending has a new one.
    """

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The question in the protocol's JSON form, e.g. ``{"customerId": "C1", ...}``.

        Raises:
            InvalidArgument: if it is not JSON, or has a key or value that the message has not.
        """
        message = QUESTION.parse_json(text)
        return QUESTION.read(message, cls, features=tuple(message.features))

    def to_message(self) -> pb.DecideRequest:
        """The message to send, with an id in any case.

        Raises:
            InvalidArgument: naming the field whose value does not fit.
        """
        return QUESTION.write(self, request_id=self.request_id or new_id())
