"""Typed errors that know their gRPC status.

Every refusal in Troth is a :class:`TrothError`. It names the offending field and
carries the canonical status code (``google.rpc.Code``), so that the command line,
the Python API and the wire say the same thing. See Google AIP-193.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import IntEnum
from typing import ClassVar


class Code(IntEnum):
    """Canonical status codes, numbered as in ``google.rpc.Code``."""

    CANCELLED = 1
    UNKNOWN = 2
    INVALID_ARGUMENT = 3
    DEADLINE_EXCEEDED = 4
    NOT_FOUND = 5
    ALREADY_EXISTS = 6
    PERMISSION_DENIED = 7
    RESOURCE_EXHAUSTED = 8
    FAILED_PRECONDITION = 9
    ABORTED = 10
    OUT_OF_RANGE = 11
    UNIMPLEMENTED = 12
    INTERNAL = 13
    UNAVAILABLE = 14
    DATA_LOSS = 15
    UNAUTHENTICATED = 16


class TrothError(Exception):
    """Base of all errors Troth raises on purpose.

    Args:
        message: what is wrong, in one sentence, naming the value and what is allowed.
        field: dotted path of the field at fault, e.g. ``features[3]``; ``None`` if none is.
        faults: of a file with several, each with its place, in order; the message has the first.
        metadata: further facts, all strings; sent as ``ErrorInfo.metadata``.
    """

    code: ClassVar[Code] = Code.INTERNAL
    reason: ClassVar[str] = "INTERNAL"
    unlisted: int = 0
    """Faults beyond those listed, set where there are too many to keep."""

    def __init__(
        self,
        message: str,
        *,
        field: str | None = None,
        faults: Sequence[str] = (),
        **metadata: str,
    ) -> None:
        super().__init__(message)
        self.faults = tuple(faults)
        self.message = message
        self.field = field
        self.metadata: dict[str, str] = dict(metadata)

    def __str__(self) -> str:
        return f"{self.field}: {self.message}" if self.field else self.message


class InvalidArgument(TrothError):
    """A value that can never be right, whatever the state of the system."""

    code = Code.INVALID_ARGUMENT
    reason = "INVALID_ARGUMENT"


class NotFound(TrothError):
    """A named thing does not exist."""

    code = Code.NOT_FOUND
    reason = "NOT_FOUND"


class AlreadyExists(TrothError):
    """The id is taken by something with different content."""

    code = Code.ALREADY_EXISTS
    reason = "ALREADY_EXISTS"


class FailedPrecondition(TrothError):
    """The request is well formed, but the system is not in the state it needs."""

    code = Code.FAILED_PRECONDITION
    reason = "FAILED_PRECONDITION"


class NotApproved(FailedPrecondition):
    """A policy whose approval is missing, expired, for other bytes or short of quorum."""

    reason = "POLICY_NOT_APPROVED"


class PermissionDenied(TrothError):
    """The caller is known and may not do this."""

    code = Code.PERMISSION_DENIED
    reason = "PERMISSION_DENIED"


class Unauthenticated(TrothError):
    """Who calls is not known: no token or certificate, or one that does not hold."""

    code = Code.UNAUTHENTICATED
    reason = "UNAUTHENTICATED"


class Unimplemented(TrothError):
    """The service has no such method; it is of another release, or not a decision service."""

    code = Code.UNIMPLEMENTED
    reason = "UNIMPLEMENTED"


class ResourceExhausted(TrothError):
    """A queue or a quota is full."""

    code = Code.RESOURCE_EXHAUSTED
    reason = "RESOURCE_EXHAUSTED"


class Unavailable(TrothError):
    """Not now; the same request may be sent again."""

    code = Code.UNAVAILABLE
    reason = "UNAVAILABLE"


class DeadlineExceeded(TrothError):
    """Time ran out; whether it was done is not known, so ask again with the same id."""

    code = Code.DEADLINE_EXCEEDED
    reason = "DEADLINE_EXCEEDED"


class DataLoss(TrothError):
    """Stored bytes are not the bytes that were stored."""

    code = Code.DATA_LOSS
    reason = "DATA_LOSS"
