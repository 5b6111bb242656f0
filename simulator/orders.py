"""Purchases: a basket is booked, points move, a challenge advances, he is pleased or not.

Own purchases are drawn by :mod:`simulator.chances`; those a contact brought about were
settled on its day and land here. An own purchase of a member with a second identifier may go
unseen (:mod:`simulator.identity`): it earns nothing and shows nowhere until it is linked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import columns as col
from simulator.basket import contents
from simulator.challenges import advance
from simulator.identity import hide
from simulator.kernel import compiled, draw, normals
from simulator.mood import complain, feel, score
from simulator.purposes import Purpose
from simulator.results import CREDITED, DISCOUNT, LANDED, MARGIN, POINTS, PURCHASED
from simulator.wallet import burn, issue, qualify

BASKET = int(Purpose.BASKET)
ORDER, LATER_ORDER = int(Purpose.ORDER), int(Purpose.LATER_ORDER)
FEELING, LATER_FEELING = int(Purpose.FEELING), int(Purpose.LATER_FEELING)
DAY = int(Purpose.DAY)
NEVER = col.NEVER


@compiled
def order(
    fs: NDArray[np.float32],
    ints: NDArray[np.int32],
    longs: NDArray[np.int64],
    bits: NDArray[np.uint8],
    rows: NDArray[np.int64],
    landing: bool,
    answers: NDArray[np.uint8],
    money: NDArray[np.int64],
    booked: NDArray[np.int32],
    spent: NDArray[np.int64],
    sorts: NDArray[np.uint8],
    stores: NDArray[np.uint8],
    first: int,
    keys: Any,
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """Book one purchase each of ``rows``, in place: those that land, or own ones.

    Args:
        fs, ints, longs, bits: the population's blocks.
        rows: int64 (m,), positions.
        landing: whether they are the ones that contacts brought about.
        answers, money: of the day, see :mod:`simulator.results`; written.
        booked, spent, sorts, stores: orders, their value, category and store; written.
        first: number of the first customer.
        keys: replicate and the two words of the seed, uint64.
        tables, par, today: as in :func:`simulator.contacts.contact`.
    """
    replicate, k0, k1 = keys
    clock, period = today.clock, today.period
    for at in range(rows.shape[0]):
        i = rows[at]
        number = first + i
        charged = fs[col.POINT_VALUE, i] * par.charged
        u = draw(number, LATER_ORDER if landing else ORDER, clock, replicate, k0, k1)
        w = draw(number, LATER_FEELING if landing else FEELING, clock, replicate, k0, k1)
        seen = True
        if landing:
            amount = int(ints[col.DUE_BASKET, i])
            category = int(ints[col.DUE_PLACE, i]) & 255
            store = int(ints[col.DUE_PLACE, i]) >> 8
            earned = int(ints[col.DUE_POINTS, i])
            money[LANDED + MARGIN, i] += ints[col.DUE_MARGIN, i]
            money[LANDED + DISCOUNT, i] += ints[col.DUE_DISCOUNT, i]
            money[LANDED + POINTS, i] += ints[col.DUE_LIABILITY, i]
            ints[col.DUE_DAY, i] = NEVER
            if ints[col.LEAVES, i] <= clock:  # won back
                stays = NEVER
                if fs[col.DEPARTS, i] > 0.0:
                    stays = clock + 1 + int(min(-math.log(w[3]) / fs[col.DEPARTS, i], 1e6))
                ints[col.LEAVES, i] = stays
        else:
            amount, category, store = contents(
                draw(number, BASKET, clock, replicate, k0, k1),
                fs[col.BASKET, i],
                bits[col.FAVOURITE, i],
                bits[col.PLACE, i],
                tables.categories,
                tables.stores,
                par,
                today,
            )
            answers[i] |= PURCHASED
            margin = round(amount * par.margin_share * tables.categories[category].margin)
            money[CREDITED + MARGIN, i] += margin
            money[LANDED + MARGIN, i] += margin
            seen = clock >= ints[col.LINK_DAY, i] or u[3] >= par.unseen_share
            earned = 0
            if seen:
                earn = fs[col.EARN, i] * tables.tiers[bits[col.TIER, i]].earn
                earned = round(amount / 100.0 * earn)
                liability = round(earned * charged)
                money[CREDITED + POINTS, i] += liability
                money[LANDED + POINTS, i] += liability
            if par.bg_nbd > 0.0:
                x = draw(number, DAY, clock, replicate, k0, k1)
                if x[3] < fs[col.DROP_OUT, i]:
                    ints[col.LEAVES, i] = min(ints[col.LEAVES, i], clock + 1)
        booked[i] += 1
        spent[i] += amount
        sorts[i] = category
        stores[i] = store
        ints[col.LAST_ORDER, i] = clock
        if not seen:
            hide(ints, i, amount, clock)
        else:
            # Old points are redeemed before the new ones are earned.
            if longs[col.POINTS, i] >= ints[col.REDEEM_FROM, i] and u[0] < par.redeem_chance:
                lot = int(ints[col.REDEEM_FROM, i])
                burn(ints, longs, i, longs[col.POINTS, i] // lot * lot, period)
            if advance(ints, i):
                award = round(par.challenge_award)
                earned += award
                money[CREDITED + POINTS, i] += round(award * charged)
                money[LANDED + POINTS, i] += round(award * charged)
            issue(ints, longs, i, earned, period)
            qualify(ints, longs, bits, i, amount, period, tables.tiers)
            ints[col.SEEN_ORDER, i] = clock

        # How it felt, and what the firm hears of it.
        change = par.mood_purchase_lift
        if u[1] < par.mood_ticket_per_purchase:
            change -= par.mood_ticket_shock
            complain(ints, i)
            if w[2] < par.mood_leaves_per_complaint:
                ints[col.LEAVES, i] = min(ints[col.LEAVES, i], clock + 1)
        sentiment = feel(fs, ints, i, change, par, clock)
        if u[2] < par.mood_nps_per_purchase:
            z, _ = normals(w[0], w[1])
            ints[col.NPS, i] = score(sentiment, z, par)
