"""What a user's customers did from their first purchase on: what their world is compared with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.jackknife import jackknife
from troth.errors import InvalidArgument

if TYPE_CHECKING:
    from simulator.calibration.own.data import Transactions

Int64 = NDArray[np.int64]
Float64 = NDArray[np.float64]

NAMES: Mapping[str, str] = {
    "repeats": "repeat purchases per customer",
    "share_none": "share of customers with no repeat purchase",
    "share_one": "share of customers with 1 repeat purchase",
    "share_two": "share of customers with 2 repeat purchases",
    "share_more": "share of customers with 3 or more repeat purchases",
    "gap_p25": "days between purchases, 25 % quantile",
    "gap_p50": "days between purchases, median",
    "gap_p75": "days between purchases, 75 % quantile",
    "revenue": "paid per customer, major units",
    "basket_mean": "mean basket, major units",
    "basket_p10": "10 % quantile of baskets, major units",
    "basket_p50": "median basket, major units",
    "basket_p90": "90 % quantile of baskets, major units",
    "spend_top20": "share of spend of the top 20 %",
}
"""Moments by their key, in the order of :func:`moments`."""

_GAPS, _BASKETS = (0.25, 0.5, 0.75), (0.1, 0.5, 0.9)
_TOP = 0.2
_AGES = 51
"""Quantiles that stand for how long each customer is watched."""
_DIGITS = 5


@dataclass(frozen=True, slots=True)
class OwnMoments:
    """A user's customers, those who begin in the data.

    Attributes:
        source: files they are from.
        customers: how many, >= 1.
        until: last day watched, YYYY-MM-DD.
        ages: days from first purchase to ``until``, >= 0, at even quantiles, ascending.
        values: key of :data:`NAMES` -> value and its standard error.
    """

    source: str
    customers: int
    until: str
    ages: tuple[int, ...]
    values: Mapping[str, tuple[float, float]]

    def table(self) -> dict[str, Any]:
        """As TOML takes it."""
        about = {"source": self.source, "customers": self.customers, "until": self.until}
        values = {key: list(pair) for key, pair in self.values.items()}
        return {**about, "ages_days": list(self.ages), **values}

    @classmethod
    def of_table(cls, table: Mapping[str, Any], *, field: str) -> OwnMoments:
        """What :meth:`table` wrote.

        Raises:
            InvalidArgument: if it is not of that form.
        """
        try:
            found = cls(
                source=str(table["source"]),
                customers=int(table["customers"]),
                until=str(np.datetime64(table["until"], "D")),
                ages=tuple(sorted(int(age) for age in table["ages_days"])),
                values={key: (float(table[key][0]), float(table[key][1])) for key in NAMES},
            )
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise InvalidArgument(
                f"is not as `troth calibrate` wrote it ({error!r}): calibrate again", field=field
            ) from error
        if found.customers < 1 or not found.ages or found.ages[0] < 0:
            raise InvalidArgument("names no customers: calibrate again", field=field)
        return found


def own_moments(bought: Transactions, since: np.datetime64 | None) -> OwnMoments:
    """The moments of those whose first purchase the data show.

    Args:
        bought: the purchases; a customer's day counts as one.
        since: as the fit was told.
    """
    rows = bought.newcomers(since)[bought.customer]
    day = bought.day[rows].astype("datetime64[D]").astype(np.int64)
    visit, of = np.unique(bought.customer[rows] * _WIDTH + day, return_inverse=True)
    paid = np.bincount(of, weights=bought.amount[rows]).astype(np.float64)
    _, first, customer = np.unique(visit // _WIDTH, return_index=True, return_inverse=True)
    when = visit % _WIDTH
    joined = when[first]
    last = int(bought.end.astype("datetime64[D]").astype(np.int64))
    values, errors = jackknife(
        len(first), lambda chosen: moments(customer.astype(np.int64), when, paid, chosen)
    )
    ages = np.quantile(last - joined, np.linspace(0.0, 1.0, _AGES), method="nearest")
    return OwnMoments(
        source=bought.sheet.origin(0, "").source,
        customers=len(first),
        until=str(bought.end),
        ages=tuple(ages.astype(np.int64).tolist()),
        values={
            key: (float(f"{value:.{_DIGITS}g}"), float(f"{error:.{_DIGITS}g}"))
            for key, value, error in zip(NAMES, values.tolist(), errors.tolist(), strict=True)
        },
    )


_WIDTH = np.int64(1 << 20)
"""Days that a customer's number leaves room for."""


def moments(customer: Int64, day: Int64, amount: Float64, chosen: NDArray[np.bool_]) -> Float64:
    """The moments of :data:`NAMES`, float64 (14,); NaN for those of nothing.

    Args:
        customer: int64 (m,) of each purchase day, in 0..n-1, ascending; each has one or more.
        day: int64 (m,), ascending within a customer.
        amount: float64 (m,), major units, >= 0.
        chosen: bool (n,), of whom.
    """
    rows = chosen[customer]
    customer, day, amount = customer[rows], day[rows], amount[rows]
    repeats = np.bincount(customer, minlength=len(chosen))[chosen] - 1
    spent = np.bincount(customer, weights=amount, minlength=len(chosen))[chosen]
    gap = np.diff(day)[np.diff(customer) == 0]
    baskets = amount[amount > 0.0]
    most = np.sort(spent)[::-1][: round(_TOP * len(spent))]
    return np.array(
        [
            repeats.mean(),
            *(np.bincount(np.minimum(repeats, 3), minlength=4) / len(repeats)),
            *(np.quantile(gap, _GAPS) if len(gap) else [np.nan] * len(_GAPS)),
            spent.mean(),
            *([baskets.mean(), *np.quantile(baskets, _BASKETS)] if len(baskets) else [np.nan] * 4),
            most.sum() / spent.sum() if spent.sum() > 0.0 else np.nan,
        ]
    )
