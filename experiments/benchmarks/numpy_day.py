"""One day of the simulator in plain NumPy, from morning to morning.

See :mod:`experiments.benchmarks.numpy_events`. The order of the day is that of
:mod:`simulator.day.day`: each act is done for all whom it concerns before the next one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.numpy_contacts import WATCHED, contact
from experiments.benchmarks.numpy_events import (
    Bool,
    Float,
    NumpyPopulation,
    NumpyResult,
    Rows,
    normals,
    whole,
)
from simulator.compiled.purposes import Purpose
from simulator.model.rules import FORGOTTEN, Rules, Today
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.model.under_way import (
    CATEGORY_MASK,
    CHANNEL_SHIFT,
    DAY_SHIFT,
    NIBBLE,
    STORE_SHIFT,
    VISIT_MASK,
    VISIT_ONLY,
    VISIT_SHIFT,
)
from simulator.scenarios.schema import MOST_SCORE
from simulator.state import columns as col
from simulator.state.codes import APP_BITS, CHALLENGE_KIND, EMAIL, Event
from simulator.state.population import Population

NEVER = col.NEVER


def live_day(
    people: Population,
    rules: Rules,
    today: Today,
    chosen: NDArray[np.int64],
    *,
    seed: int,
    replicate: int = 0,
) -> NumpyResult:
    """Move everyone to the next morning, in place.

    Args:
        people: n customers.
        rules: parameters.
        today: the day's.
        chosen: int64 (n,), eligible actions within the budget.
        seed: of the draws.
        replicate: of the draws.
    """
    lives = NumpyPopulation(people, rules, today, seed, replicate, NumpyResult(len(people)))
    clock = today.clock
    u = lives.draw(np.arange(len(people)), Purpose.DAY)
    own = u[0] < -np.expm1(-people.own_rate * today.record["factor"][0])
    struck = u[1] < rules.event_chances[-1]
    visits = u[2] < people.visit_rate
    due = people.wake <= clock
    touched = own | struck | visits | (people.wake <= clock + 1)
    tickets = np.flatnonzero(due & (people.tickets > 0))
    lives.visit(np.flatnonzero(visits))
    served = np.flatnonzero(chosen > 0)
    contact(lives, served, chosen[served], own)
    _order_landing(lives, np.flatnonzero(due & (people.due_day <= clock)))
    _order_own(lives, np.flatnonzero(own), u[3])
    due[served] = True
    _land(lives, np.flatnonzero(due))
    _tickets(lives, tickets, chosen)
    _events(lives, np.flatnonzero(struck), u[1])
    born = people.birthday == today.record["day_of_year"][0]
    lives.give(np.flatnonzero(born), int(rules.par["loyalty_birthday_points"][0]))
    touched |= born | lives.outcome.answers["delivered"]
    _refresh(lives, np.flatnonzero(touched), night=True)
    if (clock + 1) % col.PERIOD_DAYS == 0:
        _end_period(lives)
        _refresh(lives, np.arange(len(people)), night=False)
    return lives.outcome


def _order_landing(lives: NumpyPopulation, rows: Rows) -> None:
    """Purchases that contacts brought about fall due."""
    people, out = lives.people, lives.outcome
    due = people.ints[col.DUE_BASKET : col.DUE_PLACE + 1, rows].astype(np.int64)
    amount, margin, discount, points, liability, place = due
    out.landed["margin_minor"][rows] += margin
    out.landed["discount_minor"][rows] += discount
    out.landed["points_minor"][rows] += liability
    people.due_day[rows] = NEVER
    w = lives.draw(rows, Purpose.LATER_FEELING)
    back = people.leaves[rows] <= lives.clock
    departs = people.departs[rows].astype(np.float64)
    stays = np.minimum(-np.log(w[3]) / np.where(departs > 0.0, departs, 1.0), col.LONGEST_WAIT)
    leaves = np.where(departs > 0.0, lives.clock + 1 + stays.astype(np.int64), NEVER)
    people.leaves[rows[back]] = leaves[back]
    everyone = np.ones(len(rows), dtype=bool)
    u = lives.draw(rows, Purpose.LATER_ORDER)
    _book(lives, rows, amount, place & CATEGORY_MASK, place >> STORE_SHIFT, points, everyone, u)
    _experience(lives, rows, u, w)


def _order_own(lives: NumpyPopulation, rows: Rows, drops_out: Float) -> None:
    """Purchases of their own accord; ``drops_out`` (n,) decides who leaves after them."""
    people, par, tables, out = lives.people, lives.par, lives.rules.tables, lives.outcome
    amount, category, store = lives.basket(rows, Purpose.BASKET)
    out.answers["purchased"][rows] = True
    margin = whole(
        amount * par["economics_margin_share"] * tables.categories["margin_factor"][category]
    )
    out.book("margin_minor", rows, margin)
    u = lives.draw(rows, Purpose.ORDER)
    seen = (lives.clock >= people.link_day[rows]) | (u[3] >= par["identity_unseen_share"])
    earn = people.earn[rows] * tables.tiers["earn_factor"][people.tier[rows]]
    points = np.where(seen, whole(amount / MINOR_PER_MAJOR * earn), 0)
    out.book("points_minor", rows, whole(points * lives.charged(rows)))
    lives.leave(rows[drops_out[rows] < people.drop_out[rows]])
    _book(lives, rows, amount, category, store, points, seen, u)
    _experience(lives, rows, u, lives.draw(rows, Purpose.FEELING))


def _book(
    lives: NumpyPopulation, rows: Rows, amount: Rows, category: Rows, store: Rows, points: Rows,
    seen: Bool, u: Float,
) -> None:  # fmt: skip
    """Enter purchases in the books, on the profile or under the other identifier."""
    people, par, out, clock = lives.people, lives.par, lives.outcome, lives.clock
    out.orders[rows] += 1
    out.spend_minor[rows] += amount
    out.category[rows] = category
    out.store[rows] = store
    people.last_order[rows] = clock
    hidden = rows[~seen]
    people.shadow_orders[hidden] += 1
    people.ints[col.SHADOW_SPEND, hidden] += amount[~seen]
    people.ints[col.SHADOW_LAST, hidden] = clock
    rows, amount, points, u = rows[seen], amount[seen], points[seen], u[:, seen]
    redeems = (people.points[rows] >= people.redeem_from[rows]) & (
        u[0] < par["wallet_redeem_chance"]
    )
    lot = people.redeem_from[rows[redeems]].astype(np.int64)
    lives.burn(rows[redeems], people.points[rows[redeems]] // lot * lot)
    completed = _advance(lives, rows)
    award = int(par["challenges_award_points"])
    winners = rows[completed]
    out.book("points_minor", winners, whole(award * lives.charged(winners)))
    lives.issue(rows, points + np.where(completed, award, 0))
    lives.qualify(rows, amount)
    people.seen_order[rows] = clock


def _advance(lives: NumpyPopulation, rows: Rows) -> Bool:
    """Count a purchase towards each running challenge; which are completed."""
    people = lives.people
    runs = people.challenge_end[rows] > 0
    people.challenge_done[rows] += runs
    completed = runs & (people.challenge_done[rows] >= people.challenge_target[rows])
    people.challenge_end[rows[completed]] = col.NONE
    people.challenge_done[rows[completed]] = 0
    return completed


def _experience(lives: NumpyPopulation, rows: Rows, u: Float, w: Float) -> None:
    """How a purchase felt, and what the firm hears of it."""
    people, par = lives.people, lives.par
    complains = u[1] < par["mood_ticket_per_purchase"]
    lives.complain(rows[complains])
    lives.leave(rows[complains & (w[2] < par["mood_leaves_per_complaint"])])
    change = par["mood_purchase_lift"] - np.where(complains, par["mood_ticket_shock"], 0.0)
    sentiment = lives.feel(rows, change)
    noise = par["mood_nps_sd"] * normals(w[0], w[1])[0]
    answer = whole(par["mood_nps_mean"] + par["mood_nps_gain"] * sentiment + noise)
    asked = u[2] < par["mood_nps_per_purchase"]
    people.nps[rows[asked]] = np.clip(answer, 0, MOST_SCORE)[asked]


def _land(lives: NumpyPopulation, rows: Rows) -> None:
    """Clicks, visits and redemptions that fall due."""
    people, out, clock = lives.people, lives.outcome, lives.clock
    for slot in people.ints[col.CLICK : col.CLICK + col.CLICK_SLOTS]:
        packed = slot[rows]
        lands = (packed != 0) & (packed >> DAY_SHIFT <= clock)
        here, packed = rows[lands], packed[lands]
        later = (packed >> VISIT_SHIFT) & VISIT_MASK
        channel, kind = (packed >> CHANNEL_SHIFT) & NIBBLE, packed & NIBBLE
        lives.visit(here[later == 1])
        visit = (clock + later - 1 << DAY_SHIFT) + (1 << VISIT_SHIFT) + VISIT_ONLY
        slot[here] = np.where(later > 1, visit, 0)
        clicked = kind != VISIT_ONLY
        people.clicks[channel[clicked], here[clicked]] += 1
        for part, watched in enumerate(WATCHED):
            people.kind_clicks[part, here[kind == watched]] += 1
        _start_challenge(lives, here[kind == CHALLENGE_KIND])
    used = rows[people.redeem_day[rows] <= clock]
    discount, points, liability = people.ints[col.REDEEM_DISCOUNT : col.REDEEM_LIABILITY + 1, used]
    people.redeem_day[used] = NEVER
    out.landed["discount_minor"][used] += discount
    out.landed["points_minor"][used] += liability
    lives.issue(used, points)


def _start_challenge(lives: NumpyPopulation, rows: Rows) -> None:
    """Begin a challenge where none runs."""
    people, par = lives.people, lives.par
    rows = rows[people.challenge_end[rows] <= 0]
    pace = people.orders[rows] * par["challenges_days"] / 365.0
    target = np.ceil(pace * par["challenges_stretch"] * people.difficulty[rows])
    people.challenge_target[rows] = np.minimum(
        np.maximum(target, par["challenges_target_min"]), par["challenges_target_max"]
    )
    people.challenge_done[rows] = 0
    people.challenge_end[rows] = lives.clock + 1 + int(par["challenges_days"])


def _tickets(lives: NumpyPopulation, rows: Rows, chosen: NDArray[np.int64]) -> None:
    """One more day of the tickets that were open this morning."""
    people, par = lives.people, lives.par
    recovers = lives.rules.tables.actions["recovers"][chosen[rows]] != 0
    recovered = lives.outcome.answers["delivered"][rows] & recovers
    u = lives.draw(rows, Purpose.TICKET)
    chance = np.where(recovered, par["mood_solved_by_recovery"], par["mood_solved_per_day"])
    people.tickets[rows] -= u[0] < chance
    lives.leave(rows[u[1] < par["mood_leaves_per_open_day"]])


def _events(lives: NumpyPopulation, rows: Rows, uniform: Float) -> None:
    """What nobody planned; ``uniform`` (n,) decides what it is, in the order of the chances."""
    people, par, clock = lives.people, lives.par, lives.clock
    event = np.searchsorted(lives.rules.event_chances[:-1], uniform[rows], side="right")
    struck = {which: rows[event == which] for which in Event}
    complaint, signal, rival = (
        struck[which] for which in (Event.COMPLAINT, Event.SIGNAL, Event.RIVAL_CONTACT)
    )
    fraud, stranger = struck[Event.FRAUD], struck[Event.STRANGER]
    lives.feel(complaint, -par["mood_ticket_shock"])
    lives.complain(complaint)
    people.reach[struck[Event.APP_REMOVED]] &= ~APP_BITS
    people.reach[struck[Event.ADDRESS_LOST]] &= ~(1 << EMAIL)
    u = lives.draw(signal, Purpose.LIFE)
    heard = lives.sentiment(signal) + par["mood_signal_sd"] * normals(u[0], u[1])[0]
    people.signal[signal] = np.clip(heard, -1.0, 1.0)
    lives.give(struck[Event.SURPRISE], int(par["loyalty_surprise_points"]))
    gap = np.minimum(clock - people.wear_day[rival], FORGOTTEN)
    people.wear[:, rival] *= lives.rules.tables.fade[gap].T
    people.wear_day[rival] = clock
    people.wear[EMAIL, rival] += 1.0
    lives.outcome.answers["fraud"][fraud] = True
    lives.burn(fraud, np.minimum(people.points[fraud], int(par["fraud_ask_points"])))
    robbed = fraud[people.adversary[fraud] == 0]
    lives.feel(robbed, -par["mood_ticket_shock"])
    lives.complain(robbed)
    _stranger(lives, stranger[people.stranger[stranger] != 0])


def _stranger(lives: NumpyPopulation, rows: Rows) -> None:
    """A stranger's purchase turns up on the profile."""
    people, par = lives.people, lives.par
    u = lives.draw(rows, Purpose.LIFE)
    mean = people.basket[rows] + par["spend_sigma_within"] * normals(u[2], u[3])[0]
    lives.qualify(rows, np.maximum(whole(np.exp(mean) * MINOR_PER_MAJOR), 1))
    people.seen_order[rows] = lives.clock


