"""The bytes of a text file: unpacked, and decoded as what they can only be."""

from __future__ import annotations

import codecs
import gzip
import io
import re
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

from troth.errors import InvalidArgument, NotFound

_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}
_PACKED = b"\x1f\x8b"
_BLOCK = 1 << 20
_UTF8 = re.compile(rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}")
_HIGH = re.compile(rb"[\x80-\xff]")
_FEW = 0.2
"""Of a Windows file's letters beyond ASCII, the share that UTF-8 could have written by chance."""


@dataclass(frozen=True, slots=True)
class TextFile:
    """A file known to be text.

    Attributes:
        path: where it is.
        encoding: Python's name.
        guessed: whether the Windows code page was taken for want of another.
    """

    path: Path
    encoding: str
    guessed: bool = False

    @contextmanager
    def open(self) -> Iterator[IO[str]]:
        """Its lines, endings as they are written.

        Raises:
            InvalidArgument: if it is damaged.
        """
        with _bytes(self.path) as stream:
            text = io.TextIOWrapper(stream, encoding=self.encoding, newline="")
            try:
                yield text
            finally:
                text.detach()


@dataclass(frozen=True, slots=True)
class _Undecodable:
    byte: int
    line: int


def text_file(path: Path, encoding: str | None = None) -> TextFile:
    """Find out how ``path`` is encoded, by decoding all of it.

    Args:
        path: a text file, or one packed by gzip, whatever its name.
        encoding: one of Python's, if known.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming the line that cannot be decoded; or if it is damaged or no text.
    """
    if not path.is_file():
        raise NotFound("no such file", field=str(path))
    with _bytes(path) as stream:
        head = stream.read(4)
    if not head:
        raise InvalidArgument("is empty", field=str(path))
    marked = next((name for mark, name in _MARKS.items() if head.startswith(mark)), None)
    known = encoding or marked
    fault = _decode(path, known or "utf-8")
    if fault is None:
        return TextFile(path, known or "utf-8")
    if known is not None:
        raise InvalidArgument(
            f"cannot be decoded as {known}: byte 0x{fault.byte:02x}",
            field=f"{path}:{fault.line}",
        )
    again = _decode(path, "cp1252")
    if again is not None:
        raise InvalidArgument(
            f"is encoded neither in UTF-8 nor in Windows-1252: byte 0x{again.byte:02x}",
            field=f"{path}:{again.line}",
        )
    if _is_mostly_utf8(path):
        raise InvalidArgument(
            f"is not UTF-8, as other lines of the file are: byte 0x{fault.byte:02x}",
            field=f"{path}:{fault.line}",
        )
    return TextFile(path, "cp1252", guessed=True)


def _decode(path: Path, encoding: str) -> _Undecodable | None:
    """Decode the whole file; ``None`` if it can be done, else where it cannot."""
    decoder = codecs.getincrementaldecoder(encoding)()
    line = 1
    with _bytes(path) as stream:
        while True:
            block = stream.read(_BLOCK)
            held = len(decoder.getstate()[0])
            try:
                text = decoder.decode(block, final=not block)
            except UnicodeDecodeError as error:
                start = max(0, error.start - held)
                return _Undecodable(error.object[error.start], line + block[:start].count(b"\n"))
            except UnicodeError:  # a mark that utf-16 needs, and the like
                return _Undecodable(block[0] if block else 0, line)
            if "\0" in text:
                raise InvalidArgument("is not a text file", field=str(path))
            if not block:
                return None
            line += block.count(b"\n")


def _is_mostly_utf8(path: Path) -> bool:
    """Whether more of what is beyond ASCII is UTF-8 than a Windows file has by chance.

    Decoded by the code page, the rest of the file's letters would each become two.
    """
    high = good = 0
    with _bytes(path) as stream:
        while block := stream.read(_BLOCK):
            high += len(_HIGH.findall(block))
            good += sum(map(len, _UTF8.findall(block)))
    return good > _FEW * high


@contextmanager
def _bytes(path: Path) -> Iterator[IO[bytes]]:
    """The bytes of the file, unpacked.

    Raises:
        InvalidArgument: if it cannot be read or unpacked.
    """
    try:
        with path.open("rb") as raw:
            packed = raw.read(2) == _PACKED or path.suffix.lower() == ".gz"
            raw.seek(0)
            if packed:
                with gzip.GzipFile(fileobj=raw) as unpacked:
                    yield cast("IO[bytes]", unpacked)
            else:
                yield raw
    except (OSError, EOFError, zlib.error) as error:
        raise InvalidArgument(f"not readable as text: {error}", field=str(path)) from error
