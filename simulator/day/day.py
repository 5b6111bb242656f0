"""One day in the event_chances, block by block: who acts, what it does, how they stand tomorrow.

The order of a day: contacts go out; what earlier contacts brought about lands; own purchases;
clicks, visits and redemptions that fall due; tickets; unplanned events; birthdays; and at
night everyone whom something happened to is looked at again. Blocks fit the cache; customers
do not touch each other, so that neither blocks nor threads change a number.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, drawn
from simulator.day.contacts import contact
from simulator.day.events import birthday, events, land
from simulator.day.orders import order
from simulator.day.prefetch import ahead
from simulator.day.results import ResultArrays, clear
from simulator.model.chances import (
    BIRTHDAY,
    DAY,
    DUE,
    EVENT,
    OWN,
    SERVED,
    SOON,
    VISIT,
    mark,
    own_chance,
)
from simulator.model.points_ledger import end_period
from simulator.model.rules import Records
from simulator.model.sentiment import tickets
from simulator.model.tomorrow import refresh
from simulator.model.visits import visit
from simulator.state import columns as col
from simulator.state.population import Blocks
from simulator.view.observation import settled, told

BLOCK = 4096
PERIOD_DAYS = col.PERIOD_DAYS
MOVES = OWN | DUE | SOON | BIRTHDAY
"""Bits of those who stand otherwise tomorrow; contacts and events are looked at themselves."""


@compiled
def step(
    people: Blocks,
    start: int,
    stop: int,
    features: NDArray[np.float32],
    chosen: NDArray[np.int64],
    result: ResultArrays,
    first: int,
    keys: Any,
    event_chances: NDArray[np.float64],
    tables: Any,
    pars: Records,
    todays: Records,
    bounds: NDArray[np.float32],
) -> None:
    """Draw the day of customers ``start`` to ``stop`` and move them to the next morning.

    Args:
        people: the population, changed in place.
        start, stop: positions.
        features: float32 (F, n), what the firm sees; written where it has changed.
        chosen: int64 (n,), actions.
        result: of the day, written.
        first: number of the first customer.
        keys: replicate and the two words of the seed, uint64.
        event_chances: cumulative chances of unplanned events.
        tables: as in :func:`simulator.day.contacts.contact`.
        pars, todays: the records of it, in arrays of length 1.
        bounds: float32 (2, F), lowest and highest value of each feature.
    """
    par = pars[0]
    today = todays[0]
    ints, rates, days = people.ints, people.rates, people.days
    clock = today.clock
    flags = np.empty(BLOCK, dtype=np.uint8)
    moved = np.empty(BLOCK, dtype=np.bool_)
    marked = np.empty(BLOCK, dtype=np.int64)
    served = np.empty(BLOCK, dtype=np.int64)
    due = np.empty(BLOCK, dtype=np.int64)
    troubled = np.empty(BLOCK, dtype=np.int64)
    struck = np.empty(BLOCK, dtype=np.int64)
    buyers = np.empty(BLOCK, dtype=np.int64)
    for low in range(start, stop, BLOCK):
        high = min(low + BLOCK, stop)
        clear(result, low, high)
        mark(
            flags[: high - low],
            rates[col.OWN_RATE, low:high],
            rates[col.VISIT_RATE, low:high],
            days[col.WAKE, low:high],
            days[col.BIRTHDAY, low:high],
            chosen[low:high],
            np.uint64(first + low),
            clock,
            today.day_of_year,
            today.factor,
            event_chances[event_chances.shape[0] - 1],
            keys[0],
            keys[1],
            keys[2],
        )
        n_marked = n_served = n_due = n_troubled = n_struck = 0
        for at in range(high - low):
            flag = flags[at]
            if flag == 0:
                continue
            i = low + at
            if flag & OWN:
                x = drawn(first + i, DAY, clock, keys[0], keys[1], keys[2])
                if x[0] >= own_chance(float(rates[col.OWN_RATE, i]), today.factor):
                    flag -= OWN
                    flags[at] = flag
                    if flag == 0:
                        continue
            if flag & VISIT:
                visit(rates, days, i, clock)
                if flag == VISIT:  # it changes nothing but the count of visits
                    continue
            if not flag & SERVED:
                ahead(people, i)
            marked[n_marked] = i
            n_marked += 1
            moved[at] = flag & MOVES != 0
            if flag & SERVED:
                served[n_served] = i
                n_served += 1
            if flag & DUE:
                due[n_due] = i
                n_due += 1
                if ints[i, col.TICKETS] > 0:
                    troubled[n_troubled] = i
                    n_troubled += 1
            if flag & EVENT:
                struck[n_struck] = i
                n_struck += 1
        contact(
            people, served[:n_served], low, flags, moved, result, chosen, first, keys, tables, par,
            today,
        )  # fmt: skip
        n_buyers = 0
        for at in range(n_due):
            if ints[due[at], col.DUE_DAY] <= clock:
                buyers[n_buyers] = due[at]
                n_buyers += 1
        order(people, buyers[:n_buyers], True, result, first, keys, tables, par, today)
        n_buyers = 0
        for at in range(n_marked):
            if flags[marked[at] - low] & OWN:
                buyers[n_buyers] = marked[at]
                n_buyers += 1
        order(people, buyers[:n_buyers], False, result, first, keys, tables, par, today)
        land(people, due[:n_due], result, par, today)
        n_buyers = 0
        for at in range(n_served):  # a click may land on the day of its contact
            if moved[served[at] - low]:
                buyers[n_buyers] = served[at]
                n_buyers += 1
        land(people, buyers[:n_buyers], result, par, today)
        tickets(ints, troubled[:n_troubled], low, flags, first, keys, par, today)
        events(
            people,
            struck[:n_struck],
            low,
            moved,
            result,
            first,
            keys,
            event_chances,
            tables,
            par,
            today,
        )
        for at in range(n_marked):
            if flags[marked[at] - low] & BIRTHDAY:
                birthday(people, marked[at], result, par, today)
        # Those to whom nothing but a contact or a signal happened stand as they stood.
        n_moved = n_told = 0
        for at in range(n_marked):
            if moved[marked[at] - low]:
                buyers[n_moved] = marked[at]
                n_moved += 1
            else:
                served[n_told] = marked[at]
                n_told += 1
        refresh(people, buyers[:n_moved], tables.tiers, par, clock + 1, True)
        settled(features, people, buyers[:n_moved], bounds[1], tables, par, clock + 1)
        told(features, people, served[:n_told], chosen, bounds[1], tables, par)


@compiled
def stand(
    people: Blocks,
    start: int,
    stop: int,
    tables: Any,
    pars: Records,
    morning: int,
) -> None:
    """Work out how customers ``start`` to ``stop`` stand on ``morning``."""
    par = pars[0]
    refresh(people, np.arange(start, stop), tables.tiers, par, morning, False)


@compiled
def turn_period(
    people: Blocks,
    start: int,
    stop: int,
    tables: Any,
    pars: Records,
    morning: int,
) -> None:
    """Begin the period that starts on ``morning``, for customers ``start`` to ``stop``."""
    par = pars[0]
    end_period(people, start, stop, tables.tiers, par, morning)
    stand(people, start, stop, tables, pars, morning)
