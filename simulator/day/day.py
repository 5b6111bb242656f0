"""The story of a day: who does what, in which order, and in which module it is written.

What customers are, and their past, is drawn once (:mod:`simulator.model.history`). What a day is
like for everybody, with season, weather, shocks and outages, is in
:mod:`simulator.model.calendar`. In the morning :mod:`simulator.day_view` shows what the firm
sees and what is eligible; :mod:`simulator.world` takes the actions and runs :func:`step`. For a
block of customers at a time, in this order:

==  =============================================  =====================  ====================
no  what happens                                   written in             drawn from
==  =============================================  =====================  ====================
1   **who does anything**: an own purchase, an     ``model.chances``      ``DAY``
    event, a visit; who has a contact or a
    birthday, or something that falls due
2   **own visits** are counted                     ``model.visits``
3   **contacts** go out and cost money             ``day.contacts``
    ..  arrival, opening, click, visit; whether    ``model.response``     ``CONTACT, RESPONSE``
        they buy because of it or use its offer
    ..  the load of earlier contacts; refusals,    ``model.fatigue``      ``CONTACT, RESPONSE``
        and who leaves for good
    ..  sentiment, and who is put off an own       ``model.sentiment``    ``RESPONSE``
        purchase
    ..  how well the journey suits the moment      ``model.journeys``
    ..  when answers land, and what will be        ``model.delays``       ``DELAY``
        bought                                     ``model.basket``       ``LATER_BASKET``
    ..  where they are kept until then             ``model.under_way``
4   **purchases that contacts brought about**      ``day.orders``         ``LATER_ORDER``,
    land, and win back who had left                                       ``LATER_FEELING``
5   **own purchases**, and drop-out after them     ``day.orders``         ``ORDER, FEELING``,
                                                                          ``DAY``
    ..  what is bought                             ``model.basket``       ``BASKET``
    ..  under which identifier                     ``model.identity``     ``ORDER``
    of 4 and 5 alike
    ..  points redeemed and earned, the tier       ``model.points_ledger``
    ..  progress of a challenge                    ``model.challenges``
    ..  pleasure, complaint, survey                ``model.sentiment``
6   **clicks, visits, redemptions** fall due       ``day.events.land``
    ..  a click may begin a challenge              ``model.challenges``
7   **tickets** are solved, or the last straw      ``model.sentiment``    ``TICKET``
8   **an event** that nobody planned, one at most  ``day.events.events``  ``DAY``
    ..  a complaint; the firm measures sentiment   ``model.sentiment``    ``LIFE``
    ..  points asked for by a cheat                ``model.fraud``
    ..  a stranger's purchase on the profile       ``model.identity``     ``LIFE``
    ..  app removed, address lost, a gift, a       ``day.events.events``
        contact by another department
9   **birthdays**: a gift                          ``day.events``
10  **night**: how they stand tomorrow, and when   ``model.tomorrow``
    they wake next; identifiers are linked         ``model.identity``
11  **what the firm sees** of them is renewed      ``view.observation``
==  =============================================  =====================  ====================

Every thirty days a period ends for all: points expire, tiers may fall
(:mod:`simulator.model.points_ledger`). A draw is a function of customer, purpose and day
(:mod:`simulator.compiled.purposes`). Blocks fit the cache, and customers do not touch each
other, so that neither blocks nor threads change a number.

A new behaviour is a module of ``model`` with its equation, called at its place above. Its
parameters are a section of the scenario and reach it as ``par.section_key``
(:mod:`simulator.model.rules`), its state is a column (:mod:`simulator.state.columns`), its draws
have a number of their own in ``purposes``. What it adds to the worth of a decision is also in
:mod:`simulator.day.expectation`, and NumPy's day (:mod:`experiments.benchmarks.numpy_day`) must
tell the same story.
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
