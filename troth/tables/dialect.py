"""How a file is written, where its reader cannot find out or shall not try."""

from __future__ import annotations

import codecs
from dataclasses import dataclass

from troth.errors import InvalidArgument

BLANKS = " +"
"""As a delimiter: any run of white space."""
CALLED = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
"""Delimiters that are found without being told, and what they are called."""


@dataclass(frozen=True, slots=True)
class Dialect:
    """What is known of a text file; ``None`` is found out where that needs no guess.

    Attributes:
        delimiter: one character, or :data:`BLANKS`; else what separates the header's names.
        decimal: "." or ","; else the one by which all values of a column are numbers.
        encoding: one of Python's text encodings; else by the byte order mark, UTF-8, or
            Windows-1252.
        day_first: whether 31/05/2024 or 05/31/2024 is a date; else neither is.

    Raises:
        InvalidArgument: for another delimiter or decimal sign, or an encoding of no text.
    """

    delimiter: str | None = None
    decimal: str | None = None
    encoding: str | None = None
    day_first: bool | None = None

    def __post_init__(self) -> None:
        sign = self.delimiter
        if sign not in (None, BLANKS) and (len(sign) != 1 or sign.isalnum() or sign in '"\r\n\0'):
            raise InvalidArgument(
                f"{sign!r} is not one character that could separate values", field="delimiter"
            )
        if self.decimal not in (None, ".", ","):
            raise InvalidArgument(f"{self.decimal!r} is neither '.' nor ','", field="decimal")
        if self.encoding is not None:
            try:
                codec = codecs.lookup(self.encoding)
                "".encode(self.encoding)
            except (LookupError, ValueError):
                raise InvalidArgument(
                    f"{self.encoding!r} is no text encoding, such as utf-8, cp1252 or utf-16",
                    field="encoding",
                ) from None
            # "utf-8" leaves a mark in the first name.
            object.__setattr__(
                self, "encoding", "utf-8-sig" if codec.name == "utf-8" else codec.name
            )
