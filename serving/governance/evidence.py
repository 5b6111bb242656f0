"""The evidence a proposal was judged with: JSON documents named by their digest."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from troth.digests import canonical_json, require_digest, sha256
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.files import write_whole

MOST_BYTES = 1 << 20
"""Of a document; what nobody reads is no evidence."""
DEEPEST = 32
"""Objects and lists within each other."""


@dataclass(frozen=True)
class EvidenceStore:
    """Documents under one directory; nothing in it is ever changed.

    Attributes:
        root: usually ``evidence`` beside the store; created on the first :meth:`put`.
    """

    root: Path

    def put(self, document: Any) -> str:
        """Store ``document`` as canonical JSON and return its digest.

        Raises:
            InvalidArgument: naming ``evidence``, for a value JSON cannot hold, or one that is
                too large or nested too deeply.
        """
        data = to_bytes(document)
        name = sha256(data)
        path = self._path(name)
        if not path.exists():
            write_whole(path, data)
        return name

    def get(self, digest: str) -> Any:
        """The document with ``digest``.

        Raises:
            InvalidArgument: if ``digest`` is not a digest.
            NotFound: if it is not stored.
            DataLoss: if the bytes stored under it are others, or none that :meth:`put` stores.
        """
        path = self._path(require_digest(digest, "evidence_digest"))
        try:
            data = _at_most(path)
        except FileNotFoundError:
            raise NotFound(f"no evidence {digest} in {self.root}", field="evidence") from None
        if sha256(data) != digest:
            raise DataLoss(f"{path} is not the document it is named after", field="evidence")
        try:
            return parse(data)
        except InvalidArgument as error:
            raise DataLoss(f"{path} {error.message}", field="evidence") from error

    def _path(self, digest: str) -> Path:
        return self.root / f"{digest}.json"


def to_bytes(document: Any) -> bytes:
    """Canonical JSON of ``document``; raises :class:`InvalidArgument` naming ``evidence``."""
    _check_depth(document)
    try:
        data = canonical_json(document)
    except InvalidArgument as error:
        raise InvalidArgument(f"is {error.message}", field="evidence") from error
    _check_size(data)
    return data


def parse(data: bytes) -> Any:
    """What JSON in ``data`` says.

    Raises:
        InvalidArgument: naming ``evidence``, if it is not JSON, gives a number that is not
            finite or a key twice, is too large or nested too deeply.
    """
    _check_size(data)
    try:
        document = json.loads(data, object_pairs_hook=_once, parse_constant=_not_finite)
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise InvalidArgument(f"is not JSON: {error}", field="evidence") from error
    _check_depth(document)
    return document


def read(path: Path) -> Any:
    """The document in a file.

    Raises:
        NotFound: if there is none.
        InvalidArgument: as :func:`parse`.
    """
    try:
        return parse(_at_most(path))
    except FileNotFoundError:
        raise NotFound(f"{path} does not exist", field="evidence") from None
    except InvalidArgument as error:
        raise InvalidArgument(f"{path} {error.message}", field="evidence") from error


def _at_most(path: Path) -> bytes:
    """The file, or one byte more of it than a document may have."""
    with path.open("rb") as file:
        return file.read(MOST_BYTES + 1)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):  # two readers could each believe another one
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice[:64]!r} is there twice")
    return found


def _not_finite(text: str) -> float:
    raise ValueError(f"{text} is not a number")


def _check_size(data: bytes) -> None:
    if len(data) > MOST_BYTES:
        raise InvalidArgument(f"is over {MOST_BYTES:,} bytes", field="evidence")


def _check_depth(document: Any) -> None:
    """Level by level, so that nothing is too deep to be looked at."""
    level = _containers([document])
    for _ in range(DEEPEST):
        level = [inner for outer in level for inner in _containers(_inside(outer))]
    if level:
        raise _too_deep()


def _containers(values: Iterable[Any]) -> list[Any]:
    return [value for value in values if isinstance(value, dict | list | tuple)]


def _inside(value: Any) -> Iterable[Any]:
    return value.values() if isinstance(value, dict) else value


def _too_deep() -> InvalidArgument:
    return InvalidArgument(f"is nested more than {DEEPEST} deep", field="evidence")
