"""What else happens: landings, tickets, and the events of a day that nobody planned.

One uniform per customer and day decides whether and which event happens; the chances of the
eight events, in the order of ``Event``, are stacked, so that at most one happens a day.
"""

from __future__ import annotations

from enum import IntEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from simulator.challenges import start
from simulator.contacts import (
    CHALLENGE_KIND,
    DISCOUNT_KIND,
    IN_APP,
    LAST_VISIT,
    POINTS_KIND,
    PUSH,
    VISIT_ONLY,
)
from simulator.fraud import ask
from simulator.identity import stranger
from simulator.kernel import compiled, draw
from simulator.mood import complain, feel, measure
from simulator.purposes import Purpose
from simulator.results import CREDITED, DISCOUNT, FRAUD, LANDED, POINTS
from simulator.standing import SLOT_DAY
from simulator.visits import visit
from simulator.wallet import issue

DAY = int(Purpose.DAY)
NEVER = col.NEVER
EMAIL = 1


class Event(IntEnum):
    """What can happen out of the blue; positions in ``Rules.life``."""

    COMPLAINT = 0
    APP_REMOVED = 1
    ADDRESS_LOST = 2
    SIGNAL = 3
    SURPRISE = 4
    RIVAL_CONTACT = 5
    FRAUD = 6
    STRANGER = 7


COMPLAINT, APP_REMOVED, ADDRESS_LOST, SIGNAL, SURPRISE, RIVAL, FRAUD_EVENT, STRANGER = (
    int(event) for event in Event
)


@compiled
def give(
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    money: NDArray[np.int64],
    i: Any,
    points: Any,
    charged: Any,
    period: Any,
) -> None:
    """Issue ``points`` that no purchase earned, and charge them to the day."""
    issue(ints, longs, i, points, period)
    liability = round(points * charged)
    money[CREDITED + POINTS, i] += liability
    money[LANDED + POINTS, i] += liability


@compiled
def land(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    rows: NDArray[np.int64],
    money: NDArray[np.int64],
    par: Any,
    today: Any,
) -> None:
    """Clicks, visits and redemptions of ``rows`` that fall due today, but not purchases."""
    clock, period = today.clock, today.period
    for at in range(rows.shape[0]):
        i = rows[at]
        for s in range(col.CLICK_SLOTS):
            packed = ints[col.CLICK + s, i]
            if packed == 0 or packed >> SLOT_DAY > clock:
                continue
            later, c, kind = (packed >> 8) & LAST_VISIT, (packed >> 4) & 15, packed & 15
            ints[col.CLICK + s, i] = 0
            if later == 1:
                visit(fs, ints, i, clock)
            elif later > 1:
                ints[col.CLICK + s, i] = ((clock + later - 1) << SLOT_DAY) + 256 + VISIT_ONLY
            if kind == VISIT_ONLY:
                continue
            ints[col.CLICKS + c, i] += 1
            if kind in (DISCOUNT_KIND, POINTS_KIND):
                ints[col.KIND_CLICKS + kind - DISCOUNT_KIND, i] += 1
            if kind == CHALLENGE_KIND:
                start(fs, ints, i, par, clock)
        if ints[col.REDEEM_DAY, i] <= clock:
            ints[col.REDEEM_DAY, i] = NEVER
            money[LANDED + DISCOUNT, i] += ints[col.REDEEM_DISCOUNT, i]
            money[LANDED + POINTS, i] += ints[col.REDEEM_LIABILITY, i]
            issue(ints, longs, i, ints[col.REDEEM_POINTS, i], period)


@compiled
def events(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    bits: NDArray[np.uint8],
    rows: NDArray[np.int64],
    answers: NDArray[np.uint8],
    money: NDArray[np.int64],
    first: int,
    keys: Any,
    life: NDArray[np.float64],
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """The unplanned events of ``rows``, to whom one happens today."""
    replicate, k0, k1 = keys
    clock, period = today.clock, today.period
    for at in range(rows.shape[0]):
        i = rows[at]
        x = draw(first + i, DAY, clock, replicate, k0, k1)
        event = 0
        while event < STRANGER and x[1] >= life[event]:
            event += 1
        if event == COMPLAINT:
            feel(fs, ints, i, -par.mood_ticket_shock, par, clock)
            complain(ints, i)
        elif event == APP_REMOVED:
            app = (1 << PUSH) | (1 << IN_APP)
            ints[col.REACH, i] &= ~app
        elif event == ADDRESS_LOST:
            ints[col.REACH, i] &= ~(1 << EMAIL)
        elif event == SIGNAL:
            measure(fs, ints, i, first, keys, par, clock)
        elif event == SURPRISE:
            charged = fs[col.POINT_VALUE, i] * par.charged
            give(ints, longs, money, i, int(par.surprise_points), charged, period)
            feel(fs, ints, i, par.gift_lift, par, clock)
        elif event == RIVAL:
            gap = min(clock - ints[col.WEAR_DAY, i], 255)
            for ch in range(tables.fade.shape[0]):
                fs[col.WEAR + ch, i] *= tables.fade[ch, gap]
            ints[col.WEAR_DAY, i] = clock
            fs[col.WEAR + EMAIL, i] += 1.0
        elif event == FRAUD_EVENT:
            answers[i] |= FRAUD
            ask(fs, ints, longs, bits, i, par, today)
        elif bits[col.STRANGER, i]:
            stranger(fs, ints, longs, bits, i, first, keys, tables, par, today)


@compiled
def birthday(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    i: Any,
    money: NDArray[np.int64],
    par: Any,
    today: Any,
) -> None:
    """The gift to customer ``i``, whose birthday it is."""
    charged = fs[col.POINT_VALUE, i] * par.charged
    give(ints, longs, money, i, int(par.birthday_points), charged, today.period)
    feel(fs, ints, i, par.gift_lift, par, today.clock)
