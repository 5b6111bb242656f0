"""One day in the life, block by block: who acts, what it does, how they stand tomorrow.

The order of a day: contacts go out; what earlier contacts brought about lands; own purchases;
clicks, visits and redemptions that fall due; tickets; unplanned events; birthdays; and at
night everyone whom something happened to is looked at again. Blocks fit the cache; customers
do not touch each other, so that neither blocks nor threads change a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from simulator.chances import DUE, EVENT, OWN, VISIT, mark
from simulator.contacts import contact
from simulator.kernel import compiled
from simulator.life import birthday, events, land
from simulator.mood import tickets
from simulator.orders import order
from simulator.population import Blocks
from simulator.standing import refresh
from simulator.visits import visit
from simulator.wallet import end_period

BLOCK = 4096
PERIOD_DAYS = col.PERIOD_DAYS


@compiled
def live(
    people: Blocks,
    start: int,
    stop: int,
    stale: NDArray[np.bool_],
    chosen: NDArray[np.int64],
    answers: NDArray[np.uint8],
    waits: NDArray[np.int16],
    money: NDArray[np.int64],
    booked: NDArray[np.int32],
    spent: NDArray[np.int64],
    sorts: NDArray[np.uint8],
    stores: NDArray[np.uint8],
    first: int,
    keys: Any,
    life: NDArray[np.float64],
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """Draw the day of customers ``start`` to ``stop`` and move them to the next morning.

    Args:
        people: the population, changed in place.
        start, stop: positions.
        stale: bool (n,), set where what the firm sees has changed.
        chosen: int64 (n,), actions.
        answers, waits, money, booked, spent, sorts, stores: the fields of
            :class:`simulator.results.StepResult`, written.
        first: number of the first customer.
        keys: replicate and the two words of the seed, uint64.
        life: cumulative chances of unplanned events.
        tables, par, today: as in :func:`simulator.contacts.contact`.
    """
    ints, rates, days = people.ints, people.rates, people.days
    clock = today.clock
    flags = np.empty(BLOCK, dtype=np.uint8)
    served = np.empty(BLOCK, dtype=np.int64)
    landing = np.empty(BLOCK, dtype=np.int64)
    own = np.empty(BLOCK, dtype=np.int64)
    due = np.empty(BLOCK, dtype=np.int64)
    open_tickets = np.empty(BLOCK, dtype=np.int64)
    struck = np.empty(BLOCK, dtype=np.int64)
    touched = np.empty(BLOCK, dtype=np.int64)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        mark(
            flags[: high - low],
            rates[col.OWN_RATE, low:high],
            rates[col.VISIT_RATE, low:high],
            days[col.WAKE, low:high],
            np.uint64(first + low),
            clock,
            today.season,
            life[life.shape[0] - 1],
            keys[0],
            keys[1],
            keys[2],
        )
        n_served = n_due = n_open = n_struck = 0
        for i in range(low, high):
            if chosen[i] > 0:
                served[n_served] = i
                n_served += 1
                stale[i] = True
            flag = flags[i - low]
            if flag & DUE:
                due[n_due] = i
                n_due += 1
                if ints[i, col.TICKETS] > 0:
                    open_tickets[n_open] = i
                    n_open += 1
            if flag & EVENT:
                struck[n_struck] = i
                n_struck += 1
            if flag & VISIT:
                visit(rates, days, i, clock)
        contact(
            people, served[:n_served], low, flags, answers, waits, money, chosen,
            first, keys, tables, par, today,
        )  # fmt: skip
        n_landing = n_own = 0
        for at in range(n_due):
            if ints[due[at], col.DUE_DAY] <= clock:
                landing[n_landing] = due[at]
                n_landing += 1
        order(
            people, landing[:n_landing], True, answers, money, booked, spent,
            sorts, stores, first, keys, tables, par, today,
        )  # fmt: skip
        for i in range(low, high):
            if flags[i - low] & OWN:
                own[n_own] = i
                n_own += 1
        order(
            people, own[:n_own], False, answers, money, booked, spent,
            sorts, stores, first, keys, tables, par, today,
        )  # fmt: skip
        land(people, due[:n_due], money, par, today)
        land(people, served[:n_served], money, par, today)
        tickets(ints, open_tickets[:n_open], low, flags, first, keys, par, today)
        events(
            people, struck[:n_struck], answers, money, first, keys, life,
            tables, par, today,
        )  # fmt: skip
        n_touched = 0
        for i in range(low, high):
            born = days[col.BIRTHDAY, i] == today.day_of_year
            if born:
                birthday(people, i, money, par, today)
            if born or flags[i - low] or answers[i]:
                touched[n_touched] = i
                n_touched += 1
                stale[i] = True
        refresh(people, touched[:n_touched], tables.tiers, par, clock + 1, True)


@compiled
def stand(
    people: Blocks,
    tables: Any,
    par: Any,
    morning: int,
) -> None:
    """Work out how everyone stands on ``morning``."""
    rows = np.arange(people.ints.shape[0])
    refresh(people, rows, tables.tiers, par, morning, False)


@compiled
def turn_period(
    people: Blocks,
    tables: Any,
    par: Any,
    morning: int,
) -> None:
    """Begin the period that starts on ``morning``, for everyone."""
    end_period(people, tables.tiers, par, morning)
    stand(people, tables, par, morning)
