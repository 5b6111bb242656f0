"""What cannot be read, as an error: of the caller in a request, of the service in an answer."""

from __future__ import annotations

from collections.abc import Callable

from troth.errors import FailedPrecondition, InvalidArgument, TrothError

Refuse = Callable[[str, str, str], TrothError]
"""The error for a field, what stands in it (empty if it is absent), and what that is not."""


def refuse_request(field: str, value: str, what: str) -> TrothError:
    """A request that can never be right."""
    return InvalidArgument(f"{value} is not {what}" if value else "is missing", field=field)


def refuse_answer(field: str, value: str, what: str) -> TrothError:
    """An answer that this release of the client does not understand."""
    told = f"{value}, which this client does not know as {what}" if value else "nothing here"
    return FailedPrecondition(
        f"the service answered with {told}; it is of another release", field=field
    )
