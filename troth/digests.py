"""Canonical bytes and their SHA-256 digests: what approvals and audits bind to."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import rfc8785

from troth.errors import InvalidArgument
from troth.text import quoted

if TYPE_CHECKING:  # a command that stops something must not wait for it to load
    from pathlib import Path

    import numpy as np

DIGEST_LENGTH = 64
"""Hexadecimal characters in a digest."""


def canonical_json(value: Any) -> bytes:
    """Serialise ``value`` as RFC 8785 canonical JSON.

    Raises:
        InvalidArgument: for a value JSON cannot hold (NaN, bytes, an integer over 2**53), or
            one nested deeper than the interpreter goes.
    """
    try:
        return rfc8785.dumps(value)
    except rfc8785.CanonicalizationError as error:
        raise InvalidArgument(f"not representable as canonical JSON: {error}") from error
    except RecursionError:
        raise InvalidArgument("nested too deeply for canonical JSON") from None


def parse_json(text: str | bytes) -> Any:
    """What JSON in ``text`` says; for whatever was not written by this process.

    Raises:
        ValueError: if it is not JSON, or nested deeper than the interpreter goes, for which
            ``json.loads`` alone raises an error that nobody expects of a file.
    """
    try:
        return json.loads(text)
    except RecursionError:
        raise ValueError("nested too deeply") from None


def sha256(data: bytes) -> str:
    """Lower-case hexadecimal SHA-256 of ``data``, 64 characters."""
    return hashlib.sha256(data).hexdigest()


def file_sha256(path: Path) -> str:
    """Lower-case hexadecimal SHA-256 of the file's bytes, 64 characters."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def digest(value: Any) -> str:
    """SHA-256 of the canonical JSON of ``value``."""
    return sha256(canonical_json(value))


def array_digest(array: np.ndarray) -> str:
    """SHA-256 over dtype, shape and little-endian bytes of ``array``."""
    import numpy as np

    ordered = np.ascontiguousarray(array).astype(array.dtype.newbyteorder("<"), copy=False)
    header = f"{ordered.dtype.str}:{ordered.shape}:".encode()
    return sha256(header + ordered.tobytes())


def require_digest(value: str, field: str) -> str:
    """Return ``value`` if it is a digest, else raise :class:`InvalidArgument` naming ``field``."""
    if len(value) != DIGEST_LENGTH or any(c not in "0123456789abcdef" for c in value):
        raise InvalidArgument(
            f"{quoted(value)} is not a SHA-256 digest (64 lower-case hex characters)", field=field
        )
    return value
