"""Visits, purchases and spend of an experiment that do not go together."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.sheets import Sheet

Bool = NDArray[np.bool_]


def read_spend(sheet: Sheet, most: float) -> NDArray[np.float64]:
    """Column ``spend``, float64 (n,) in [0, ``most``]."""
    below = ": what came back is to be taken off what the same customer bought, down to 0"
    empty = ": write 0 for who did not buy, and leave the column out if spend is not known"
    return sheet.table.numbers(sheet.theirs["spend"], 0.0, most, below=below, empty=empty)


def check_outcomes(
    sheet: Sheet, visit: Bool | None, conversion: Bool | None, spend: NDArray[np.float64] | None
) -> None:
    """Refuse rows of which one column denies another; warn of purchases for which nothing was paid.

    Args:
        sheet: the experiment; nothing is compared while other cells of it cannot be read.
        visit: bool (n,), where there is such a column.
        conversion: likewise.
        spend: float64 (n,), major units, likewise.
    """
    if sheet.table.faults:
        return
    if visit is not None and conversion is not None:
        sheet.refuse(
            conversion & ~visit,
            "conversion",
            "is for a customer who did not visit, where only a visitor can buy",
        )
    if spend is None:
        return
    if conversion is not None:
        sheet.refuse(
            (spend > 0.0) & ~conversion, "spend", "is of a customer whose conversion says: no sale"
        )
        if len(free := np.flatnonzero(conversion & (spend == 0.0))):
            sheet.table.warnings.append(
                f"spend: nothing in {sheet.told('spend', free)} of customers who bought, as "
                "conversion says: if it is not known, the effect on spend comes out too small; "
                "leave the column out, or those rows if they are no sales"
            )
    elif visit is not None:
        sheet.refuse(
            (spend > 0.0) & ~visit,
            "spend",
            "is of a customer who did not visit, where only a visitor can buy",
        )
