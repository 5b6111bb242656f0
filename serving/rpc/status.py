"""Errors on the wire: ``google.rpc.Status`` with details, as Google AIP-193 wants it."""

from __future__ import annotations

from typing import Protocol

import grpc
from google.protobuf.any_pb2 import Any as AnyMessage
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status

from troth.errors import Code, TrothError
from troth.text import shortened, visible

DOMAIN = "troth.dev"
"""Who gives the reasons in ``ErrorInfo`` their meaning."""
DETAILS_KEY = "grpc-status-details-bin"
"""Trailing metadata that carries the serialised ``Status``."""
LONGEST_MESSAGE = 400
LONGEST_FACT = 100
"""Characters of a message, and of a field or another fact beside it.

All of a refusal travels in trailers. One that a proxy's buffer cannot hold (HAProxy's has
16 kB) costs the connection to the replica, which other callers share.
"""
_CODES = {code.value[0]: code for code in grpc.StatusCode}


class CallContext(Protocol):
    """What is needed of a call's context: Ray Serve's has no ``abort``."""

    def set_code(self, code: grpc.StatusCode) -> None:
        """Set the status code of the call."""
        ...

    def set_details(self, details: str) -> None:
        """Set the status message of the call."""
        ...

    def set_trailing_metadata(self, trailing_metadata: list[tuple[str, bytes]]) -> None:
        """Set the metadata sent after the response."""
        ...


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


def refuse(context: CallContext, error: TrothError) -> None:
    """Let the call end with ``error``; the caller then returns an empty response.

    Raising instead would keep the code but lose the details.
    """
    status = to_status(error)
    context.set_code(_CODES[status.code])
    context.set_details(status.message)
    context.set_trailing_metadata([(DETAILS_KEY, status.SerializeToString())])


def _message(text: str) -> str:
    return shortened(visible(text), LONGEST_MESSAGE)


def _fact(text: str) -> str:
    return shortened(visible(text), LONGEST_FACT)


def _packed(message: ErrorInfo | BadRequest) -> AnyMessage:
    packed = AnyMessage()
    packed.Pack(message)
    return packed
