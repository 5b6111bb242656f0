"""Ids and labels: text, whatever it looks like."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from troth.tables.numbers import SCIENTIFIC

_BLANKS = " \t\r\n\v\f\u00a0\u202f\u2007\u200b\u2060\ufeff"
"""Also those that nobody sees."""
ABSENT = frozenset(
    {"", "-", "--", "?", "#n/a", "<na>", "n/a", "na", "nan", "nat", "nil", "none", "null", r"\n"}
)
"""How programs and people write that there is no value, in small letters."""
_FLOAT = re.compile(r"(-?[1-9]\d*|0)\.0|-(0)(?:\.0)?", re.ASCII)
"""A whole number after it was a float for a while."""
_FRACTION = re.compile(r"-?\d+\.\d*[1-9]\d*", re.ASCII)
_KEPT = 15
"""Digits of a number that a spreadsheet keeps."""
_LONG = re.compile(rf"\d{{{_KEPT + 1},}}", re.ASCII)
MOST_ALIKE = 0.01
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
    07.0 and user.0 always are. A letter is one, whether its accent is written apart or not.
    """
    stripped = [unicodedata.normalize("NFC", text.strip(_BLANKS)) for text in texts]
    whole = not any(_FRACTION.fullmatch(text) for text in stripped)
    result = Names([], [], [], [], {})
    for at, (text, name) in enumerate(zip(texts, stripped, strict=True)):
        if not name:
            result.why[at] = "is missing, where a name is needed"
        elif _FORMULA.match(name):
            result.why[at] = "is a spreadsheet's formula, not a name"
        if text.strip(_BLANKS) != text:
            result.trimmed.append(at)
        if SCIENTIFIC.fullmatch(name):
            result.rounded.append(at)
        if whole and (floated := _FLOAT.fullmatch(name)) is not None:
            result.floats.append(at)
            name = floated[1] or floated[2]
        result.names.append(name)
    return result


def bare(name: str) -> str:
    """What is left of an id when spreadsheets and people have been at it."""
    return "".join(name.split()).lstrip("0").casefold() or "0"


def mangled(names: Sequence[str]) -> dict[str, str]:
    """Ids (k,), distinct, that may be others': each, and whose it is but for zeros or capitals.

    Numbers that differ by zeros in front are told always; other ids, of which some are capitals
    apart by design, if they are more than :data:`MOST_ALIKE` of all.
    """
    longest: dict[str, str] = {}
    for name in names:
        key = bare(name)
        longest[key] = max(longest.get(key, ""), name, key=len)
    others = {name: longest[bare(name)] for name in names if longest[bare(name)] != name}
    if len(others) > MOST_ALIKE * len(names):
        return others
    return {name: other for name, other in others.items() if name.isdigit() and other.isdigit()}


def cut(texts: Sequence[str]) -> tuple[list[int], list[int]]:
    """Positions of long numbers, and of those that end in zeros beyond what a spreadsheet keeps."""
    long = [at for at, text in enumerate(texts) if _LONG.fullmatch(text.strip(_BLANKS))]
    return long, [at for at in long if not texts[at].strip(_BLANKS)[_KEPT:].strip("0")]
