"""The population: every customer's traits and state, as columns with names.

Memory is six blocks, laid out in :mod:`simulator.state.columns`. Traits are hidden from policies,
and so are departure, fatigue, true sentiment and what is under way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple, Self

import numpy as np
from numpy.typing import NDArray

from simulator.state import columns as col
from troth.catalogue import CHANNELS, OFFER_KINDS


class Blocks(NamedTuple):
    """The six blocks as the kernels take them; see :mod:`simulator.state.columns`."""

    rates: NDArray[np.float32]
    days: NDArray[np.int32]
    floats: NDArray[np.float32]
    ints: NDArray[np.int32]
    longs: NDArray[np.int64]
    bytes: NDArray[np.uint8]


_IN_COLUMNS = ("rates", "days")


class _Column:
    """A named view of one trait or state, (n,), or of several, (count, n)."""

    def __init__(self, block: str, at: int, count: int | None = None) -> None:
        self._block, self._at, self._count = block, at, count

    def __get__(self, people: Population, owner: type[Population]) -> NDArray[Any]:
        block: NDArray[Any] = getattr(people.memory, self._block)
        if self._block not in _IN_COLUMNS:
            block = block.T
        view: NDArray[Any] = block[self._at]
        if self._count is not None:
            view = block[self._at : self._at + self._count]
        return view


@dataclass
class Population:
    """n customers, numbered from ``first``.

    Attributes:
        first: number of the first customer; numbers are the keys of random numbers.
        memory: the six blocks.

    The other attributes are writable views, described in :mod:`simulator.state.columns`.
    """

    first: int
    memory: Blocks

    rate = _Column("floats", col.RATE)
    departs = _Column("floats", col.DEPARTS)
    drop_out = _Column("floats", col.DROP_OUT)
    basket = _Column("floats", col.BASKET)
    flexible = _Column("floats", col.FLEXIBLE)
    earn = _Column("floats", col.EARN)
    point_value = _Column("floats", col.POINT_VALUE)
    difficulty = _Column("floats", col.DIFFICULTY)
    generous = _Column("floats", col.GENEROUS)
    own_rate = _Column("rates", col.OWN_RATE)
    visit_rate = _Column("rates", col.VISIT_RATE)
    sentiment = _Column("floats", col.SENTIMENT)
    signal = _Column("floats", col.SIGNAL)
    visits = _Column("rates", col.VISITS)
    affinity = _Column("floats", col.AFFINITY, len(CHANNELS))
    fit = _Column("floats", col.FIT, len(OFFER_KINDS))
    wear = _Column("floats", col.WEAR, len(CHANNELS))
    kind_expected = _Column("floats", col.KIND_EXPECTED, col.WATCHED_KINDS)
    joined = _Column("days", col.JOINED)
    leaves = _Column("ints", col.LEAVES)
    last_order = _Column("ints", col.LAST_ORDER)
    seen_order = _Column("days", col.SEEN_ORDER)
    last_contact = _Column("days", col.LAST_CONTACT)
    recent = _Column("days", col.RECENT)
    wear_day = _Column("ints", col.WEAR_DAY)
    sentiment_day = _Column("ints", col.SENTIMENT_DAY)
    visits_day = _Column("days", col.VISITS_DAY)
    wake = _Column("days", col.WAKE)
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
    permits = _Column("days", col.PERMITS)
    reach = _Column("ints", col.REACH)
    birthday = _Column("days", col.BIRTHDAY)
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
        people = cls(
            first,
            Blocks(
                np.zeros((col.RATES, size), dtype=np.float32),
                np.zeros((col.DAYS, size), dtype=np.int32),
                np.zeros((size, col.FLOATS), dtype=np.float32),
                np.zeros((size, col.INTS), dtype=np.int32),
                np.zeros((size, col.LONGS), dtype=np.int64),
                np.zeros((size, col.BYTES), dtype=np.uint8),
            ),
        )
        for column in (people.leaves, people.due_day, people.redeem_day, people.wake):
            column[:] = col.NEVER
        return people

    def __len__(self) -> int:
        return int(self.memory.floats.shape[0])

    @property
    def index(self) -> NDArray[np.int64]:
        """int64 (n,): customer numbers."""
        return np.arange(self.first, self.first + len(self), dtype=np.int64)

    @property
    def floats(self) -> NDArray[np.float32]:
        """float32 (FLOATS, n), a view."""
        return self.memory.floats.T

    @property
    def ints(self) -> NDArray[np.int32]:
        """int32 (INTS, n), a view."""
        return self.memory.ints.T

    def blocks(self) -> dict[str, NDArray[Any]]:
        """Views of all six blocks by name, customers last."""
        return {
            name: block if name in _IN_COLUMNS else block.T
            for name, block in self.memory._asdict().items()
        }

    @property
    def nbytes(self) -> int:
        """Bytes of all blocks."""
        return sum(block.nbytes for block in self.memory)

    def copy(self) -> Population:
        """An independent copy of every block."""
        copies = {name: block.copy() for name, block in self.memory._asdict().items()}
        return Population(self.first, Blocks(**copies))
