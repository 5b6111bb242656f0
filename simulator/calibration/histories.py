"""Purchase histories: what BG/NBD needs to know of each customer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from troth.errors import FailedPrecondition, InvalidArgument

DAYS_PER_WEEK = 7.0


@dataclass(frozen=True, slots=True)
class PurchaseHistories:
    """Frequency, recency and age of n customers, in weeks since each one's first purchase.

    Attributes:
        frequency: int64 (n,), repeat purchases: days with a purchase after the first, >= 0.
        recency: float64 (n,), weeks from first to last purchase; 0 where frequency is 0.
        age: float64 (n,), weeks from first purchase to the end of observation (T), > 0 unless
            the first purchase was on the last day.
        first: int64 (n,), day of the first purchase since 1970-01-01, where it is known; a
            seasonal likelihood needs it.

    Raises:
        InvalidArgument: for arrays of different length, or a customer whose three numbers
            contradict each other.
    """

    frequency: NDArray[np.int64]
    recency: NDArray[np.float64]
    age: NDArray[np.float64]
    first: NDArray[np.int64] | None = None

    def __post_init__(self) -> None:
        n = len(self.frequency)
        for name in ("recency", "age"):
            if len(getattr(self, name)) != n:
                raise InvalidArgument(
                    f"{len(getattr(self, name))} values for {n} customers", field=name
                )
        if self.first is not None and len(self.first) != n:
            raise InvalidArgument(f"{len(self.first)} values for {n} customers", field="first")
        bad = (self.frequency < 0) | ~(self.recency >= 0.0) | ~(self.age >= self.recency)
        bad |= (self.frequency == 0) != (self.recency == 0.0)
        if bad.any():
            at = int(bad.argmax())
            raise InvalidArgument(
                f"frequency {self.frequency[at]}, recency {self.recency[at]:g}, age "
                f"{self.age[at]:g} contradict: 0 <= recency <= age, and recency is 0 exactly "
                "where frequency is 0",
                field=f"histories[{at}]",
            )

    def __len__(self) -> int:
        return len(self.frequency)

    def of(self, chosen: NDArray[np.bool_]) -> PurchaseHistories:
        """The histories of some customers, bool (n,)."""
        return PurchaseHistories(
            self.frequency[chosen],
            self.recency[chosen],
            self.age[chosen],
            None if self.first is None else self.first[chosen],
        )

    @property
    def joined(self) -> NDArray[np.int64]:
        """The day of each first purchase since 1970-01-01, int64 (n,).

        Raises:
            FailedPrecondition: if the histories do not say.
        """
        if self.first is None:
            raise FailedPrecondition("a season needs the days of first purchases", field="first")
        return self.first

    @property
    def repeat_share(self) -> float:
        """Share of customers with at least one repeat purchase."""
        return float((self.frequency > 0).mean())


def purchase_days(
    customer: NDArray[np.int64], day: NDArray[np.datetime64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct (customer, day) pairs, sorted by customer, then day.

    The process counts days on which a customer bought: two receipts of one day are one
    purchase, as in Fader, Hardie & Lee's preparation of the CDNOW sample.

    Args:
        customer: int64 (m,) ids, >= 0.
        day: datetime64[D] (m,).

    Returns:
        customer int64 (k,), days since 1970-01-01 int64 (k,).
    """
    pairs = np.unique(np.stack((customer, day.astype("datetime64[D]").astype(np.int64))), axis=1)
    return pairs[0], pairs[1]


def histories(
    customer: NDArray[np.int64], day: NDArray[np.datetime64], end: np.datetime64
) -> tuple[NDArray[np.int64], PurchaseHistories]:
    """Histories at ``end`` of everyone whose first purchase is on or before it.

    Args:
        customer: int64 (m,) who bought.
        day: datetime64[D] (m,) when.
        end: the last day observed.

    Returns:
        ids int64 (n,) ascending, and their histories.

    Raises:
        InvalidArgument: if nobody bought by ``end``.
    """
    seen = day <= end
    if not seen.any():
        raise InvalidArgument(f"no purchase on or before {end}", field="end")
    who, when = purchase_days(customer[seen], day[seen])
    ids, first_at, purchases = np.unique(who, return_index=True, return_counts=True)
    first = when[first_at]
    last = when[first_at + purchases - 1]
    last_day = end.astype("datetime64[D]").astype(np.int64)
    return ids, PurchaseHistories(
        frequency=(purchases - 1).astype(np.int64),
        recency=(last - first) / DAYS_PER_WEEK,
        age=(last_day - first) / DAYS_PER_WEEK,
        first=first,
    )


def purchases_within(
    ids: NDArray[np.int64],
    customer: NDArray[np.int64],
    day: NDArray[np.datetime64],
    after: np.datetime64,
    until: np.datetime64,
) -> NDArray[np.int64]:
    """Purchase days of each of ``ids`` (n,) with ``after`` < day <= ``until``, int64 (n,)."""
    chosen = (day > after) & (day <= until) & np.isin(customer, ids)
    if not chosen.any():
        return np.zeros(len(ids), dtype=np.int64)
    who, _ = purchase_days(customer[chosen], day[chosen])
    return np.bincount(np.searchsorted(ids, who), minlength=len(ids)).astype(np.int64)
