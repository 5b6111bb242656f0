"""The wallet: an integer points ledger, and tiers with a qualifying year.

A year is twelve periods of thirty days. Points lie in the bucket of the period they were
earned in, are redeemed oldest first and expire when their bucket falls off the end:

    balance = sum of buckets = earned - burned - expired      (always, in integers)

The tier is set by spend over the same twelve periods: up at once, down at a period's end.
Redeemed points cost nothing on the day: base points are in the margin share, promised points
were charged as a liability when promised (breakage of 25 to 35 % is in that liability).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.population import BUCKETS, Population
from simulator.scenarios.sections import TierSection, WalletSection
from simulator.spend import MINOR_PER_MAJOR

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]


@dataclass(frozen=True)
class TierTable:
    """Tiers as columns, lowest first; ``threshold`` has one more entry, never reached."""

    threshold: Int64
    earn_factor: Float

    @classmethod
    def of(cls, tiers: tuple[TierSection, ...]) -> TierTable:
        """The columns."""
        never = np.iinfo(np.int64).max
        return cls(
            np.array([*(t.from_spend_minor for t in tiers), never], dtype=np.int64),
            np.array([t.earn_factor for t in tiers]),
        )

    def of_spend(self, spend: Int64) -> NDArray[np.uint8]:
        """uint8 (n,): the tier that a year's spend, minor units, qualifies for."""
        return (np.searchsorted(self.threshold, spend, side="right") - 1).astype(np.uint8)

    def to_next(self, tier: NDArray[np.uint8], spend: Int64) -> Float:
        """float64 (n,): tier points (major units of spend) to the next tier, 0 at the top."""
        above = tier.astype(np.int64) + 1
        gap = np.maximum(self.threshold[above] - spend, 0) / MINOR_PER_MAJOR
        return np.where(above < self.earn_factor.size, gap, 0.0)

    def closeness(self, tier: NDArray[np.uint8], spend: Int64) -> Float:
        """float64 (n,) in [0, 1]: share of the way from this tier to the next; 0 at the top."""
        above = tier.astype(np.int64) + 1
        floor = self.threshold[above - 1]
        width = np.maximum(self.threshold[above] - floor, 1)
        return np.where(
            above < self.earn_factor.size, np.clip((spend - floor) / width, 0.0, 1.0), 0.0
        )


def base_points(
    section: WalletSection, table: TierTable, tier: NDArray[np.uint8], basket: Float
) -> Int64:
    """int64 (m,): points a basket in minor units earns, whole points."""
    rate = section.points_per_major * table.earn_factor[tier] / MINOR_PER_MAJOR
    return np.floor(basket * rate).astype(np.int64)


def earn(people: Population, rows: Int64, points: Int64) -> None:
    """Credit ``points`` (m,) to customers ``rows`` (m,), in this period's bucket."""
    people.point_buckets[0, rows] += points
    people.points[rows] += points
    people.earned[rows] += points


def burn(people: Population, rows: Int64) -> None:
    """Redeem the whole balance of customers ``rows`` (m,)."""
    people.burned[rows] += people.points[rows]
    people.point_buckets[:, rows] = 0
    people.points[rows] = 0


def spend(people: Population, table: TierTable, rows: Int64, basket: Float) -> None:
    """Book one purchase each of ``basket`` (m,) minor units; the tier may rise at once."""
    amount = basket.astype(np.int64)
    people.order_buckets[0, rows] += 1
    people.spend_buckets[0, rows] += amount
    people.orders[rows] += 1
    people.spend[rows] += amount
    people.lifetime_orders[rows] += 1
    people.lifetime_spend[rows] += amount
    people.tier[rows] = np.maximum(people.tier[rows], table.of_spend(people.spend[rows]))


def end_period(people: Population, table: TierTable) -> None:
    """Shift every bucket by one: the oldest points expire, the oldest spend is forgotten."""
    lapsed = people.point_buckets[BUCKETS - 1].copy()
    people.points -= lapsed
    people.expired += lapsed
    for buckets in (people.point_buckets, people.order_buckets, people.spend_buckets):
        buckets[1:] = buckets[:-1].copy()
        buckets[0] = 0
    people.orders[:] = people.order_buckets.sum(axis=0)
    people.spend[:] = people.spend_buckets.sum(axis=0)
    people.tier[:] = table.of_spend(people.spend)
