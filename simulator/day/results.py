"""What one day brought, per customer."""

from __future__ import annotations

from functools import cached_property, lru_cache
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from troth.errors import InvalidArgument
from troth.objective import COMPONENTS, Objective

Bool = NDArray[np.bool_]

CREDITED, LANDED = 0, len(COMPONENTS)
"""First rows of the two halves of ``money``."""
MARGIN, DISCOUNT, POINTS, CONTACT_COST, OPT_OUTS = range(len(COMPONENTS))

ARRIVED, OPENED, CLICKED, VISITED, REDEEMED, PURCHASED, OPTED_OUT, FRAUD = (
    1, 2, 4, 8, 16, 32, 64, 128,
)  # fmt: skip
"""Bits of ``answers``."""
WAITS = ("opened", "clicked", "visited", "redeemed", "purchased")
PAUSE_OPENED, PAUSE_CLICKED, PAUSE_VISITED, PAUSE_REDEEMED, PAUSE_PURCHASED = range(len(WAITS))
"""Columns of ``pauses``."""
NO_PLACE = 255


RewardKind = Literal["sampled", "expected"]
"""What a day's decisions pay: what they brought, or its expectation given all hidden state, the
same mean with far less variance, which no firm can observe."""


def check_reward_kind(reward: str) -> None:
    """Refuse what is neither.

    Raises:
        InvalidArgument: naming the value.
    """
    if reward not in get_args(RewardKind):
        raise InvalidArgument(f"{reward!r} is not 'sampled' or 'expected'", field="reward")


@compiled
def _weigh(out: NDArray[np.float64], money: NDArray[np.int32], by: NDArray[np.float64]) -> None:
    for at in range(by.shape[0]):
        weight, column = by[at], money[at]
        for i in range(out.shape[0]):
            out[i] += weight * np.float64(column[i])


@lru_cache(maxsize=64)
def weights(objective: Objective) -> NDArray[np.float64]:
    """float64 (5,): of the components, in their order; not to be written to."""
    by_name = objective.to_dict()
    return np.array([by_name[name] for name in COMPONENTS])


class ResultArrays(NamedTuple):
    """What one day brought, as kernels write it.

    Attributes:
        money: int32 (10, n): components credited to the day, then those booked on it.
        answers: uint8 (n,), bits as above, of the day's decisions.
        pauses: int16 (n, 5), 1 + days until the answers land, in the order of :data:`WAITS`;
            0 where there is none.
        orders: int32 (n,) purchases booked today.
        spend_minor: int64 (n,) their value.
        category, store: uint8 (n,) of the last of them; 255 where there is none.
    """

    money: NDArray[np.int32]
    answers: NDArray[np.uint8]
    pauses: NDArray[np.int16]
    orders: NDArray[np.int32]
    spend_minor: NDArray[np.int64]
    category: NDArray[np.uint8]
    store: NDArray[np.uint8]


@compiled
def clear(result: ResultArrays, low: int, high: int) -> None:
    """Nothing happens to customers ``low`` to ``high``.

    Block by block, so that each thread touches its own memory first, while it is near.
    """
    result.money[:, low:high] = 0
    result.answers[low:high] = 0
    result.pauses[low:high] = 0
    result.orders[low:high] = 0
    result.spend_minor[low:high] = 0
    result.category[low:high] = NO_PLACE
    result.store[low:high] = NO_PLACE


class StepResult(ResultArrays):
    """What one day brought: the arrays above, and what is read from them."""

    @classmethod
    def unwritten(cls, size: int) -> StepResult:
        """Memory for a day; :func:`clear` makes it one on which nothing happens."""
        return cls(
            money=np.empty((2 * len(COMPONENTS), size), dtype=np.int32),
            answers=np.empty(size, dtype=np.uint8),
            pauses=np.empty((size, len(WAITS)), dtype=np.int16),
            orders=np.empty(size, dtype=np.int32),
            spend_minor=np.empty(size, dtype=np.int64),
            category=np.empty(size, dtype=np.uint8),
            store=np.empty(size, dtype=np.uint8),
        )

    def again(self, size: int) -> StepResult:
        """The memory of this day for another one of ``size`` customers; this one is lost.

        Raises:
            InvalidArgument: if it is of another size.
        """
        if self.money.shape[1] != size:
            raise InvalidArgument(
                f"a day of {self.money.shape[1]} customers, not of {size}", field="out"
            )
        return StepResult(*self)

    @classmethod
    def empty(cls, size: int) -> StepResult:
        """A day on which nothing happened."""
        day = cls.unwritten(size)
        clear(day, 0, size)
        return day

    @cached_property
    def waits(self) -> NDArray[np.int16]:
        """int16 (5, n), days until the answers land; -1 where there is none."""
        return self.pauses.T - np.int16(1)

    @cached_property
    def components(self) -> dict[str, NDArray[np.int64]]:
        """int64 (n,) by name, credited to the day of the decision.

        The day's own purchases and everything that the day's contact will bring, also what
        lands later.
        """
        return self._columns(CREDITED)

    @cached_property
    def landed(self) -> dict[str, NDArray[np.int64]]:
        """int64 (n,) by name, on the day it is booked."""
        return self._columns(LANDED)

    @cached_property
    def delay(self) -> dict[str, NDArray[np.int16]]:
        """int16 (n,) days until each answer to today's contact lands; -1 where there is none."""
        return dict(zip(WAITS, self.waits, strict=True))

    @property
    def delivered(self) -> Bool:
        """The contact arrived."""
        return self._answered(ARRIVED)

    @property
    def opened(self) -> Bool:
        """It is opened, sooner or later."""
        return self._answered(OPENED)

    @property
    def clicked(self) -> Bool:
        """It is clicked, sooner or later."""
        return self._answered(CLICKED)

    @property
    def visited(self) -> Bool:
        """It brings a visit, by a click or without one."""
        return self._answered(VISITED)

    @property
    def redeemed(self) -> Bool:
        """Its offer is used, on a purchase it brought about or on one of their own."""
        return self._answered(REDEEMED)

    @property
    def purchased(self) -> Bool:
        """It brings a purchase, sooner or later, or they bought of their own accord today."""
        return self._answered(PURCHASED)

    @property
    def opted_out(self) -> Bool:
        """The permission of its channel was withdrawn."""
        return self._answered(OPTED_OUT)

    @property
    def fraud(self) -> Bool:
        """Somebody asked today for points that are not theirs to take, or for far too many."""
        return self._answered(FRAUD)

    def reward(self, objective: Objective, *, landed: bool = False) -> NDArray[np.float64]:
        """Reward credited to the day, or with ``landed`` booked on it; float64 (n,), minor units.

        The same as ``objective.reward`` of the components, in one pass.
        """
        first = LANDED if landed else CREDITED
        out = np.zeros(self.money.shape[1])
        _weigh(out, self.money[first : first + len(COMPONENTS)], weights(objective))
        return out

    def _columns(self, first: int) -> dict[str, NDArray[np.int64]]:
        columns = self.money[first : first + len(COMPONENTS)].astype(np.int64)
        return dict(zip(COMPONENTS, columns, strict=True))

    def _answered(self, bit: int) -> Bool:
        answered: Bool = (self.answers & bit) != 0
        return answered
