"""Metadata of calls: what a proxy in front of the service knows a caller by."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping

from troth.errors import InvalidArgument

Metadata = Mapping[str, str | bytes]
"""Names to values, e.g. ``{"authorization": "Bearer ..."}``; bytes under names in ``-bin``."""
MetadataSource = Metadata | Callable[[], Metadata]
"""The same, or what gives it, called before each attempt: for tokens that expire."""
AsyncMetadataSource = MetadataSource | Callable[[], Awaitable[Metadata]]
"""For the asyncio client the function may be a coroutine function."""
Pairs = tuple[tuple[str, str | bytes], ...]

_NAME = re.compile(r"[0-9a-z_.-]+")
_VALUE = re.compile(r"[\x20-\x7e]*")


def to_pairs(metadata: Metadata) -> Pairs:
    """The metadata as gRPC takes it.

    Raises:
        InvalidArgument: naming the entry, never quoting its value: it may be a secret.
    """
    return tuple((_name(name), _value(name, value)) for name, value in metadata.items())


def _name(name: str) -> str:
    if not _NAME.fullmatch(name) or name.startswith("grpc-"):
        raise InvalidArgument(
            "a name is lower-case letters, digits, '_', '-' and '.', and does not begin with"
            " 'grpc-'",
            field=f"metadata[{name[:64]!r}]",
        )
    return name


def _value(name: str, value: str | bytes) -> str | bytes:
    binary = name.endswith("-bin")
    if isinstance(value, bytes) != binary:
        kind = "bytes, for its name ends in '-bin'" if binary else "text"
        raise InvalidArgument(f"the value must be {kind}", field=f"metadata[{name!r}]")
    if isinstance(value, str) and not _VALUE.fullmatch(value):
        raise InvalidArgument(
            "the value holds a character that is not printable ASCII, such as a line's end",
            field=f"metadata[{name!r}]",
        )
    return value
