"""A day's contacts: what arrives, what it sets in motion, and what it costs in goodwill.

Draws by the probabilities of :mod:`simulator.model.response`, fatigue by those of
:mod:`simulator.model.fatigue`. What a contact brings is settled here and lands later.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled, drawn, draws, normal, other_normal
from simulator.compiled.purposes import Purpose
from simulator.day.prefetch import ahead
from simulator.day.results import (
    ARRIVED,
    CLICKED,
    CONTACT_COST,
    CREDITED,
    DISCOUNT,
    LANDED,
    MARGIN,
    OPENED,
    OPT_OUTS,
    OPTED_OUT,
    PAUSE_CLICKED,
    PAUSE_OPENED,
    PAUSE_PURCHASED,
    PAUSE_REDEEMED,
    PAUSE_VISITED,
    POINTS,
    PURCHASED,
    REDEEMED,
    VISITED,
    ResultArrays,
)
from simulator.model import delays, fatigue, response, sentiment
from simulator.model.basket import contents
from simulator.model.chances import OWN, RECOVERY
from simulator.model.journeys import moment
from simulator.model.offers import USUAL_POINTS
from simulator.model.points_ledger import charged
from simulator.model.rules import FORGOTTEN
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.model.tomorrow import closeness
from simulator.model.under_way import LONGEST_PAUSE, click, place, visit_alone
from simulator.state import columns as col
from simulator.state.codes import APP_BITS, DISCOUNT_KIND, IN_APP, POINTS_KIND, PUSH, C
from simulator.state.population import Blocks

CONTACT = int(Purpose.CONTACT)
RESPONSE = int(Purpose.RESPONSE)
DELAY = int(Purpose.DELAY)
LATER_BASKET = int(Purpose.LATER_BASKET)

NEVER = col.NEVER
RECENT_BITS = (1 << col.RECENT_DAYS) - 1
AHEAD = 8
"""Contacts between asking for a customer's rows and using them."""


@compiled
def _set_out(ints: NDArray[np.int32], i: Any, packed: Any) -> None:
    """Put a click or visit of customer ``i`` into a free slot; without one it comes to nothing."""
    for s in range(col.CLICK_SLOTS):
        if ints[i, col.CLICK + s] == 0:
            ints[i, col.CLICK + s] = packed
            break


