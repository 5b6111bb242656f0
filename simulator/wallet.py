"""The wallet: an integer points ledger, and tiers with a qualifying year.

A year is twelve periods of thirty days, kept as a ring: what belongs to period p lies in
bucket p mod 12. Points are redeemed in multiples of a threshold, oldest first, and expire a
year after the period they were issued in:

    balance = sum of buckets = issued - redeemed - expired      (always, in integers)

The tier is set by spend over the same twelve periods: up at once, down at a period's end, to
some disappointment (Wagner, Hennig-Thurau & Rudolph, "Does customer demotion jeopardize
loyalty?", Journal of Marketing 73(3), 2009). A point issued is charged at its value less
expected breakage; redeeming it costs nothing more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from simulator.kernel import compiled
from simulator.population import Population


@dataclass(frozen=True)
class Ledger:
    """The points of a whole population since each member joined.

    Attributes:
        issued, redeemed, expired, outstanding: points; the first is the sum of the others.
        liability_minor: what the outstanding points are charged at, whole minor units.
        breakage_share: share of the points that are settled which expired; 0 if none is.
    """

    issued: int
    redeemed: int
    expired: int
    outstanding: int
    liability_minor: int
    breakage_share: float

    @classmethod
    def of(cls, people: Population, charged: float) -> Ledger:
        """Sums over ``people``; ``charged`` is the share of a point's value in the books."""
        redeemed, expired = int(people.redeemed.sum()), int(people.expired.sum())
        settled = redeemed + expired
        return cls(
            issued=int(people.issued.sum()),
            redeemed=redeemed,
            expired=expired,
            outstanding=int(people.points.sum()),
            liability_minor=round(float((people.points * people.point_value).sum()) * charged),
            breakage_share=expired / settled if settled else 0.0,
        )


@compiled
def burn(
    ints: NDArray[np.int32], longs: NDArray[np.int64], i: Any, points: Any, period: Any
) -> None:
    """Redeem ``points``, at most the balance, of customer ``i``: oldest buckets first."""
    left = points
    for age in range(col.BUCKETS - 1, -1, -1):
        row = col.POINT_BUCKETS + (period - age) % col.BUCKETS
        taken = min(left, int(ints[row, i]))
        ints[row, i] -= taken
        left -= taken
    longs[col.POINTS, i] -= points - left
    longs[col.REDEEMED, i] += points - left


@compiled
def issue(
    ints: NDArray[np.int32], longs: NDArray[np.int64], i: Any, points: Any, period: Any
) -> None:
    """Credit ``points`` to customer ``i``, in this period's bucket."""
    ints[col.POINT_BUCKETS + period, i] += points
    longs[col.POINTS, i] += points
    longs[col.ISSUED, i] += points


@compiled
def qualify(
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    bits: NDArray[np.uint8],
    i: Any,
    amount: Any,
    period: Any,
    tiers: Any,
) -> None:
    """Book a purchase of ``amount`` minor units on the profile; the tier may rise at once."""
    ints[col.ORDER_BUCKETS + period, i] += 1
    ints[col.SPEND_BUCKETS + period, i] += amount
    ints[col.ORDERS, i] += 1
    longs[col.SPEND, i] += amount
    ints[col.LIFETIME_ORDERS, i] += 1
    longs[col.LIFETIME_SPEND, i] += amount
    bits[col.TIER, i] = tier_of(longs[col.SPEND, i], bits[col.TIER, i], tiers)


@compiled
def tier_of(spend: Any, lowest: Any, tiers: Any) -> Any:
    """The tier that a year's spend qualifies for, at least ``lowest``."""
    tier = np.int64(lowest)
    while spend >= tiers[tier + 1].threshold:
        tier += 1
    return tier


@compiled
def end_period(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    bits: NDArray[np.uint8],
    tiers: Any,
    par: Any,
    morning: int,
) -> None:
    """Begin the period of the day ``morning``: its bucket is emptied of what is a year old."""
    row = (morning // col.PERIOD_DAYS) % col.BUCKETS
    for i in range(ints.shape[1]):
        lapsed = ints[col.POINT_BUCKETS + row, i]
        longs[col.POINTS, i] -= lapsed
        longs[col.EXPIRED, i] += lapsed
        ints[col.POINT_BUCKETS + row, i] = 0
        ints[col.ORDERS, i] -= ints[col.ORDER_BUCKETS + row, i]
        ints[col.ORDER_BUCKETS + row, i] = 0
        longs[col.SPEND, i] -= ints[col.SPEND_BUCKETS + row, i]
        ints[col.SPEND_BUCKETS + row, i] = 0
        tier = tier_of(longs[col.SPEND, i], 0, tiers)
        if tier < bits[col.TIER, i]:
            days = morning - ints[col.SENTIMENT_DAY, i]
            sentiment = fs[col.SENTIMENT, i] * par.mood_keeps**days - par.demotion_shock
            fs[col.SENTIMENT, i] = min(max(sentiment, -1.0), 1.0)
            ints[col.SENTIMENT_DAY, i] = morning
            ints[col.BLUES_END, i] = morning + int(par.demotion_days)
        bits[col.TIER, i] = tier
