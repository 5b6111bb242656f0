"""What each action is expected to bring, exactly, given everything about the customer.

:mod:`simulator.day.contacts` and :mod:`simulator.day.orders` draw from the probabilities that are
summed up here; the equations are in :mod:`simulator.model.response`. Of a day's money, own
purchases, gifts and what a challenge pays out belong to the day; the rest to its contact.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.day.events import SURPRISE
from simulator.day.results import CONTACT_COST, DISCOUNT, MARGIN, OPT_OUTS, POINTS
from simulator.model import fatigue, response, sentiment
from simulator.model.basket import mean_amount, mean_margin
from simulator.model.chances import own_chance
from simulator.model.journeys import moment
from simulator.model.points_ledger import charged, tier_of
from simulator.model.rules import FORGOTTEN, Records
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.model.tomorrow import closeness
from simulator.state import columns as col
from simulator.state.codes import FIRST_CHANNEL_BIT, C
from simulator.state.population import Blocks

NEVER = col.NEVER
MOST_JOURNEYS = FIRST_CHANNEL_BIT + 1


@compiled
def expect(
    out: NDArray[np.float64],
    weights: NDArray[np.float64],
    chosen: NDArray[np.int64],
    people: Blocks,
    start: int,
    stop: int,
    event_chances: NDArray[np.float64],
    tables: Any,
    pars: Records,
    todays: Records,
) -> None:
    """Expected components, or their weighted sum, of pairs; written to ``out``.

    Args:
        out: float64 (P, n, A): the five components (P = 5), or with ``weights`` the reward
            (P = 1), minor units and counts.
        weights: float64 (5,) in the order of :data:`troth.objective.COMPONENTS`, or (0,).
        chosen: int64 (n, 1), one action each, or (0, 0) for all K.
        people: the population, left as it is.
        start, stop: positions.
        event_chances, tables, pars, todays: as in :func:`simulator.day.day.step`.
    """
    par = pars[0]
    today = todays[0]
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    rates, days = people.rates, people.days
    clock, period = today.clock, today.period
    actions, channels = tables.actions, tables.channels
    tired = np.empty(C)
    arrives = np.empty(C)
    refuses = np.empty(C)
    moments = np.empty(MOST_JOURNEYS)
    everything = chosen.shape[1] == 0
    width = actions.shape[0] if everything else 1
    surprise = event_chances[SURPRISE] - event_chances[SURPRISE - 1]
    for i in range(start, stop):
        liability_each = charged(fs, i, par)
        gap = min(clock - ints[i, col.WEAR_DAY], FORGOTTEN)
        load = 0.0
        for c in range(1, C):
            tired[c] = fs[i, col.WEAR + c] * tables.fade[gap, c]
            load += tired[c]
        group = tables.groups[bits[i, col.GROUP]]
        ticket = ints[i, col.TICKETS] > 0
        gone = ints[i, col.LEAVES] <= clock
        felt = sentiment.now(fs, ints, i, par, clock)
        adversary = bits[i, col.ADVERSARY] != 0
        mean = mean_amount(fs[i, col.BASKET], par, today)
        margin_each = mean * mean_margin(bits[i, col.FAVOURITE], tables.categories, par)
        for c in range(1, C):
            worn = tired[c]
            tired[c] = fatigue.tired(channels[c].wear, float(worn), par.fatigue_wear, load)
            reached = ints[i, col.REACH] & (1 << c) != 0
            arrives[c] = channels[c].delivery if reached else 0.0
            refuses[c] = fatigue.opts_out(
                channels[c].opt_out,
                group.opt_out,
                par.fatigue_opt_out_gain,
                load,
                par.mood_opt_out_when_open if ticket else 1.0,
            )
        arrives[0] = 0.0
        refuses[0] = 0.0
        tired[0] = 1.0

        # What the day brings by itself: what lands, then an own purchase, gifts.
        tier = np.int64(bits[i, col.TIER])
        progress = 0.0
        if ints[i, col.CHALLENGE_END] > 0:
            progress = ints[i, col.CHALLENGE_DONE] / max(ints[i, col.CHALLENGE_TARGET], 1)
        way = closeness(
            longs[i, col.SPEND],
            tables.tiers[tier].from_spend_minor,
            tables.tiers[tier + 1].from_spend_minor,
            tier >= tables.tiers.shape[0] - 2,
        )
        award = float(round(par.challenges_award_points * liability_each))
        running = ints[i, col.CHALLENGE_END] > 0
        done = ints[i, col.CHALLENGE_DONE]
        day_points = 0.0
        own_tier = tier
        if ints[i, col.DUE_DAY] <= clock:
            done += 1
            spend = longs[i, col.SPEND] + ints[i, col.DUE_BASKET]
            own_tier = tier_of(spend, tier, tables.tiers)
            if running and done >= ints[i, col.CHALLENGE_TARGET]:
                day_points += award
                running = False
        seen = 1.0 if clock >= ints[i, col.LINK_DAY] else 1.0 - par.identity_unseen_share
        earn = fs[i, col.EARN] * tables.tiers[own_tier].earn_factor
        own_points = earn * mean / MINOR_PER_MAJOR * liability_each
        if running and done + 1 >= ints[i, col.CHALLENGE_TARGET]:
            own_points += award
        own = own_chance(float(rates[col.OWN_RATE, i]), today.factor)
        day_points += surprise * float(round(par.loyalty_surprise_points * liability_each))
        if days[col.BIRTHDAY, i] == today.day_of_year:
            day_points += float(round(par.loyalty_birthday_points * liability_each))

        # What a contact adds.
        hurt = sentiment.put_off(group.hurt, ticket, par)
        free = ints[i, col.DUE_DAY] == NEVER and not adversary and group.gain > 0.0
        drives = 0.0
        if free:
            recency = clock - days[col.SEEN_ORDER, i]
            drives = response.drive(
                par, today, recency, longs[i, col.SPEND], group.gain, felt, gone
            )
            oldest = (period + 1) % col.BUCKETS
            expiry = min(
                ints[i, col.POINT_BUCKETS + oldest] / max(ints[i, col.REDEEM_FROM], 1), 1.0
            )
            for j in range(tables.journeys.shape[0]):
                journey = tables.journeys[j]
                moments[j] = moment(
                    journey.response, journey.pressure, journey.pressure_gain, way, expiry, progress
                )
        unused = ints[i, col.REDEEM_DAY] == NEVER
        earns = fs[i, col.EARN] * tables.tiers[tier].earn_factor * mean / MINOR_PER_MAJOR
        for at in range(width):
            k = at if everything else chosen[i, 0]
            action = actions[k]
            c = action.channel
            fit = float(fs[i, col.FIT + action.kind])
            added = 0.0
            if free and k > 0 and not (ticket and action.recovers == 0):
                taste = float(fs[i, col.AFFINITY + c]) * tired[c] * fit * moments[action.journey]
                added = response.added(drives, action.strength, taste, par.response_ceiling)
            used = 0.0
            if action.worth > 0 and action.take_up > 0.0 and unused:
                used = 1.0
                if not adversary:
                    used = response.uses(
                        par.response_take_up * action.take_up,
                        fit,
                        float(rates[col.OWN_RATE, i]),
                        par.response_take_up_days,
                        par.response_take_up_power,
                        added,
                    )
            stays = own
            if hurt > 0.0 and action.recovers == 0:
                stays = own * (1.0 - arrives[c] * hurt)
            margin = (stays + arrives[c] * added) * margin_each
            redeemed = added * action.redeems + used
            discount = arrives[c] * redeemed * mean * action.discount
            points = (
                day_points
                + stays * seen * own_points
                + arrives[c] * (added * earns + redeemed * action.points) * liability_each
            )
            refused = arrives[c] * refuses[c]
            if weights.shape[0] > 0:
                out[0, i, at] = (
                    weights[MARGIN] * margin
                    + weights[DISCOUNT] * discount
                    + weights[POINTS] * points
                    + weights[CONTACT_COST] * action.cost_minor
                    + weights[OPT_OUTS] * refused
                )
            else:
                out[MARGIN, i, at] = margin
                out[DISCOUNT, i, at] = discount
                out[POINTS, i, at] = points
                out[CONTACT_COST, i, at] = action.cost_minor
                out[OPT_OUTS, i, at] = refused


@compiled
def margins(
    out: NDArray[np.float64],
    people: Blocks,
    start: int,
    stop: int,
    tables: Any,
    pars: Records,
    todays: Records,
) -> None:
    """Expected margin of one purchase today, to ``out`` (n,), minor units; arguments as above."""
    par, today = pars[0], todays[0]
    for i in range(start, stop):
        favourite = people.bytes[i, col.FAVOURITE]
        mean = mean_amount(people.floats[i, col.BASKET], par, today)
        out[i] = mean * mean_margin(favourite, tables.categories, par)
