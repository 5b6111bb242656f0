"""Errors on the wire: ``google.rpc.Status`` with details, as Google AIP-193 wants it."""

from __future__ import annotations

from google.protobuf.any_pb2 import Any as AnyMessage
from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from troth.errors import Code, TrothError
from troth.text import shortened, visible

DOMAIN = "troth.dev"
"""Who gives the reasons in ``ErrorInfo`` their meaning: what stands in front of a service may
write its own."""
DETAILS_KEY = "grpc-status-details-bin"
"""Trailing metadata that carries the serialised ``Status``."""
LONGEST_MESSAGE = 400
LONGEST_FACT = 100
"""Characters of a message, and of a field or another fact beside it.

All of a refusal travels in trailers. One that a proxy's buffer cannot hold (HAProxy's has
16 kB) costs the connection to the replica, which other callers share.
"""
LONGEST_RECEIVED = 500
"""Characters of a message that are kept: what is in front of a service may send whole pages."""


def to_status(error: TrothError) -> Status:
    """The error with its reason, facts and field, each cut to what trailers can carry."""
    facts = {name: _fact(value) for name, value in error.metadata.items()}
    if error.field is not None:
        facts["field"] = _fact(error.field)
    info = ErrorInfo(reason=error.reason, domain=DOMAIN, metadata=facts)
    status = Status(code=int(error.code), message=_message(str(error)), details=[_packed(info)])
    if error.field is not None and error.code is Code.INVALID_ARGUMENT:
        violation = BadRequest.FieldViolation(
            field=facts["field"], description=_message(error.message), reason=error.reason
        )
        status.details.append(_packed(BadRequest(field_violations=[violation])))
    return status


def from_status(code: Code, message: str, details: bytes | None) -> tuple[TrothError, bool]:
    """The error that a call ended with, and whether the service itself wrote it.

    Args:
        code: status of the call.
        message: its message.
        details: what stands under :data:`DETAILS_KEY`, if anything does.

    Returns:
        The typed error, with field and facts if the service wrote them; otherwise it comes
        from the way there.
    """
    status = _parsed(details)
    if status is None:
        return _class_of(code, "")(shortened(message, LONGEST_RECEIVED)), False
    message = status.message or message
    info = _info(status)
    if info is None:
        return _class_of(code, "")(shortened(message, LONGEST_RECEIVED)), False
    facts = dict(info.metadata)
    field = facts.pop("field", None)
    if field is not None:
        message = message.removeprefix(f"{field}: ")
    error = _class_of(code, info.reason)(shortened(message, LONGEST_RECEIVED), field=field)
    error.metadata.update(facts)
    return error, True


def _parsed(details: bytes | None) -> Status | None:
    if details is None:
        return None
    try:
        return Status.FromString(details)
    except DecodeError:
        return None  # not ours


def _info(status: Status) -> ErrorInfo | None:
    for packed in status.details:
        info = ErrorInfo()
        if packed.Unpack(info) and info.domain == DOMAIN:
            return info
    return None


def _class_of(code: Code, reason: str) -> type[TrothError]:
    """The most telling error class for a code and a reason."""
    of_code: type[TrothError] | None = None
    pending = list(TrothError.__subclasses__())
    while pending:
        kind = pending.pop(0)
        pending.extend(kind.__subclasses__())
        if kind.reason == reason and kind.code is code:
            return kind
        if of_code is None and kind.code is code:
            of_code = kind
    return of_code or TrothError


def _message(text: str) -> str:
    return shortened(visible(text), LONGEST_MESSAGE)


def _fact(text: str) -> str:
    return shortened(visible(text), LONGEST_FACT)


def _packed(message: ErrorInfo | BadRequest) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
