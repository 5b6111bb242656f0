"""What else happens: landings, tickets, and the events of a day that nobody planned.

One uniform per customer and day decides whether and which event happens; the chances of the
events, in the order of :class:`simulator.state.codes.Event`, are stacked, so that at most one
happens a day.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, drawn
from simulator.compiled.purposes import Purpose
from simulator.day.results import CREDITED, DISCOUNT, FRAUD, LANDED, POINTS, ResultArrays
from simulator.model.challenges import start
from simulator.model.fraud import ask
from simulator.model.identity import stranger
from simulator.model.points_ledger import charged, issue
from simulator.model.rules import FORGOTTEN
from simulator.model.sentiment import complain, feel, measure
from simulator.model.under_way import (
    VISIT_ONLY,
    channel_of,
    kind_of,
    lands,
    visit_alone,
    visit_of,
)
from simulator.model.visits import visit
from simulator.state import columns as col
from simulator.state.codes import (
    APP_BITS,
    CHALLENGE_KIND,
    DISCOUNT_KIND,
    EMAIL,
    POINTS_KIND,
    Event,
)
from simulator.state.population import Blocks

DAY = int(Purpose.DAY)
NEVER = col.NEVER


COMPLAINT, APP_REMOVED, ADDRESS_LOST, SIGNAL, SURPRISE, RIVAL, FRAUD_EVENT, STRANGER = (
    int(event) for event in Event
)


@compiled
def give(
    people: Blocks,
    result: ResultArrays,
    i: Any,
    points: Any,
    par: Any,
    period: Any,
) -> None:
    """Issue ``points`` that no purchase earned, and charge them to the day."""
    issue(people.ints, people.longs, i, points, period)
    liability = round(points * charged(people.floats, i, par))
    result.money[CREDITED + POINTS, i] += liability
    result.money[LANDED + POINTS, i] += liability


@compiled
def land(
    people: Blocks,
    rows: NDArray[np.int64],
    result: ResultArrays,
    par: Any,
    today: Any,
) -> None:
    """Clicks, visits and redemptions of ``rows`` that fall due today, but not purchases."""
    fs, ints, longs = people.floats, people.ints, people.longs
    clock, period = today.clock, today.period
    for at in range(rows.shape[0]):
        i = rows[at]
        for s in range(col.CLICK_SLOTS):
            packed = ints[i, col.CLICK + s]
            if packed == 0 or lands(packed) > clock:
                continue
            later, c, kind = visit_of(packed), channel_of(packed), kind_of(packed)
            ints[i, col.CLICK + s] = 0
            if later == 1:
                visit(people.rates, people.days, i, clock)
            elif later > 1:
                ints[i, col.CLICK + s] = visit_alone(clock + later - 1)
            if kind == VISIT_ONLY:
                continue
            ints[i, col.CLICKS + c] += 1
            if kind in (DISCOUNT_KIND, POINTS_KIND):
                ints[i, col.KIND_CLICKS + kind - DISCOUNT_KIND] += 1
            if kind == CHALLENGE_KIND:
                start(fs, ints, i, par, clock)
        if ints[i, col.REDEEM_DAY] <= clock:
            ints[i, col.REDEEM_DAY] = NEVER
            result.money[LANDED + DISCOUNT, i] += ints[i, col.REDEEM_DISCOUNT]
            result.money[LANDED + POINTS, i] += ints[i, col.REDEEM_LIABILITY]
            issue(ints, longs, i, ints[i, col.REDEEM_POINTS], period)


@compiled
def events(
    people: Blocks,
    rows: NDArray[np.int64],
    low: int,
    moved: NDArray[np.bool_],
    result: ResultArrays,
    first: int,
    keys: Any,
    event_chances: NDArray[np.float64],
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """The unplanned events of ``rows``, to whom one happens today.

    Sets ``moved``, bool of the block that begins at ``low``, for those who stand otherwise
    tomorrow.
    """
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    replicate, k0, k1 = keys
    clock, period = today.clock, today.period
    for at in range(rows.shape[0]):
        i = rows[at]
        x = drawn(first + i, DAY, clock, replicate, k0, k1)
        event = 0
        while event < STRANGER and x[1] >= event_chances[event]:
            event += 1
        if event == COMPLAINT:
            feel(fs, ints, i, -par.mood_ticket_shock, par, clock)
            complain(ints, i)
            moved[i - low] = True
        elif event == APP_REMOVED:
            ints[i, col.REACH] &= ~APP_BITS
        elif event == ADDRESS_LOST:
            ints[i, col.REACH] &= ~(1 << EMAIL)
        elif event == SIGNAL:
            measure(fs, ints, i, first, keys, par, clock)
        elif event == SURPRISE:
            give(people, result, i, par.loyalty_surprise_points, par, period)
            feel(fs, ints, i, par.loyalty_gift_lift, par, clock)
            moved[i - low] = True
        elif event == RIVAL:
            gap = min(clock - ints[i, col.WEAR_DAY], FORGOTTEN)
            for ch in range(tables.fade.shape[1]):
                fs[i, col.WEAR + ch] *= tables.fade[gap, ch]
            ints[i, col.WEAR_DAY] = clock
            fs[i, col.WEAR + EMAIL] += 1.0
        elif event == FRAUD_EVENT:
            result.answers[i] |= FRAUD
            ask(fs, ints, longs, bits, i, par, today)
            moved[i - low] = True
        elif bits[i, col.STRANGER]:
            stranger(people, i, first, keys, tables, par, today)
            moved[i - low] = True


@compiled
def birthday(
    people: Blocks,
    i: Any,
    result: ResultArrays,
    par: Any,
    today: Any,
) -> None:
    """The gift to customer ``i``, whose birthday it is."""
    if par.loyalty_birthday_points <= 0:
        return
    give(people, result, i, par.loyalty_birthday_points, par, today.period)
    feel(people.floats, people.ints, i, par.loyalty_gift_lift, par, today.clock)
