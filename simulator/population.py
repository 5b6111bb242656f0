"""The population: every customer's traits and state, as columns with names.

Memory is four blocks, laid out in :mod:`simulator.columns`. Traits are hidden from policies,
and so are departure, fatigue, true sentiment and what is under way.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from troth.catalogue import CHANNELS, OFFER_KINDS

BLOCKS = ("floats", "ints", "longs", "bytes")


class _Column:
    """A named view of one row of a block, (n,), or of several, (rows, n)."""

    def __init__(self, block: str, row: int, rows: int | None = None) -> None:
        self._block, self._row, self._rows = block, row, rows

    def __get__(self, people: Population, owner: type[Population]) -> NDArray[Any]:
        block: NDArray[Any] = getattr(people, self._block)
        view: NDArray[Any] = block[self._row]
        if self._rows is not None:
            view = block[self._row : self._row + self._rows]
        return view


@dataclass
class Population:
    """n customers, numbered from ``first``.

    Attributes:
        first: number of the first customer; numbers are the keys of random numbers.
        floats: float32 (FLOATS, n); ints: int32 (INTS, n); longs: int64 (LONGS, n);
            bytes: uint8 (BYTES, n).

    The other attributes are views of columns, writable, described in
    :mod:`simulator.columns`.
    """

    first: int
    floats: NDArray[np.float32]
    ints: NDArray[np.int32]
    longs: NDArray[np.int64]
    bytes: NDArray[np.uint8]

    rate = _Column("floats", col.RATE)
    departs = _Column("floats", col.DEPARTS)
    drop_out = _Column("floats", col.DROP_OUT)
    basket = _Column("floats", col.BASKET)
    flexible = _Column("floats", col.FLEXIBLE)
    earn = _Column("floats", col.EARN)
    point_value = _Column("floats", col.POINT_VALUE)
    difficulty = _Column("floats", col.DIFFICULTY)
    generous = _Column("floats", col.GENEROUS)
    own_rate = _Column("floats", col.OWN_RATE)
    visit_rate = _Column("floats", col.VISIT_RATE)
    sentiment = _Column("floats", col.SENTIMENT)
    signal = _Column("floats", col.SIGNAL)
    visits = _Column("floats", col.VISITS)
    affinity = _Column("floats", col.AFFINITY, len(CHANNELS))
    fit = _Column("floats", col.FIT, len(OFFER_KINDS))
    wear = _Column("floats", col.WEAR, len(CHANNELS))
    kind_expected = _Column("floats", col.KIND_EXPECTED, col.WATCHED_KINDS)
    joined = _Column("ints", col.JOINED)
    leaves = _Column("ints", col.LEAVES)
    last_order = _Column("ints", col.LAST_ORDER)
    seen_order = _Column("ints", col.SEEN_ORDER)
    last_contact = _Column("ints", col.LAST_CONTACT)
    recent = _Column("ints", col.RECENT)
    wear_day = _Column("ints", col.WEAR_DAY)
    sentiment_day = _Column("ints", col.SENTIMENT_DAY)
    visits_day = _Column("ints", col.VISITS_DAY)
    wake = _Column("ints", col.WAKE)
    challenge_end = _Column("ints", col.CHALLENGE_END)
    challenge_done = _Column("ints", col.CHALLENGE_DONE)
    challenge_target = _Column("ints", col.CHALLENGE_TARGET)
    blues_end = _Column("ints", col.BLUES_END)
    due_day = _Column("ints", col.DUE_DAY)
    redeem_day = _Column("ints", col.REDEEM_DAY)
    link_day = _Column("ints", col.LINK_DAY)
    shadow_orders = _Column("ints", col.SHADOW_ORDERS)
    orders = _Column("ints", col.ORDERS)
    tickets = _Column("ints", col.TICKETS)
    permits = _Column("ints", col.PERMITS)
    reach = _Column("ints", col.REACH)
    birthday = _Column("ints", col.BIRTHDAY)
    redeem_from = _Column("ints", col.REDEEM_FROM)
    nps = _Column("ints", col.NPS)
    lifetime_orders = _Column("ints", col.LIFETIME_ORDERS)
    delivered = _Column("ints", col.DELIVERED, len(CHANNELS))
    clicks = _Column("ints", col.CLICKS, len(CHANNELS))
    kind_clicks = _Column("ints", col.KIND_CLICKS, col.WATCHED_KINDS)
    order_buckets = _Column("ints", col.ORDER_BUCKETS, col.BUCKETS)
    spend_buckets = _Column("ints", col.SPEND_BUCKETS, col.BUCKETS)
    point_buckets = _Column("ints", col.POINT_BUCKETS, col.BUCKETS)
    spend = _Column("longs", col.SPEND)
    lifetime_spend = _Column("longs", col.LIFETIME_SPEND)
    points = _Column("longs", col.POINTS)
    issued = _Column("longs", col.ISSUED)
    redeemed = _Column("longs", col.REDEEMED)
    expired = _Column("longs", col.EXPIRED)
    group = _Column("bytes", col.GROUP)
    tier = _Column("bytes", col.TIER)
    favourite = _Column("bytes", col.FAVOURITE)
    place = _Column("bytes", col.PLACE)
    adversary = _Column("bytes", col.ADVERSARY)
    stranger = _Column("bytes", col.STRANGER)

    @classmethod
    def empty(cls, first: int, size: int) -> Self:
        """``size`` customers of whom nothing is known yet."""
        ints = np.zeros((col.INTS, size), dtype=np.int32)
        for row in (col.LEAVES, col.DUE_DAY, col.REDEEM_DAY, col.WAKE):
            ints[row] = col.NEVER
        return cls(
            first,
            np.zeros((col.FLOATS, size), dtype=np.float32),
            ints,
            np.zeros((col.LONGS, size), dtype=np.int64),
            np.zeros((col.BYTES, size), dtype=np.uint8),
        )

    def __len__(self) -> int:
        return int(self.floats.shape[1])

    @property
    def index(self) -> NDArray[np.int64]:
        """int64 (n,): customer numbers."""
        return np.arange(self.first, self.first + len(self), dtype=np.int64)

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return sum(block.nbytes for block in self.blocks().values())

    def blocks(self) -> dict[str, NDArray[Any]]:
        """The four blocks by name."""
        return {name: getattr(self, name) for name in BLOCKS}

    @classmethod
    def of_blocks(cls, first: int, blocks: Mapping[str, NDArray[Any]]) -> Self:
        """Inverse of :meth:`blocks`; the arrays are taken over, not copied."""
        return cls(first, **{name: blocks[name] for name in BLOCKS})

    def copy(self) -> Population:
        """An independent copy of every column."""
        return Population(self.first, **{k: block.copy() for k, block in self.blocks().items()})
