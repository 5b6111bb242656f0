"""Refusals: how a call ends with an error."""

from __future__ import annotations

from typing import Protocol

import grpc

from troth.errors import TrothError
from troth.wire.status import DETAILS_KEY, to_status

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


def refuse(context: CallContext, error: TrothError) -> None:
    """Let the call end with ``error``; the caller then returns an empty response.

    Raising instead would keep the code but lose the details.
    """
    status = to_status(error)
    context.set_code(_CODES[status.code])
    context.set_details(status.message)
    context.set_trailing_metadata([(DETAILS_KEY, status.SerializeToString())])