def _refresh(lives: NumpyPopulation, rows: Rows, *, night: bool) -> None:
    """Rates and the next day on which something is due, as of tomorrow morning."""
    people, par, morning = lives.people, lives.par, lives.clock + 1
    over = rows[people.challenge_end[rows] <= morning]
    people.challenge_end[over] = col.NONE
    people.challenge_done[over] = 0
    _link(lives, rows[people.link_day[rows] == morning])
    leaves = people.leaves[rows].astype(np.int64)
    fades = np.where(leaves != NEVER, leaves - int(par["visits_fade_days"]), NEVER)
    if night:
        lives.feel(rows[fades == morning], -par["visits_fade_shock"], day=morning)
    balance = people.points[rows] / np.maximum(people.redeem_from[rows], 1)
    pull = (
        par["challenges_goal_gradient"] * lives.progress(rows)
        + par["loyalty_tier_gradient"] * np.maximum(2.0 * lives.way_up(rows) - 1.0, 0.0)
        + par["loyalty_points_gradient"] * np.where(balance < 1.0, balance, 0.0)
    )
    settled = people.joined[rows].astype(np.int64) + 1 + int(par["population_novelty_days"])
    new = np.where(settled > morning, 1.0 + par["population_novelty"], 1.0)
    rate = people.rate[rows].astype(np.float64) * new
    own = rate * people.generous[rows] * (1.0 + people.flexible[rows] * pull)
    own *= np.where(people.blues_end[rows] > morning, 1.0 - par["loyalty_demotion_drop"], 1.0)
    visits = np.minimum(rate * par["visits_per_purchase"], 1.0)
    visits *= np.where(morning >= fades, par["visits_fade_visits"], 1.0)
    stays = leaves > morning
    people.own_rate[rows] = np.where(stays, own, 0.0)
    people.visit_rate[rows] = np.where(stays, visits, 0.0)
    wake = np.minimum(people.due_day[rows], people.redeem_day[rows]).astype(np.int64)
    for day, counts in (
        (leaves, stays),
        (fades, stays & (fades > morning)),
        (settled, stays & (settled > morning)),
        (people.challenge_end[rows], people.challenge_end[rows] > morning),
        (people.blues_end[rows], people.blues_end[rows] > morning),
        (people.link_day[rows], people.link_day[rows] > morning),
        (morning, people.tickets[rows] > 0),
    ):
        wake = np.where(counts, np.minimum(wake, day), wake)
    for slot in people.ints[col.CLICK : col.CLICK + col.CLICK_SLOTS]:
        packed = slot[rows]
        wake = np.where(packed != 0, np.minimum(wake, packed >> DAY_SHIFT), wake)
    people.wake[rows] = wake


