"""Names that divide a table, arms and types of mailings: each written one way, and told."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.sheets import Sheet
from troth.errors import InvalidArgument
from troth.text import quoted

_TOLD = 12


def read_arms(sheet: Sheet, control: str) -> NDArray[np.bool_]:
    """Who is in another arm than ``control``, bool (n,); the arms and their rows are noted.

    Raises:
        InvalidArgument: for arms that differ by capitals or blanks alone, or without ``control``.
    """
    names, at = distinct(sheet, "arm")
    times = np.bincount(at, minlength=len(names)).tolist()
    told = [f"{quoted(str(name))} ({n:,} rows)" for name, n in zip(names, times, strict=True)]
    if control not in names:
        raise InvalidArgument(
            f"has no arm {quoted(control)}, the control; found {_listed(told)}", field=sheet.name
        )
    is_control = names == control
    here = told[int(np.flatnonzero(is_control)[0])]
    others = [text for text in told if text is not here]
    if others:
        sheet.table.notes.append(f"arm: control is {here}, treated are {_listed(others)}")
    treated: NDArray[np.bool_] = ~is_control[at]
    return treated


def distinct(sheet: Sheet, column: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
    """Names (k,) of ``column`` and each row's position in them, none of them twice.

    Raises:
        InvalidArgument: for the rows of a name that is another but for capitals or blanks.
    """
    names, at = sheet.labels(column)
    times = np.bincount(at, minlength=len(names))
    most: dict[str, int] = {}
    for place in np.argsort(-times, kind="stable").tolist():
        most.setdefault(_plain(str(names[place])), place)
    for place, name in enumerate(names.tolist()):
        if (other := most[_plain(name)]) != place:
            sheet.refuse(
                at == place,
                column,
                f"is {quoted(str(names[other]))} of {times[other]:,} rows but for capitals, "
                "blanks or signs: write them alike",
            )
    return names, at


def _plain(name: str) -> str:
    return "".join(c for c in name.casefold() if c.isalnum()) or name


def _listed(told: list[str]) -> str:
    more = f" and {len(told) - _TOLD} more" if len(told) > _TOLD else ""
    return ", ".join(told[:_TOLD]) + more
