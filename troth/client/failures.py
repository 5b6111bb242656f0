"""Failed calls as the typed errors they are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from troth.errors import Code, TrothError
from troth.wire.status import DETAILS_KEY, from_status


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
        trailers = dict(reversed(tuple(error.trailing_metadata() or ())))
        typed, by_service = from_status(code, error.details() or "", trailers.get(DETAILS_KEY))
        return cls(code, typed, said_by_service=by_service)
