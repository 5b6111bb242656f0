"""Kevin Hillstrom's e-mail experiment (MineThatData, 2008).

Customers of the past year, three arms at a third each (men's e-mail, women's e-mail, none),
and their next two weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.tables import read_table

ARMS = ("No E-Mail", "Mens E-Mail", "Womens E-Mail")
"""Values of the column ``segment``; the first is the control."""


@dataclass(frozen=True, slots=True)
class EmailTrial:
    """A randomised e-mail, one row per customer.

    Attributes:
        recency: float64 (n,), months since the last purchase, 1..12 at Hillstrom.
        history: float64 (n,), dollars spent in the past year, >= 0.
        emailed: bool (n,), in either e-mail arm.
        visited: bool (n,), visited the site within two weeks.
        converted: bool (n,), bought within two weeks; only visitors do.
    """

    recency: NDArray[np.float64]
    history: NDArray[np.float64]
    emailed: NDArray[np.bool_]
    visited: NDArray[np.bool_]
    converted: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.recency)


def read_trial(path: Path) -> EmailTrial:
    """Read the experiment's CSV: recency, history, segment, visit, conversion.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, line and column of the first wrong value, or an arm
            without customers.
    """
    columns = ("recency", "history", "segment", "visit", "conversion")
    table = read_table(path, columns=columns)
    with table.checking():
        arm = table.choices("segment", ARMS)
        visited = table.integers("visit", 0, 1) == 1
        converted = table.integers("conversion", 0, 1) == 1
        table.refuse(converted & ~visited, "conversion", "is 1 for a customer who did not visit")
        trial = EmailTrial(
            recency=table.integers("recency", 0, 120).astype(np.float64),
            history=table.numbers("history", 0.0, 1e7),
            emailed=arm != 0,
            visited=visited,
            converted=converted,
        )
    if trial.emailed.all() or not trial.emailed.any():
        raise InvalidArgument(
            "needs customers with an e-mail and customers without", field=f"{path}:segment"
        )
    return trial


def locate(data: Path) -> Path | None:
    """The one ``.csv`` or ``.csv.gz`` under ``data/hillstrom``; ``None`` if there is none.

    Raises:
        InvalidArgument: if there are several.
    """
    found = sorted(
        path
        for path in (data / "hillstrom").glob("*.csv*")
        if path.is_file() and path.name.endswith((".csv", ".csv.gz"))
    )
    if len(found) > 1:
        names = ", ".join(path.name for path in found)
        raise InvalidArgument(f"one file expected, found {names}", field=str(data / "hillstrom"))
    return found[0] if found else None
