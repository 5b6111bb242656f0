"""The population: every customer's traits and state, as columns.

Structure of arrays: one row of memory per trait, channel or bucket, so that a mechanism
reads contiguous columns. Traits are hidden from policies; so are ``alive`` and ``wear``.
"""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

Float32 = NDArray[np.float32]
Int32 = NDArray[np.int32]

BUCKETS = 12
"""Periods in a qualifying year."""
PERIOD_DAYS = 30
"""Days in a period: purchases and points are forgotten period by period."""
WATCHED_KINDS = 2
"""Kinds of offer whose clicks are counted: discount, points."""


@dataclass
class Population:
    """n customers; C channels with *none* at row 0, O offer kinds likewise.

    Attributes:
        index: int64 (n,) customer numbers, the key of their random numbers.
        rate: float32 purchases per day while alive.
        drop_out: float32 P(leaves after a purchase).
        basket: float32 mean of ln basket, major units.
        group: uint8 uplift group, position in :data:`simulator.offers.GROUPS`.
        affinity: float32 (C, n) factor of the response by channel.
        fit: float32 (O, n) factor of the response by kind.
        permits: bool (C, n) reachable and agreed to; row 0 is true.
        alive: bool, has not left for good.
        recency: int32 days since the last purchase.
        tenure: int32 days since the first.
        wear: float32 (C, n) recent delivered contacts, forgotten exponentially.
        recent: uint32, bit d is set if there was a contact d + 1 days ago.
        since_contact: int32 days since the last contact.
        delivered, clicks: int32 (C, n) since joining (at most a year before day 0).
        kind_expected: float32 (2, n) clicks that base rates predict for watched kinds.
        kind_clicks: int32 (2, n).
        sentiment: float32 in [-1, 1].
        tickets: int32 open tickets.
        orders, spend: int32 / int64 over the past year (minor units).
        order_buckets, spend_buckets, point_buckets: (12, n), newest at row 0.
        lifetime_orders, lifetime_spend: int32 / int64.
        points: int64 balance, the sum of ``point_buckets``.
        earned, burned, expired: int64 points since joining.
        tier: uint8.
        challenge_days: int32 days left of the running challenge, 0 when none runs.
        challenge_done: int32 purchases made in it.
    """

    index: NDArray[np.int64]
    rate: Float32
    drop_out: Float32
    basket: Float32
    group: NDArray[np.uint8]
    affinity: Float32
    fit: Float32
    permits: NDArray[np.bool_]
    alive: NDArray[np.bool_]
    recency: Int32
    tenure: Int32
    wear: Float32
    recent: NDArray[np.uint32]
    since_contact: Int32
    delivered: Int32
    clicks: Int32
    kind_expected: Float32
    kind_clicks: Int32
    sentiment: Float32
    tickets: Int32
    orders: Int32
    spend: NDArray[np.int64]
    order_buckets: Int32
    spend_buckets: NDArray[np.int64]
    lifetime_orders: Int32
    lifetime_spend: NDArray[np.int64]
    points: NDArray[np.int64]
    point_buckets: NDArray[np.int64]
    earned: NDArray[np.int64]
    burned: NDArray[np.int64]
    expired: NDArray[np.int64]
    tier: NDArray[np.uint8]
    challenge_days: Int32
    challenge_done: Int32

    def __len__(self) -> int:
        return int(self.index.shape[0])

    def copy(self) -> Population:
        """An independent copy of every column."""
        return Population(**{f.name: getattr(self, f.name).copy() for f in fields(self)})
