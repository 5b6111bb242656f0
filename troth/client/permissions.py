"""What customers granted or refused, and what became of the report."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from troth.catalogue import Channel
from troth.client.stamps import to_channel, to_stamp
from troth.errors import InvalidArgument
from troth.types import new_id
from troth.v1 import decision_service_pb2 as pb


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What a customer granted or refused.

    Attributes:
        customer_id: who.
        channel: what; ``None`` for all channels.
        granted: false for a refusal.
        given_at: when they said so, aware; ``None`` if nobody knows. A consent without it, or
            without a source, restores nothing that was refused.
        source: where they said so, e.g. ``"web form"``.
        purpose: what for.
        permission_id: UUID; made here unless given. Report again with the same one to retry.
    """

    customer_id: str
    channel: Channel | None
    granted: bool
    given_at: datetime | None = None
    source: str = ""
    purpose: str = "marketing"
    permission_id: str = field(default_factory=new_id)

    def to_message(self) -> pb.SetPermissionRequest:
        """The message to send.

        Raises:
            InvalidArgument: if a value does not fit its field.
        """
        try:
            message = pb.SetPermissionRequest(
                permission_id=self.permission_id,
                customer_id=self.customer_id,
                purpose=self.purpose,
                granted=self.granted,
                given_at=to_stamp(self.given_at, "given_at") if self.given_at else None,
                source=self.source,
            )
            if self.channel is None:
                message.all_channels = True
            else:
                message.channel = to_channel(self.channel)
        except (TypeError, ValueError) as error:
            raise InvalidArgument(str(error), field="permission") from error
        return message


@dataclass(frozen=True, slots=True, kw_only=True)
class PermissionSet:
    """The acknowledgement of a permission.

    Attributes:
        permission_id: which.
        first_time: false if it had been reported before.
        effective: whether things are now as it says.
        reason: why, as a slug, e.g. ``refusal_is_newer``.
    """

    permission_id: str
    first_time: bool
    effective: bool
    reason: str

    @classmethod
    def from_message(cls, message: pb.SetPermissionResponse) -> PermissionSet:
        """The acknowledgement in ``message``."""
        return cls(
            permission_id=message.permission_id,
            first_time=message.first_time,
            effective=message.effective,
            reason=message.reason,
        )
