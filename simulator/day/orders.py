"""Purchases: a basket is booked, points move, a challenge advances, customers are pleased or not.

Own purchases are drawn by :mod:`simulator.model.chances`; those a contact brought about were
settled on its day and land here. An own purchase of a member with a second identifier may go
unseen (:mod:`simulator.model.identity`): it earns nothing and shows nowhere until it is linked.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, drawn, normal
from simulator.compiled.purposes import Purpose
from simulator.day.results import (
    CREDITED,
    DISCOUNT,
    LANDED,
    MARGIN,
    POINTS,
    PURCHASED,
    ResultArrays,
)
from simulator.model.basket import contents
from simulator.model.challenges import advance
from simulator.model.identity import hide
from simulator.model.points_ledger import burn, charged, issue, qualify
from simulator.model.sentiment import complain, feel, score
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.model.under_way import category_of, store_of
from simulator.state import columns as col
from simulator.state.population import Blocks

BASKET = int(Purpose.BASKET)
ORDER, LATER_ORDER = int(Purpose.ORDER), int(Purpose.LATER_ORDER)
FEELING, LATER_FEELING = int(Purpose.FEELING), int(Purpose.LATER_FEELING)
DAY = int(Purpose.DAY)
NEVER = col.NEVER


@compiled
def order(
    people: Blocks,
    rows: NDArray[np.int64],
    landing: bool,
    result: ResultArrays,
    first: int,
    keys: Any,
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """Book one purchase each of ``rows``, in place: those that land, or own ones.

    Args:
        people: the population.
        rows: int64 (m,), positions.
        landing: whether they are the ones that contacts brought about.
        result: of the day; written.
        first: number of the first customer.
        keys: replicate and the two words of the seed, uint64.
        tables, par, today: as in :func:`simulator.day.contacts.contact`.
    """
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    days, money = people.days, result.money
    replicate, k0, k1 = keys
    clock, period = today.clock, today.period
    for at in range(rows.shape[0]):
        i = rows[at]
        number = first + i
        liability_each = charged(fs, i, par)
        u = drawn(number, LATER_ORDER if landing else ORDER, clock, replicate, k0, k1)
        w = drawn(number, LATER_FEELING if landing else FEELING, clock, replicate, k0, k1)
        seen = True
        if landing:
            amount = int(ints[i, col.DUE_BASKET])
            category = category_of(int(ints[i, col.DUE_PLACE]))
            store = store_of(int(ints[i, col.DUE_PLACE]))
            earned = int(ints[i, col.DUE_POINTS])
            money[LANDED + MARGIN, i] += ints[i, col.DUE_MARGIN]
            money[LANDED + DISCOUNT, i] += ints[i, col.DUE_DISCOUNT]
            money[LANDED + POINTS, i] += ints[i, col.DUE_LIABILITY]
            ints[i, col.DUE_DAY] = NEVER
            if ints[i, col.LEAVES] <= clock:  # won back
                stays = NEVER
                if fs[i, col.DEPARTS] > 0.0:
                    wait = min(-math.log(w[3]) / fs[i, col.DEPARTS], col.LONGEST_WAIT)
                    stays = clock + 1 + int(wait)
                ints[i, col.LEAVES] = stays
        else:
            amount, category, store = contents(
                drawn(number, BASKET, clock, replicate, k0, k1),
                fs[i, col.BASKET],
                bits[i, col.FAVOURITE],
                bits[i, col.PLACE],
                tables.categories,
                tables.cumulative_stores,
                par,
                today,
            )
            result.answers[i] |= PURCHASED
            margin = round(
                amount * par.economics_margin_share * tables.categories[category].margin_factor
            )
            money[CREDITED + MARGIN, i] += margin
            money[LANDED + MARGIN, i] += margin
            seen = clock >= ints[i, col.LINK_DAY] or u[3] >= par.identity_unseen_share
            earned = 0
            if seen:
                earn = fs[i, col.EARN] * tables.tiers[bits[i, col.TIER]].earn_factor
                earned = round(amount / MINOR_PER_MAJOR * earn)
                liability = round(earned * liability_each)
                money[CREDITED + POINTS, i] += liability
                money[LANDED + POINTS, i] += liability
            if fs[i, col.DROP_OUT] > 0.0:
                x = drawn(number, DAY, clock, replicate, k0, k1)
                if x[3] < fs[i, col.DROP_OUT]:
                    ints[i, col.LEAVES] = min(ints[i, col.LEAVES], clock + 1)
        result.orders[i] += 1
        result.spend_minor[i] += amount
        result.category[i] = category
        result.store[i] = store
        ints[i, col.LAST_ORDER] = clock
        if not seen:
            hide(ints, i, amount, clock)
        else:
            # Old points are redeemed before the new ones are earned.
            if longs[i, col.POINTS] >= ints[i, col.REDEEM_FROM] and u[0] < par.wallet_redeem_chance:
                lot = int(ints[i, col.REDEEM_FROM])
                burn(ints, longs, i, longs[i, col.POINTS] // lot * lot, period)
            if advance(ints, i):
                award = par.challenges_award_points
                earned += award
                money[CREDITED + POINTS, i] += round(award * liability_each)
                money[LANDED + POINTS, i] += round(award * liability_each)
            issue(ints, longs, i, earned, period)
            qualify(ints, longs, bits, i, amount, period, tables.tiers)
            days[col.SEEN_ORDER, i] = clock

        # How it felt, and what the firm hears of it.
        change = par.mood_purchase_lift
        if u[1] < par.mood_ticket_per_purchase:
            change -= par.mood_ticket_shock
            complain(ints, i)
            if w[2] < par.mood_leaves_per_complaint:
                ints[i, col.LEAVES] = min(ints[i, col.LEAVES], clock + 1)
        sentiment = feel(fs, ints, i, change, par, clock)
        if u[2] < par.mood_nps_per_purchase:
            z = normal(w[0], w[1])
            ints[i, col.NPS] = score(sentiment, z, par)
