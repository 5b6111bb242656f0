"""Ids in a log: one name is one customer or decision, however it was written.

The rule is that of tables in text (:mod:`troth.tables.names`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.tables.names import mangled, names

_ASCII = 128


@dataclass(frozen=True, slots=True, kw_only=True)
class AlikeIds:
    """Ids that may be others', but for capitals, zeros in front or blanks inside.

    Attributes:
        field: of the log.
        ids: how many.
        example: one of them and whose it may be, with the first row of each, counted from 0.
        joined: str (n,), the ids with each such one replaced by whose it may be.
    """

    field: str
    ids: int
    example: tuple[tuple[str, int], tuple[str, int]]
    joined: NDArray[np.str_]


def plain(ids: NDArray[Any], field: str) -> NDArray[np.str_]:
    """``ids``, text (n,), without blanks around them, and accents written in one way.

    7.0 is 7, if no id is a fraction.

    Raises:
        InvalidArgument: for a spreadsheet's formula, by row.
    """
    fixed = np.ascontiguousarray(ids.astype(np.str_, copy=False))
    if not len(fixed) or _is_plain(fixed):
        return fixed
    distinct, first, which = np.unique(fixed, return_index=True, return_inverse=True)
    read = names(distinct.tolist())
    for at, why in read.why.items():
        if read.names[at]:  # an empty one is refused by whoever needs it
            raise InvalidArgument(f"{str(distinct[at])!r} in row {first[at]} {why}", field=field)
    return np.array(read.names, dtype=np.str_)[which]


def alike(ids: NDArray[np.str_], field: str) -> AlikeIds | None:
    """What :func:`~troth.tables.names.mangled` finds among ``ids``, str (n,), plain."""
    distinct, first, which = np.unique(ids, return_index=True, return_inverse=True)
    if not len(distinct) or _are_apart(distinct):
        return None
    others = mangled(distinct.tolist())
    if not others:
        return None
    row = dict(zip(distinct.tolist(), first.tolist(), strict=True))
    name, other = min(others.items(), key=lambda pair: max(row[pair[0]], row[pair[1]]))
    joined = np.array([others.get(name, name) for name in distinct.tolist()], dtype=np.str_)
    return AlikeIds(
        field=field,
        ids=len(others),
        example=((name, row[name]), (other, row[other])),
        joined=joined[which],
    )


def _characters(ids: NDArray[np.str_]) -> NDArray[np.uint32]:
    width = max(ids.dtype.itemsize // 4, 1)
    return np.ascontiguousarray(ids).view(np.uint32).reshape(len(ids), width)


def _is_plain(ids: NDArray[np.str_]) -> bool:
    """Whether :func:`plain` has nothing to do, as with most logs; ``False`` if in doubt."""
    characters = _characters(ids)
    if characters.max() >= _ASCII:
        return False
    length = np.strings.str_len(ids)
    rows = np.arange(len(ids))
    last, before = (characters[rows, np.maximum(length - back, 0)] for back in (1, 2))
    first = characters[:, 0]
    edges = ((first <= ord(" ")) & (length > 0)) | ((last <= ord(" ")) & (length > 0))
    numeral = (
        ((last == ord("0")) & (before == ord("."))) | (first == ord("-")) | (first == ord("="))
    )
    return not (edges | numeral).any()


def _are_apart(ids: NDArray[np.str_]) -> bool:
    """Whether distinct ``ids`` differ by more than capitals and zeros; ``False`` if in doubt."""
    characters = _characters(ids)
    if characters.max() >= _ASCII or (characters == ord(" ")).any():
        return False
    bare = np.strings.lstrip(np.strings.lower(ids), "0")
    return len(np.unique(bare)) == len(ids)