def _link(lives: NumpyPopulation, rows: Rows) -> None:
    """All that was bought under the other identifier appears on the profile."""
    people = lives.people
    rows = rows[people.shadow_orders[rows] > 0]
    newest = lives.period  # that of the day that ends: a period that begins empties its bucket
    orders, spend = people.shadow_orders[rows], people.ints[col.SHADOW_SPEND, rows]
    people.orders[rows] += orders
    people.lifetime_orders[rows] += orders
    people.order_buckets[newest, rows] += orders
    people.spend[rows] += spend
    people.lifetime_spend[rows] += spend
    people.spend_buckets[newest, rows] += spend
    people.tier[rows] = np.maximum(people.tier[rows], lives.tier_of(people.spend[rows]))
    last = people.ints[col.SHADOW_LAST, rows]
    people.seen_order[rows] = np.maximum(people.seen_order[rows], last)
    people.shadow_orders[rows] = 0
    people.ints[col.SHADOW_SPEND, rows] = 0


def _end_period(lives: NumpyPopulation) -> None:
    """The bucket of a new period is emptied of what is a year old; tiers may fall."""
    people, par, morning = lives.people, lives.par, lives.clock + 1
    bucket = (morning // col.PERIOD_DAYS) % col.BUCKETS
    lapsed = people.point_buckets[bucket]
    people.points[:] -= lapsed
    people.expired[:] += lapsed
    people.orders[:] -= people.order_buckets[bucket]
    people.spend[:] -= people.spend_buckets[bucket]
    for buckets in (people.point_buckets, people.order_buckets, people.spend_buckets):
        buckets[bucket] = 0
    tier = lives.tier_of(people.spend)
    falls = np.flatnonzero(tier < people.tier)
    lives.feel(falls, -par["loyalty_demotion_shock"], day=morning)
    people.blues_end[falls] = morning + int(par["loyalty_demotion_days"])
    people.tier[:] = tier
