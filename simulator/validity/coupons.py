"""Coupons by mail: who was mailed what, who redeemed it and when."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.complete_journey import Journey
from simulator.validity.populations import past_year
from simulator.validity.transactions import TransactionLog, simulate
from simulator.world import StepResult, World

Int64 = NDArray[np.int64]
Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

TYPES = ("a", "b", "c")
OFFER = "coupon_"
"""A scenario's offer of a campaign of type A is named ``coupon_a``, and so on."""
QUINTILES = 5
DELAY_LEVELS = (0.25, 0.50, 0.75)


@dataclass(frozen=True, slots=True)
class Mailings:
    """Real mailings, one row per household and campaign.

    Attributes:
        household: int64 (k,) number in order of ids, as in the log of purchases.
        day: int64 (k,) days since the year began; a campaign begun earlier counts at its start.
        type: int64 (k,) position in :data:`TYPES`.
        delay: int64 (k,) days until the first redemption, -1 for none.
        spend: float64 (n,) the households' spend in the year.
    """

    household: Int64
    day: Int64
    type: Int64
    delay: Int64
    spend: Float

    @classmethod
    def of(cls, journey: Journey, first: date, log: TransactionLog) -> Mailings:
        """From the tables; households without a purchase are left out."""
        ids = np.unique(journey.transactions["customer"].to_numpy(dtype=np.int64))
        table = journey.campaigns
        table = table[table["customer"].isin(ids) & table["type"].isin(TYPES)]
        sent = table["sent"].to_numpy(dtype="datetime64[D]")
        redeemed = table["redeemed"].to_numpy(dtype="datetime64[D]")
        wait = (redeemed - sent).astype("timedelta64[D]").astype(np.int64)
        return cls(
            household=np.searchsorted(ids, table["customer"].to_numpy(dtype=np.int64)),
            day=(sent - np.datetime64(first)).astype(np.int64),
            type=np.array([TYPES.index(kind) for kind in table["type"]], dtype=np.int64),
            delay=np.where(np.isnat(redeemed), -1, np.maximum(wait, 0)),
            spend=log.spend(),
        )


@dataclass(frozen=True, slots=True)
class Coupons:
    """Coupons mailed to n households and what became of them.

    Attributes:
        household: int64 (k,) in 0..n-1.
        type: int64 (k,) position in :data:`TYPES`.
        delay: int64 (k,) days until redemption, -1 for none.
        spend: float64 (n,) of the year.
    """

    household: Int64
    type: Int64
    delay: Int64
    spend: Float

    def of(self, chosen: Bool) -> Coupons:
        """Those of some households, bool (n,), numbered anew."""
        number = np.cumsum(chosen) - 1
        rows = chosen[self.household]
        return Coupons(
            number[self.household[rows]], self.type[rows], self.delay[rows], self.spend[chosen]
        )

    def table(self) -> Float:
        """Redeemed per mailing by type, quartiles of the delay, ever redeemed by quintile.

        Returns:
            float64 (11,), NaN where nobody was mailed or nothing redeemed.
        """
        redeemed = self.delay >= 0
        by_type = [
            redeemed[self.type == kind].mean() if (self.type == kind).any() else np.nan
            for kind in range(len(TYPES))
        ]
        delays = self.delay[redeemed]
        waited = np.quantile(delays, DELAY_LEVELS) if delays.size else np.full(3, np.nan)
        ever = np.zeros(self.spend.size, dtype=np.bool_)
        ever[self.household[redeemed]] = True
        rank = np.argsort(np.argsort(self.spend, kind="stable"), kind="stable")
        quintile = rank * QUINTILES // max(self.spend.size, 1)
        return np.array([*by_type, *waited, *(ever[quintile == q].mean() for q in range(5))])


def outcome_of(mailings: Mailings) -> Coupons:
    """What became of the real mailings."""
    return Coupons(mailings.household, mailings.type, mailings.delay, mailings.spend)


def imitate(
    world: World,
    mailings: Mailings,
    days: int,
    advance: Callable[[int], None],
    witness: Callable[[StepResult], None] = lambda _result: None,
) -> tuple[TransactionLog, Coupons]:
    """Live the real households' year of mailings; ``world`` is moved on.

    A mailing that meets another of its day goes out the next day it can; one that may not be
    sent (no permission, no such coupon) is not counted as mailed.

    Args:
        world: households on the first day.
        mailings: the real year's.
        days: of the year.
        advance: called with the days just simulated.
        witness: told what came of every day.

    Returns:
        purchases and coupons.
    """
    queue = queues(world, mailings)
    columns = [_columns(world, kind) for kind in TYPES]
    sent: list[tuple[Int64, Int64, Int64]] = []

    def plan(today: World) -> Int64:
        mask = today.mask()
        actions = np.zeros(today.size, dtype=np.int64)
        for kind, choices in enumerate(columns):
            due = queue.take(today.day - start, kind, actions == 0)
            if not choices.size or not due.size:
                continue
            allowed = mask[np.ix_(due, choices)]
            actions[due] = np.where(allowed.any(axis=1), choices[allowed.argmax(axis=1)], 0)
        return actions

    def watch(actions: Int64, result: StepResult) -> None:
        witness(result)
        mailed = np.flatnonzero(actions)
        wait = np.where(result.redeemed, result.delay["redeemed"], -1).astype(np.int64)
        kind = np.zeros(mailed.size, dtype=np.int64)
        for at, choices in enumerate(columns):
            kind[np.isin(actions[mailed], choices)] = at
        sent.append((mailed, kind, wait[mailed]))

    start = world.day
    log = simulate(world, days, plan=plan, watch=watch, advance=advance)
    household, kind, delay = (np.concatenate(parts) for parts in zip(*sent, strict=True))
    return log, Coupons(household, kind, delay, log.spend())


def _columns(world: World, kind: str) -> Int64:
    """Columns of the catalogue that offer the coupon of a type."""
    return np.array(
        [at for at, x in enumerate(world.catalogue.actions) if x.offer == OFFER + kind],
        dtype=np.int64,
    )


@dataclass(slots=True)
class Queue:
    """What is still to be mailed: simulated household, day and type, in order of day."""

    household: Int64
    day: Int64
    type: Int64
    open: Bool

    def take(self, day: int, kind: int, free: Bool) -> Int64:
        """Households, each once, whose mailing of ``kind`` is due by ``day`` and who are free."""
        due = np.flatnonzero(
            self.open & (self.day <= day) & (self.type == kind) & free[self.household]
        )
        household, first = np.unique(self.household[due], return_index=True)
        self.open[due[first]] = False
        return household


def queues(world: World, mailings: Mailings) -> Queue:
    """Each simulated household gets the mailings of the real one of its rank by spend."""
    size, real = world.size, mailings.spend.size
    order = np.argsort(past_year(world.contexts()), kind="stable")
    real_order = np.argsort(mailings.spend, kind="stable")
    twin = np.empty(size, dtype=np.int64)
    twin[order] = real_order[np.arange(size) * real // size]
    by_household = np.argsort(mailings.household, kind="stable")
    count = np.bincount(mailings.household, minlength=real)
    first = np.cumsum(count) - count
    repeat = count[twin]
    offset = np.arange(repeat.sum()) - np.repeat(np.cumsum(repeat) - repeat, repeat)
    rows = by_household[np.repeat(first[twin], repeat) + offset]
    return Queue(
        household=np.repeat(np.arange(size), repeat),
        day=mailings.day[rows],
        type=mailings.type[rows],
        open=np.ones(rows.size, dtype=np.bool_),
    )
