"""Names that divide a table, arms and types of mailings: each written one way, and told."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.sheets import Sheet
from troth.errors import InvalidArgument
from troth.text import quoted

_TOLD = 12


def read_treated(
    sheet: Sheet, control: str | None, contact: str | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who got a contact, by column ``treated`` or ``arm``, and whose rows count, bool (n,) each.

    Raises:
        InvalidArgument: as :func:`read_arms`; without either column, or with nobody in one group.
    """
    if "arm" in sheet and control is not None and "treated" not in sheet:
        treated, kept = read_arms(sheet, control, contact)
    elif "treated" in sheet and contact is None:
        treated = sheet.flags("treated")
        kept = np.ones(len(treated), dtype=np.bool_)
    else:
        raise InvalidArgument(
            "needs a column treated (0 or 1), or arm with control=NAME in --columns, the arm "
            f"without a contact{', as contact=NAME needs it too' if contact else ''}",
            field=sheet.name,
        )
    if treated[kept].all() or not treated[kept].any():
        raise InvalidArgument("needs customers with a contact and without", field=sheet.name)
    return treated, kept


def read_arms(
    sheet: Sheet, control: str, contact: str | None
) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Who is in another arm than ``control``, and whose rows count, bool (n,) each.

    The arms and their rows are noted; several that count as one contact are a warning.

    Args:
        sheet: the experiment.
        control: the arm without a contact.
        contact: the one arm to compare it with; by default all others together.

    Raises:
        InvalidArgument: for arms that differ by capitals or blanks alone, or without ``control``
            or ``contact``.
    """
    names, at = distinct(sheet, "arm")
    times = np.bincount(at, minlength=len(names)).tolist()
    told = [f"{quoted(str(name))} ({n:,} rows)" for name, n in zip(names, times, strict=True)]
    for arm, what in ((control, "control"), (contact, "contact")):
        if arm is not None and arm not in names:
            raise InvalidArgument(
                f"has no arm {quoted(arm)}, the {what}; found {_listed(told)}", field=sheet.name
            )
    if contact == control:
        raise InvalidArgument(f"{quoted(control)} is control and contact", field="--columns")
    by_name = dict(zip(names.tolist(), told, strict=True))
    here = by_name.pop(control)
    kept = np.ones(len(names), dtype=np.bool_)
    if contact is not None:
        kept = (names == control) | (names == contact)
        treated = [by_name.pop(contact)]
        if by_name:
            sheet.table.notes.append(f"arm: left out {_listed(list(by_name.values()))}")
    else:
        treated = list(by_name.values())
    if len(treated) > 1:
        sheet.table.warnings.append(
            f"arm: {_listed(treated)} count as one contact against {here}, the control: figures "
            "are of their mixture, and none of them may do what it says; contact=NAME in "
            "--columns, once for each, keeps them apart"
        )
    elif treated:
        sheet.table.notes.append(f"arm: control is {here}, treated are {treated[0]}")
    return (names != control)[at], kept[at]


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
