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

from simulator.compiled.kernel import compiled
from simulator.state import columns as col
from simulator.state.population import Blocks, Population


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
    def of(cls, people: Population, breakage: float) -> Ledger:
        """Sums over ``people``; ``breakage`` is the share of points expected to expire."""
        redeemed, expired = int(people.redeemed.sum()), int(people.expired.sum())
        settled = redeemed + expired
        value = float((people.points * people.point_value).sum())
        return cls(
            issued=int(people.issued.sum()),
            redeemed=redeemed,
            expired=expired,
            outstanding=int(people.points.sum()),
            liability_minor=round(value * (1.0 - breakage)),
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
        taken = min(left, int(ints[i, row]))
        ints[i, row] -= taken
        left -= taken
    longs[i, col.POINTS] -= points - left
    longs[i, col.REDEEMED] += points - left


@compiled
def charged(fs: NDArray[np.float32], i: Any, par: Any) -> Any:
    """Minor units that a point costs when it is issued to customer ``i``."""
    return fs[i, col.POINT_VALUE] * (1.0 - par.economics_breakage)


@compiled
def issue(
    ints: NDArray[np.int32], longs: NDArray[np.int64], i: Any, points: Any, period: Any
) -> None:
    """Credit ``points`` to customer ``i``, in this period's bucket."""
    ints[i, col.POINT_BUCKETS + period] += points
    longs[i, col.POINTS] += points
    longs[i, col.ISSUED] += points


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
    ints[i, col.ORDER_BUCKETS + period] += 1
    ints[i, col.SPEND_BUCKETS + period] += amount
    ints[i, col.ORDERS] += 1
    longs[i, col.SPEND] += amount
    ints[i, col.LIFETIME_ORDERS] += 1
    longs[i, col.LIFETIME_SPEND] += amount
    bits[i, col.TIER] = tier_of(longs[i, col.SPEND], bits[i, col.TIER], tiers)


@compiled
def tier_of(spend: Any, lowest: Any, tiers: Any) -> Any:
    """The tier that a year's spend qualifies for, at least ``lowest``."""
    tier = np.int64(lowest)
    while spend >= tiers[tier + 1].from_spend_minor:
        tier += 1
    return tier


@compiled
def end_period(
    people: Blocks,
    start: int,
    stop: int,
    tiers: Any,
    par: Any,
    morning: int,
) -> None:
    """Begin the period of the day ``morning`` for customers ``start`` to ``stop``.

    Its bucket is emptied of what is a year old.
    """
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    row = (morning // col.PERIOD_DAYS) % col.BUCKETS
    for i in range(start, stop):
        lapsed = ints[i, col.POINT_BUCKETS + row]
        longs[i, col.POINTS] -= lapsed
        longs[i, col.EXPIRED] += lapsed
        ints[i, col.POINT_BUCKETS + row] = 0
        ints[i, col.ORDERS] -= ints[i, col.ORDER_BUCKETS + row]
        ints[i, col.ORDER_BUCKETS + row] = 0
        longs[i, col.SPEND] -= ints[i, col.SPEND_BUCKETS + row]
        ints[i, col.SPEND_BUCKETS + row] = 0
        tier = tier_of(longs[i, col.SPEND], 0, tiers)
        if tier < bits[i, col.TIER]:
            days = morning - ints[i, col.SENTIMENT_DAY]
            sentiment = (
                fs[i, col.SENTIMENT] * par.derived_mood_keeps**days - par.loyalty_demotion_shock
            )
            fs[i, col.SENTIMENT] = min(max(sentiment, -1.0), 1.0)
            ints[i, col.SENTIMENT_DAY] = morning
            ints[i, col.BLUES_END] = morning + par.loyalty_demotion_days
        bits[i, col.TIER] = tier
