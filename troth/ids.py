"""The rules of identifiers: which texts may name a request, a customer, a decision point."""

from __future__ import annotations

import re

from troth.errors import InvalidArgument
from troth.text import quoted

UUID_PATTERN = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
NAME_PATTERN = r"[a-z][a-z0-9_]{0,47}"
SLUG_PATTERN = r"[a-z0-9][a-z0-9_.-]{0,63}"
_UUID, _SLUG = re.compile(UUID_PATTERN), re.compile(SLUG_PATTERN)
_NAME = re.compile(NAME_PATTERN)
_CUSTOMER = re.compile(r"[!-~]([ -~]{0,126}[!-~])?")


def is_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID, in either case."""
    return _UUID.fullmatch(text.lower()) is not None


def is_canonical_uuid(text: str) -> bool:
    """Whether ``text`` is a UUID in lower case, as it names files."""
    return _UUID.fullmatch(text) is not None


def require_uuid(text: str, field: str) -> str:
    """Return the UUID ``text`` in lower case; raises :class:`InvalidArgument` otherwise."""
    lower = text.lower()
    if not _UUID.fullmatch(lower):
        raise InvalidArgument(f"{quoted(text)} is not a UUID", field=field)
    return lower


def is_name(text: str) -> bool:
    """Whether ``text`` can name a column: lower-case letters, digits and ``_``, a letter first."""
    return _NAME.fullmatch(text) is not None


def require_customer(text: str, field: str = "customer_id") -> str:
    """Return the customer's id ``text`` if it can be one, in requests and files alike.

    Raises:
        InvalidArgument: unless it is 1 to 128 printable ASCII characters without blanks at
            its ends.
    """
    if not _CUSTOMER.fullmatch(text):
        raise InvalidArgument(
            f"{quoted(text)} is not 1 to 128 printable ASCII characters without blanks around",
            field=field,
        )
    return text


def require_slug(text: str, field: str) -> str:
    """Return ``text`` if it is a lower-case slug; raises :class:`InvalidArgument` otherwise."""
    if not _SLUG.fullmatch(text):
        raise InvalidArgument(f"{quoted(text)} is not a lower-case slug", field=field)
    return text
