"""The CDNOW purchase log of Fader & Hardie: a cohort of 1997, followed for 78 weeks.

The master log holds 23,570 customers who first bought in the first quarter of 1997; the
summary holds (frequency, recency, T) after 39 weeks of a systematic 1/10 sample of them, the
data set of the BG/NBD paper. Public at brucehardie.com/datasets.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.histories import PurchaseHistories
from troth.errors import InvalidArgument
from troth.tables import BLANKS, Dialect, read_table

MASTER = "CDNOW_master.txt"
SUMMARY = "cdnow_customers_summary.csv"


@dataclass(frozen=True, slots=True)
class PurchaseLog:
    """Receipts, one row each.

    Attributes:
        customer: int64 (m,) ids.
        day: datetime64[D] (m,).
        dollars: float64 (m,) value of the receipt, >= 0.
    """

    customer: NDArray[np.int64]
    day: NDArray[np.datetime64]
    dollars: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.customer)

    @property
    def last(self) -> np.datetime64:
        """The last day of the log."""
        return np.datetime64(self.day.max(), "D")

    @property
    def middle(self) -> np.datetime64:
        """The day half-way, which ends the calibration period and starts the hold-out.

        At CDNOW it is 1997-09-30, the end of the 39 weeks of the published fits.
        """
        first = np.datetime64(self.day.min(), "D")
        return first + (self.last - first) // 2

    def baskets(self) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        """Dollars per customer and day, customer int64 (k,) and dollars float64 (k,), all > 0.

        The receipts of one day are one basket, as they are one purchase to BG/NBD; days on
        which nothing was paid (promotions) are left out.
        """
        pairs, at = np.unique(
            np.stack((self.customer, self.day.astype(np.int64))), axis=1, return_inverse=True
        )
        dollars = np.bincount(at.ravel(), weights=self.dollars).astype(np.float64)
        paid = dollars > 0.0
        return pairs[0][paid], dollars[paid]


def read_log(path: Path) -> PurchaseLog:
    """Read ``CDNOW_master.txt``: customer_id, date (yyyymmdd), dollar_value, white space between.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, line and column of the first wrong value.
    """
    table = read_table(path, Dialect(delimiter=BLANKS), ("customer_id", "date", "dollar_value"))
    with table.checking():
        return PurchaseLog(
            customer=table.integers("customer_id", 0, 2**32 - 1),
            day=table.days("date"),
            dollars=table.numbers("dollar_value", 0.0, 1e7),
        )


def read_summary(path: Path) -> PurchaseHistories:
    """Read ``cdnow_customers_summary.csv``: frequency, recency and T in weeks.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming file, line and column of the first wrong value.
    """
    table = read_table(path, columns=("frequency", "recency", "T"))
    with table.checking():
        frequency = table.integers("frequency", 0, 100_000)
        recency = table.numbers("recency", 0.0, 10_000.0)
        age = table.numbers("T", 0.0, 10_000.0)
        table.refuse(recency > age, "recency", "is later than the end of observation, T")
        table.refuse(
            (frequency == 0) != (recency == 0.0),
            "recency",
            "must be 0 exactly where frequency is 0",
        )
    return PurchaseHistories(frequency, recency, age)


def locate(data: Path) -> tuple[Path | None, Path | None]:
    """(master log, sample summary) under ``data/cdnow``; ``None`` for a file that is absent.

    Raises:
        InvalidArgument: if the summary is there without the log, from which spend is fitted.
    """
    master, summary = data / "cdnow" / MASTER, data / "cdnow" / SUMMARY
    if summary.is_file() and not master.is_file():
        raise InvalidArgument(f"{SUMMARY} is there, but not {MASTER}", field=str(master.parent))
    return (
        master if master.is_file() else None,
        summary if summary.is_file() else None,
    )
