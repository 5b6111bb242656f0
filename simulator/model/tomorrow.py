"""How a customer stands from tomorrow on: purchase and visit rates, and when something is next due.

    own_rate = rate * new * generous * pull * blues    while a member, else 0
    new      = 1 + novelty in the first ``novelty_days`` of the membership, else 1
    pull     = 1 + flexible * (g_c * progress + g_t * near_tier + g_p * near_reward)

``progress`` of the running challenge, ``near_tier`` the last half of the way to the next tier,
``near_reward`` the share of a redeemable balance (goal gradient: Kivetz, Urminsky & Zheng,
"The goal-gradient hypothesis resurrected", JMR 43(1), 2006); ``flexible`` = exp(-rate / f),
since frequent customers hardly react (Hartmann & Viard, "Do frequency reward programs create
switching costs?", QME 6(2), 2008). Rates are worked out when something happens, not daily.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.model.identity import link
from simulator.model.sentiment import feel
from simulator.model.under_way import lands
from simulator.state import columns as col
from simulator.state.population import Blocks

NEVER = col.NEVER


@compiled
def closeness(spend: Any, floor: Any, above: Any, top: Any) -> Any:
    """Share of the way from this tier to the next, in [0, 1]; 0 at the top."""
    if top:
        return 0.0
    return min(max((spend - floor) / max(above - floor, 1), 0.0), 1.0)


@compiled
def refresh(
    people: Blocks,
    rows: NDArray[np.int64],
    tiers: Any,
    par: Any,
    morning: int,
    night: bool,
) -> None:
    """Work out OWN_RATE, VISIT_RATE and WAKE of ``rows`` as of the day ``morning``.

    ``night`` says that this day is about to begin, which happens once; what begins with it
    then does. Challenges and disappointments that are over by then end here, and a second
    identifier that is due by then is linked.
    """
    fs, ints, longs, bits = people.floats, people.ints, people.longs, people.bytes
    rates, days = people.rates, people.days
    last_tier = tiers.shape[0] - 2
    for at in range(rows.shape[0]):
        i = rows[at]
        if ints[i, col.CHALLENGE_END] <= morning:
            ints[i, col.CHALLENGE_END] = col.NONE
            ints[i, col.CHALLENGE_DONE] = 0
        if ints[i, col.LINK_DAY] == morning:
            link(people, i, tiers, morning)
        leaves = ints[i, col.LEAVES]
        fades = leaves - par.visits_fade_days if leaves != NEVER else NEVER
        if night and fades == morning:
            feel(fs, ints, i, -par.visits_fade_shock, par, morning)
        if leaves <= morning:
            own = 0.0
            visits = 0.0
        else:
            tier = bits[i, col.TIER]
            way = closeness(
                longs[i, col.SPEND],
                tiers[tier].from_spend_minor,
                tiers[tier + 1].from_spend_minor,
                tier >= last_tier,
            )
            balance = longs[i, col.POINTS] / max(ints[i, col.REDEEM_FROM], 1)
            near_reward = balance if balance < 1.0 else 0.0
            progress = 0.0
            if ints[i, col.CHALLENGE_END] > 0:
                progress = ints[i, col.CHALLENGE_DONE] / max(ints[i, col.CHALLENGE_TARGET], 1)
            pull = 1.0 + fs[i, col.FLEXIBLE] * (
                par.challenges_goal_gradient * progress
                + par.loyalty_tier_gradient * max(2.0 * way - 1.0, 0.0)
                + par.loyalty_points_gradient * near_reward
            )
            rate = fs[i, col.RATE]
            settled = days[col.JOINED, i] + 1 + par.population_novelty_days
            if settled > morning:
                rate = rate * (1.0 + par.population_novelty)
            own = rate * fs[i, col.GENEROUS] * pull
            if ints[i, col.BLUES_END] > morning:
                own = own * (1.0 - par.loyalty_demotion_drop)
            visits = min(rate * par.visits_per_purchase, 1.0)
            if morning >= fades:
                visits = visits * par.visits_fade_visits
        rates[col.OWN_RATE, i] = own
        rates[col.VISIT_RATE, i] = visits
        wake = min(ints[i, col.DUE_DAY], ints[i, col.REDEEM_DAY])
        if leaves > morning:
            wake = min(wake, leaves)
            if fades > morning:
                wake = min(wake, fades)
            settled = days[col.JOINED, i] + 1 + par.population_novelty_days
            if settled > morning:
                wake = min(wake, settled)
        if ints[i, col.CHALLENGE_END] > morning:
            wake = min(wake, ints[i, col.CHALLENGE_END])
        if ints[i, col.BLUES_END] > morning:
            wake = min(wake, ints[i, col.BLUES_END])
        if ints[i, col.LINK_DAY] > morning:
            wake = min(wake, ints[i, col.LINK_DAY])
        if ints[i, col.TICKETS] > 0:
            wake = min(wake, morning)
        for s in range(col.CLICK_SLOTS):
            if ints[i, col.CLICK + s] != 0:
                wake = min(wake, lands(ints[i, col.CLICK + s]))
        days[col.WAKE, i] = wake
