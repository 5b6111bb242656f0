"""Words of others, made fit to be shown: cut short, and unable to steer a terminal or a log."""

from __future__ import annotations

import unicodedata
from typing import Any

LONGEST_QUOTE = 64
"""Characters of a value that an error repeats."""
LONGEST_EXCEPTION = 200
"""Characters of an exception that an error repeats."""
STEERING = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"})
"""Unicode's controls, formats (bidi overrides, zero widths), surrogates, private and unassigned
characters, line and paragraph separators."""


def visible(text: str) -> str:
    r"""``text`` in one line that steers nothing: a control character is shown as its escape.

    ``\x1b`` for an escape, ``\u202e`` for a bidi override, ``\n`` for the end of a line.
    """
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        character.encode("unicode_escape").decode()
        if unicodedata.category(character) in STEERING
        else character
        for character in text
    )


def shortened(text: str, most: int) -> str:
    """``text`` in at most ``most`` characters, with its length where some were cut."""
    if len(text) <= most:
        return text
    told = f"... ({len(text)} characters)"
    return text[: max(0, most - len(told))] + told


def toml_values(text: str | bytes) -> dict[str, Any]:
    """The values in a TOML file.

    Raises:
        ValueError: if it is none, saying why in words that go on "is not TOML:".
    """
    import tomllib  # errors need this module and no files

    try:
        return tomllib.loads(text if isinstance(text, str) else text.decode())
    except UnicodeDecodeError as error:
        byte = error.object[error.start]
        raise ValueError(f"not UTF-8 text: byte {error.start} is {byte:#04x}") from error
    except RecursionError:
        raise ValueError("it is nested too deeply") from None


def exception_text(error: BaseException) -> str:
    """What an exception of other people's code says, in one line of at most 200 characters."""
    try:
        said = repr(error)
    except Exception:  # not even that may work
        said = type(error).__name__
    return shortened(visible(said), LONGEST_EXCEPTION)


def quoted(value: str) -> str:
    """``value`` in quotes, at most :data:`LONGEST_QUOTE` characters of it.

    A refusal travels in HTTP/2 trailers, and a proxy that cannot hold one drops the
    connection that other callers share.
    """
    head = value[:LONGEST_QUOTE]
    return repr(head) if len(value) <= LONGEST_QUOTE else f"{head!r}... ({len(value)} characters)"
