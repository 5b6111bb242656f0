"""Ids and labels: text, whatever it looks like."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from troth.tables.numbers import SCIENTIFIC

_BLANKS = " \t\r\n\v\f\u00a0\u202f\u2007\u200b\u2060\ufeff"
"""Also those that nobody sees."""
ABSENT = frozenset(
    {"", "-", "--", "?", "#n/a", "<na>", "n/a", "na", "nan", "nat", "nil", "none", "null", r"\n"}
)
"""How programs and people write that there is no value, in small letters."""
_FLOAT = re.compile(r"(-?(?:0|[1-9]\d*))\.0", re.ASCII)
"""A whole number after it was a float for a while."""
_FRACTION = re.compile(r"-?\d+\.\d*[1-9]\d*", re.ASCII)
_FORMULA = re.compile(r'="')


@dataclass(frozen=True, slots=True)
class Names:
    """What texts are as names.

    Attributes:
        names: (k,).
        trimmed: positions of those with blanks around them.
        floats: of those like ``7.0`` that are the same as ``7``.
        rounded: of those that a spreadsheet has rounded, such as ``1.23457E+11``.
        why: for a text that is no name, the reason.
    """

    names: list[str]
    trimmed: list[int]
    floats: list[int]
    rounded: list[int]
    why: dict[int, str]


def names(texts: Sequence[str]) -> Names:
    """Read ``texts`` (k,), distinct.

    7.0 is what became of 7 beside an empty cell; beside 7.1 it is a name of its own, and 007,
    07.0 and user.0 always are.
    """
    stripped = [text.strip(_BLANKS) for text in texts]
    whole = not any(_FRACTION.fullmatch(text) for text in stripped)
    result = Names([], [], [], [], {})
    for at, (text, name) in enumerate(zip(texts, stripped, strict=True)):
        if not name:
            result.why[at] = "is missing, where a name is needed"
        elif _FORMULA.match(name):
            result.why[at] = "is a spreadsheet's formula, not a name"
        if len(name) < len(text):
            result.trimmed.append(at)
        if SCIENTIFIC.fullmatch(name):
            result.rounded.append(at)
        if whole and (floated := _FLOAT.fullmatch(name)) is not None:
            result.floats.append(at)
            name = floated[1]
        result.names.append(name)
    return result