@compiled
def contact(
    people: Blocks,
    rows: NDArray[np.int64],
    low: int,
    flags: NDArray[np.uint8],
    moved: NDArray[np.bool_],
    result: ResultArrays,
    chosen: NDArray[np.int64],
    first: int,
    keys: Any,
    tables: Any,
    par: Any,
    today: Any,
) -> None:
    """Serve ``chosen`` to ``rows``, in place.

    Args:
        people: the population.
        rows: int64 (m,), customers with a contact, as positions.
        low: position of the block's first customer.
        flags: uint8 of the block, see :mod:`simulator.model.chances`; a contact may put off an own
            purchase.
        moved: bool of the block, set for those who stand otherwise tomorrow.
        result: of the day; written.
        chosen: int64 (n,), actions.
        first: number of the first customer.
        keys: replicate and the two words of the seed, uint64.
        tables: :class:`simulator.model.rules.Tables`.
        par, today: records of scalars.
    """
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    rates, days = people.rates, people.days
    money, answers, pauses = result.money, result.answers, result.pauses
    replicate, k0, k1 = keys
    channels, actions, groups = tables.channels, tables.actions, tables.groups
    clock = today.clock
    u, v = np.empty((4, rows.shape[0])), np.empty((4, rows.shape[0]))
    draws(u, rows, first, CONTACT, clock, replicate, k0, k1)
    draws(v, rows, first, RESPONSE, clock, replicate, k0, k1)
    for at in range(rows.shape[0]):
        if at + AHEAD < rows.shape[0]:
            ahead(people, rows[at + AHEAD])
        i = rows[at]
        k = chosen[i]
        action = actions[k]
        c = action.channel
        kind = action.kind
        number = first + i
        money[CREDITED + CONTACT_COST, i] += action.cost_minor
        money[LANDED + CONTACT_COST, i] += action.cost_minor
        # The load of past contacts, as it stands this morning.
        gap = min(clock - ints[i, col.WEAR_DAY], FORGOTTEN)
        load = 0.0
        for ch in range(1, C):
            worn = fs[i, col.WEAR + ch] * tables.fade[gap, ch]
            fs[i, col.WEAR + ch] = worn
            load += worn
        ints[i, col.WEAR_DAY] = clock
        since = clock - days[col.LAST_CONTACT, i]
        recent = days[col.RECENT, i] << since if since < col.RECENT_DAYS else 0
        days[col.RECENT, i] = (recent | 1) & RECENT_BITS
        days[col.LAST_CONTACT, i] = clock
        bit = 1 << c
        if ints[i, col.REACH] & bit == 0:
            days[col.PERMITS, i] &= ~bit  # it bounces, and the firm learns that it does
            moved[i - low] = True
            continue
        if u[0, at] >= channels[c].delivery:
            continue
        answer = ARRIVED
        group = groups[bits[i, col.GROUP]]
        ticket = ints[i, col.TICKETS] > 0
        gone = ints[i, col.LEAVES] <= clock
        felt = sentiment.now(fs, ints, i, par, clock)
        affinity = float(fs[i, col.AFFINITY + c])
        fit = float(fs[i, col.FIT + kind])
        wear = float(fs[i, col.WEAR + c])
        tiredness = fatigue.tired(channels[c].wear, wear, par.fatigue_wear, load)
        fs[i, col.WEAR + c] = wear + 1.0
        ints[i, col.DELIVERED + c] += 1
        if kind in (DISCOUNT_KIND, POINTS_KIND):
            fs[i, col.KIND_EXPECTED + kind - DISCOUNT_KIND] += channels[c].clicked

        # Does it put them off? The own purchase of the day is lost with the share hurt.
        hurt = sentiment.put_off(group.hurt, ticket, par)
        if hurt > 0.0 and action.recovers == 0 and flags[i - low] & OWN and v[3, at] < hurt:
            flags[i - low] &= ~OWN

        # Opening and click.
        opens = response.opening(channels[c].opened, affinity)
        latency = channels[c].latency_days
        opened = u[1, at] < opens
        z = (0.5, 0.5, 0.5, 0.5)
        if opened:  # most contacts are not, and delays are the dearest draws
            z = drawn(number, DELAY, clock, replicate, k0, k1)
            answer |= OPENED
            after = normal(z[0], z[1])
            wait = latency + delays.whole_days(tables.delay, delays.OPEN, after)
            pauses[i, PAUSE_OPENED] = wait + 1
            fading = 1.0
            if ints[i, col.LEAVES] != NEVER and clock >= ints[i, col.LEAVES] - par.visits_fade_days:
                fading = par.visits_fade_clicks
            clicks = response.clicking(
                channels[c].clicked, group.click * fading, affinity, fit, tiredness, opens
            )
            if u[2, at] < clicks:
                answer |= CLICKED
                after = other_normal(z[0], z[1])
                wait += delays.whole_days(tables.delay, delays.CLICK, after)
                pauses[i, PAUSE_CLICKED] = wait + 1
                later = 0
                if v[2, at] < par.response_visit_given_click:
                    answer |= VISITED
                    after = normal(z[2], z[3])
                    later = delays.whole_days(tables.delay, delays.VISIT, after)
                    later = min(later, LONGEST_PAUSE) + 1
                    pauses[i, PAUSE_VISITED] = wait + later
                _set_out(ints, i, click(clock + wait, later, c, kind))

        # Purchase because of it, or use of the offer on a purchase of their own.
        put_off = ticket and action.recovers == 0
        gain = group.gain
        if bits[i, col.ADVERSARY]:
            gain = 0.0
        chance = 0.0
        if ints[i, col.DUE_DAY] == NEVER and not put_off and gain > 0.0:
            tier = bits[i, col.TIER]
            journey = tables.journeys[action.journey]
            oldest = (today.period + 1) % col.BUCKETS
            progress = 0.0
            if ints[i, col.CHALLENGE_END] > 0:
                progress = ints[i, col.CHALLENGE_DONE] / max(ints[i, col.CHALLENGE_TARGET], 1)
            suits = moment(
                journey.response,
                journey.pressure,
                journey.pressure_gain,
                closeness(
                    longs[i, col.SPEND],
                    tables.tiers[tier].from_spend_minor,
                    tables.tiers[tier + 1].from_spend_minor,
                    tier >= tables.tiers.shape[0] - 2,
                ),
                min(ints[i, col.POINT_BUCKETS + oldest] / max(ints[i, col.REDEEM_FROM], 1), 1.0),
                progress,
            )
            drives = response.drive(
                par,
                today,
                clock - days[col.SEEN_ORDER, i],
                longs[i, col.SPEND],
                gain,
                felt,
                gone,
            )
            chance = response.added(
                drives, action.strength, affinity * tiredness * fit * suits, par.response_ceiling
            )
        used = 0.0
        if action.worth > 0 and action.take_up > 0.0 and ints[i, col.REDEEM_DAY] == NEVER:
            if bits[i, col.ADVERSARY]:
                used = 1.0
            else:
                used = response.uses(
                    par.response_take_up * action.take_up,
                    fit,
                    float(rates[col.OWN_RATE, i]),
                    par.response_take_up_days,
                    par.response_take_up_power,
                    chance,
                )
        # They come to look, clicked or not; who buys because of it is among those who come.
        comes = answer & VISITED == 0 and v[0, at] < response.comes(
            chance, par.email_conversion_given_visit_email
        )
        if not opened and (comes or v[0, at] < chance + used):
            z = drawn(number, DELAY, clock, replicate, k0, k1)
        if comes:
            answer |= VISITED
            after = normal(z[0], z[1])
            wait = latency + delays.whole_days(tables.delay, delays.OPEN, after)
            after = normal(z[2], z[3])
            wait += delays.whole_days(tables.delay, delays.VISIT, after)
            pauses[i, PAUSE_VISITED] = wait + 1
            _set_out(ints, i, visit_alone(clock + wait))
        if v[0, at] < chance + used:
            liability_each = charged(fs, i, par)
            amount, category, store = contents(
                drawn(number, LATER_BASKET, clock, replicate, k0, k1),
                fs[i, col.BASKET],
                bits[i, col.FAVOURITE],
                bits[i, col.PLACE],
                tables.categories,
                tables.cumulative_stores,
                par,
                today,
            )
            # Given a purchase because of it, v[0, at] / chance is uniform again.
            buys = v[0, at] < chance
            redeems = not buys or v[0, at] < chance * action.redeems
            discount = round(amount * action.discount) if redeems else 0
            extra = action.points if redeems else 0
            money[CREDITED + DISCOUNT, i] += discount
            if buys:
                answer |= PURCHASED
                after = other_normal(z[2], z[3])
                wait = delays.whole_days(tables.delay, delays.BUY, after)
                wait = max(latency + wait, 1)
                pauses[i, PAUSE_PURCHASED] = wait + 1
                earn = fs[i, col.EARN] * tables.tiers[bits[i, col.TIER]].earn_factor
                points = extra + round(amount / MINOR_PER_MAJOR * earn)
                margin = round(
                    amount * par.economics_margin_share * tables.categories[category].margin_factor
                )
                liability = round(points * liability_each)
                money[CREDITED + MARGIN, i] += margin
                money[CREDITED + POINTS, i] += liability
                ints[i, col.DUE_DAY] = clock + wait
                ints[i, col.DUE_BASKET] = amount
                ints[i, col.DUE_MARGIN] = margin
                ints[i, col.DUE_DISCOUNT] = discount
                ints[i, col.DUE_POINTS] = points
                ints[i, col.DUE_LIABILITY] = liability
                ints[i, col.DUE_PLACE] = place(category, store)
                if redeems and action.worth > 0:
                    answer |= REDEEMED
                    pauses[i, PAUSE_REDEEMED] = wait + 1
            else:
                answer |= REDEEMED
                after = other_normal(z[2], z[3])
                wait = delays.whole_days(tables.delay, delays.REDEEM, after)
                wait = max(latency + wait, 1)
                pauses[i, PAUSE_REDEEMED] = wait + 1
                liability = round(action.points * liability_each)
                money[CREDITED + POINTS, i] += liability
                ints[i, col.REDEEM_DAY] = clock + wait
                ints[i, col.REDEEM_DISCOUNT] = discount
                ints[i, col.REDEEM_POINTS] = action.points
                ints[i, col.REDEEM_LIABILITY] = liability

        # Goodwill.
        refuses = fatigue.opts_out(
            channels[c].opt_out,
            group.opt_out,
            par.fatigue_opt_out_gain,
            load,
            par.mood_opt_out_when_open if ticket else 1.0,
        )
        if u[3, at] < refuses:
            answer |= OPTED_OUT
            money[CREDITED + OPT_OUTS, i] += 1
            money[LANDED + OPT_OUTS, i] += 1
            days[col.PERMITS, i] &= ~bit
            # Given a refusal, u[3, at] / refuses is uniform again.
            if c == PUSH and u[3, at] < refuses * par.fatigue_app_removal_on_opt_out:
                days[col.PERMITS, i] &= ~(1 << IN_APP)
                ints[i, col.REACH] &= ~APP_BITS
        if v[1, at] < fatigue.irritates(par.fatigue_irritation, load):
            ints[i, col.LEAVES] = min(ints[i, col.LEAVES], clock + 1)
            moved[i - low] = True
        if ticket:
            change = 0.0
            if action.recovers:
                flags[i - low] |= RECOVERY
                relief = par.mood_compensation_lift * action.points / USUAL_POINTS
                change = par.mood_recovery_lift + relief
            elif action.pitches:
                change = -par.mood_upsell_shock
            sentiment.feel(fs, ints, i, change, par, clock)
        if answer > ARRIVED | OPENED or ticket:
            moved[i - low] = True
        answers[i] |= answer
