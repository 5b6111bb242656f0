"""Failed calls as the typed errors they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from google.protobuf.message import DecodeError
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from troth.errors import Code, TrothError
from troth.text import shortened

DOMAIN = "troth.dev"
"""Whose ``ErrorInfo`` it is: what stands in front of a service may write its own."""
LONGEST = 500
"""Characters of a message that are kept: what is in front of a service may send whole pages."""


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a call failed.

    Attributes:
        code: its status.
        error: the typed error.
        said_by_service: whether the service wrote the status; otherwise it comes from the way
            there.
    """

    code: Code
    error: TrothError
    said_by_service: bool

    @classmethod
    def of(cls, error: Any) -> Failure:
        """The failure in a :class:`grpc.RpcError` of a call, sync or async."""
        code = Code(error.code().value[0])
        info, message = _details(error)
        if info is None:
            return cls(
                code, _class_of(code, "")(shortened(message, LONGEST)), said_by_service=False
            )
        metadata = dict(info.metadata)
        field = metadata.pop("field", None)
        if field is not None:
            message = message.removeprefix(f"{field}: ")
        typed = _class_of(code, info.reason)(shortened(message, LONGEST), field=field)
        typed.metadata.update(metadata)
        return cls(code, typed, said_by_service=True)


def _details(error: Any) -> tuple[ErrorInfo | None, str]:
    message = error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            try:
                status = Status.FromString(value)
            except DecodeError:
                break  # not ours
            return _info(status), status.message or message
    return None, message


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
