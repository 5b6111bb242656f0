"""A day's contacts in plain NumPy: arrival, opening and click, purchase or offer use, goodwill.

The equations are those of :mod:`simulator.model.response`, :mod:`simulator.model.fatigue`,
:mod:`simulator.model.delays` and :mod:`simulator.model.sentiment`; see
:mod:`experiments.benchmarks.numpy_events`.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from experiments.benchmarks.numpy_events import Bool, Float, NumpyPopulation, Rows, normals, whole
from simulator.compiled.purposes import Purpose
from simulator.model.delays import BUY, CLICK, LONGEST, OPEN, REDEEM, VISIT
from simulator.model.journeys import PRESSURES
from simulator.model.offers import USUAL_POINTS
from simulator.model.response import DAYS_PER_MONTH
from simulator.model.rules import FORGOTTEN
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.model.under_way import (
    CHANNEL_SHIFT,
    DAY_SHIFT,
    LONGEST_PAUSE,
    STORE_SHIFT,
    VISIT_ONLY,
    VISIT_SHIFT,
)
from simulator.state import columns as col
from simulator.state.codes import APP_BITS, DISCOUNT_KIND, IN_APP, POINTS_KIND, PUSH

WATCHED = (DISCOUNT_KIND, POINTS_KIND)


@dataclass(frozen=True)
class Contacts:
    """Contacts that arrived today, one per row, and what mattered that morning.

    Attributes:
        rows: (m,) customers.
        action, channel, group: records (m,) of the scenario's tables.
        load: recent contacts on all channels before this one.
        tired: factor of the response.
        affinity, fit, sentiment: of the customer.
        ticket: one is open.
        gone: they have left.
    """

    rows: Rows
    action: NDArray[Any]
    channel: NDArray[Any]
    group: NDArray[Any]
    load: Float
    tired: Float
    affinity: Float
    fit: Float
    sentiment: Float
    ticket: Bool
    gone: Bool

    def where(self, mask: Bool) -> Self:
        """Some of them."""
        return replace(self, **{f.name: getattr(self, f.name)[mask] for f in fields(self)})


def contact(lives: NumpyPopulation, rows: Rows, chosen: NDArray[np.int64], own: Bool) -> None:
    """Serve ``chosen`` (m,) to ``rows``; who is put off loses their place in ``own`` (n,)."""
    action = lives.rules.tables.actions[chosen]
    lives.outcome.book("contact_minor", rows, action["cost_minor"])
    load = _wear_off(lives, rows)
    sent, chances = _arrive(lives, rows, action, load)
    if not len(sent.rows):
        return
    v = lives.draw(sent.rows, Purpose.RESPONSE)
    z = lives.draw(sent.rows, Purpose.DELAY)
    _put_off(lives, sent, v[3], own)
    added = _added(lives, sent)
    z_visit, z_buy = normals(z[2], z[3])
    _open(lives, sent, chances, v[2], normals(z[0], z[1]), z_visit)
    _come(lives, sent, v[0], added, normals(z[0], z[1])[0], z_visit)
    _respond(lives, sent, v[0], added, z_buy)
    _resent(lives, sent, chances[3], v[1])
    lives.people.wake[sent.rows] = np.minimum(lives.people.wake[sent.rows], lives.clock)


def _wear_off(lives: NumpyPopulation, rows: Rows) -> Float:
    """Bring the load of past contacts up to this morning and note the new contact."""
    people, clock = lives.people, lives.clock
    gap = np.minimum(clock - people.wear_day[rows], FORGOTTEN)
    worn = people.wear[1:, rows] * lives.rules.tables.fade[gap, 1:].T
    people.wear[1:, rows] = worn
    people.wear_day[rows] = clock
    since = clock - people.last_contact[rows]
    moved = people.recent[rows].astype(np.int64) << np.minimum(since, col.RECENT_DAYS)
    people.recent[rows] = (np.where(since < col.RECENT_DAYS, moved, 0) | 1) & (
        (1 << col.RECENT_DAYS) - 1
    )
    people.last_contact[rows] = clock
    load: Float = worn.sum(axis=0, dtype=np.float64)
    return load


def _arrive(
    lives: NumpyPopulation, rows: Rows, action: NDArray[Any], load: Float
) -> tuple[Contacts, Float]:
    """Contacts that arrive, and their uniforms (4, m) of this purpose."""
    people, tables, par = lives.people, lives.rules.tables, lives.par
    channel = lives.today.tables.channels[action["channel"]]
    bit = 1 << action["channel"]
    bounced = (people.reach[rows] & bit) == 0
    people.permits[rows] &= np.where(bounced, ~bit, -1).astype(np.int32)
    u = lives.draw(rows, Purpose.CONTACT)
    arrived = ~bounced & (u[0] < channel["delivery"])
    rows, action, channel, load = rows[arrived], action[arrived], channel[arrived], load[arrived]
    c, kind = action["channel"], action["kind"]
    wear = people.wear[c, rows].astype(np.float64)
    sent = Contacts(
        rows=rows,
        action=action,
        channel=channel,
        group=tables.groups[people.group[rows]],
        load=load,
        tired=np.exp(-(channel["wear"] * wear + par["fatigue_wear"] * load)),
        affinity=people.affinity[c, rows].astype(np.float64),
        fit=people.fit[kind, rows].astype(np.float64),
        sentiment=lives.sentiment(rows),
        ticket=people.tickets[rows] > 0,
        gone=people.leaves[rows] <= lives.clock,
    )
    people.wear[c, rows] += 1.0
    people.delivered[c, rows] += 1
    for part, watched in enumerate(WATCHED):
        some = kind == watched
        people.kind_expected[part, rows[some]] += channel["clicked"][some]
    lives.outcome.answers["delivered"][rows] = True
    return sent, u[:, arrived]


def _put_off(lives: NumpyPopulation, sent: Contacts, uniform: Float, own: Bool) -> None:
    """The own purchase of the day is lost with the share hurt."""
    when_open = np.where(sent.ticket, lives.par["mood_hurt_when_open"], 0.0)
    hurt = np.maximum(sent.group["hurt"], when_open)
    own[sent.rows[(uniform < hurt) & (sent.action["recovers"] == 0)]] = False


def _open(
    lives: NumpyPopulation,
    sent: Contacts,
    u: Float,
    visits: Float,
    z: tuple[Float, Float],
    z_visit: Float,
) -> None:
    """Opening, click and visit; a click is remembered until it lands."""
    people, par, clock, out = lives.people, lives.par, lives.clock, lives.outcome
    opens = np.minimum(sent.channel["opened"] * np.sqrt(sent.affinity), 1.0)
    wait = sent.channel["latency_days"] + _days(lives, OPEN, z[0])
    opened = u[1] < opens
    out.answers["opened"][sent.rows] = opened
    out.delay["opened"][sent.rows[opened]] = wait[opened]
    leaves = people.leaves[sent.rows]
    fades = (leaves != col.NEVER) & (clock >= leaves - par["visits_fade_days"])
    clicks = (
        sent.channel["clicked"]
        * (sent.group["click"] * np.where(fades, par["visits_fade_clicks"], 1.0))
        * sent.affinity
        * sent.fit
        * sent.tired
    )
    clicked = opened & (u[2] < np.minimum(clicks / np.maximum(opens, 1e-12), 1.0))
    wait, later = (wait + _days(lives, CLICK, z[1]))[clicked], _days(lives, VISIT, z_visit)
    rows, action = sent.rows[clicked], sent.action[clicked]
    visited = visits[clicked] < par["response_visit_given_click"]
    later = np.where(visited, np.minimum(later[clicked], LONGEST_PAUSE) + 1, 0)
    out.answers["clicked"][rows] = True
    out.delay["clicked"][rows] = wait
    out.answers["visited"][rows[visited]] = True
    out.delay["visited"][rows[visited]] = (wait + later - 1)[visited]
    packed = (clock + wait << DAY_SHIFT) + (later << VISIT_SHIFT)
    packed += (action["channel"] << CHANNEL_SHIFT) + action["kind"]
    _remember(lives, rows, packed)


def _remember(lives: NumpyPopulation, rows: Rows, packed: NDArray[np.int64]) -> None:
    """Keep what is under way in the first free slot of each."""
    placed = np.zeros(len(rows), dtype=bool)
    for slot in lives.people.ints[col.CLICK : col.CLICK + col.CLICK_SLOTS]:
        free = ~placed & (slot[rows] == 0)
        slot[rows[free]] = packed[free]
        placed |= free


def _come(
    lives: NumpyPopulation,
    sent: Contacts,
    uniform: Float,
    added: Float,
    z_open: Float,
    z_visit: Float,
) -> None:
    """Visits of who does not click."""
    out = lives.outcome
    chance = np.minimum(added / lives.par["email_conversion_given_visit_email"], 1.0)
    comes = ~out.answers["visited"][sent.rows] & (uniform < chance)
    wait = sent.channel["latency_days"] + _days(lives, OPEN, z_open) + _days(lives, VISIT, z_visit)
    rows, wait = sent.rows[comes], wait[comes]
    out.answers["visited"][rows] = True
    out.delay["visited"][rows] = wait
    _remember(lives, rows, (lives.clock + wait << DAY_SHIFT) + (1 << VISIT_SHIFT) + VISIT_ONLY)


def _respond(
    lives: NumpyPopulation, sent: Contacts, uniform: Float, added: Float, z: Float
) -> None:
    """A purchase because of it, or its offer used on one of their own."""
    used = _used(lives, sent, added)
    latency = sent.channel["latency_days"]
    buys, uses = uniform < added, (uniform >= added) & (uniform < added + used)
    redeems = uses | (uniform < added * sent.action["redeems"])
    action = sent.action.copy()
    for name in ("discount", "points", "worth"):  # an offer that is not used is none
        action[name] = np.where(redeems, action[name], 0)
    sent = replace(sent, action=action)
    for mask, index, settle in ((buys, BUY, _purchase), (uses, REDEEM, _redemption)):
        some = sent.where(mask)
        amount, category, store = lives.basket(some.rows, Purpose.LATER_BASKET)
        wait = np.maximum((latency + _days(lives, index, z))[mask], 1)
        discount = whole(amount * some.action["discount"])
        lives.outcome.components["discount_minor"][some.rows] += discount
        settle(lives, some, wait, amount, discount, category, store)


def _added(lives: NumpyPopulation, sent: Contacts) -> Float:
    """P(purchase because of it | arrived)."""
    people, par, rows = lives.people, lives.par, sent.rows
    recency = (lives.clock - people.seen_order[rows]) / DAYS_PER_MONTH
    months = np.minimum(np.maximum(recency, 1.0), par["response_max_recency_months"])
    history = np.log1p(
        np.maximum(people.spend[rows] / MINOR_PER_MAJOR, par["response_min_history"])
    )
    visit, lift = (
        par[f"email_{name}_intercept"]
        + par[f"email_{name}_recency"] * months
        + par[f"email_{name}_log_history"] * history
        for name in ("visit", "lift")
    )
    base = (_logistic(visit + lift) - _logistic(visit)) * par["email_conversion_given_visit_email"]
    drive = base * sent.group["gain"] * np.exp(par["response_sentiment_gain"] * sent.sentiment)
    drive *= np.where(sent.gone, par["response_lapsed"], 1.0) * lives.today.record["response"][0]
    taste = sent.affinity * sent.tired * sent.fit * _moment(lives, sent)
    chance = np.minimum(drive * sent.action["strength"] * taste, par["response_ceiling"])
    moved = (
        (people.due_day[rows] == col.NEVER)
        & (~sent.ticket | (sent.action["recovers"] != 0))
        & (people.adversary[rows] == 0)
    )
    return np.where(moved, chance, 0.0)


def _moment(lives: NumpyPopulation, sent: Contacts) -> Float:
    """How well the journey suits the moment."""
    people, rows = lives.people, sent.rows
    journey = lives.rules.tables.journeys[sent.action["journey"]]
    expiring = people.point_buckets[(lives.period + 1) % col.BUCKETS, rows]
    presses = {
        "none": np.zeros(len(rows)),
        "tier": lives.way_up(rows),
        "expiry": np.minimum(expiring / np.maximum(people.redeem_from[rows], 1), 1.0),
        "progress": lives.progress(rows),
    }
    each = np.stack([presses[name] for name in PRESSURES])
    pressure = each[journey["pressure"], np.arange(len(rows))]
    moment: Float = journey["response"] * (1.0 + journey["pressure_gain"] * pressure)
    return moment


def _used(lives: NumpyPopulation, sent: Contacts, added: Float) -> Float:
    """P(uses the offer on a purchase of their own | arrived)."""
    people, par, rows = lives.people, lives.par, sent.rows
    anyway = -np.expm1(-people.own_rate[rows] * par["response_take_up_days"])
    anyway **= par["response_take_up_power"]
    used = np.minimum(
        par["response_take_up"] * sent.action["take_up"] * sent.fit * anyway, 1.0 - added
    )
    used = np.where(people.adversary[rows] != 0, 1.0, used)
    offered = (sent.action["worth"] > 0) & (sent.action["take_up"] > 0.0)
    return np.where(offered & (people.redeem_day[rows] == col.NEVER), used, 0.0)


def _purchase(
    lives: NumpyPopulation,
    some: Contacts,
    wait: Rows,
    amount: Rows,
    discount: Rows,
    category: Rows,
    store: Rows,
) -> None:
    """Settle purchases that will land in ``wait`` days."""
    people, par, tables, rows = lives.people, lives.par, lives.rules.tables, some.rows
    earn = people.earn[rows] * tables.tiers["earn_factor"][people.tier[rows]]
    points = some.action["points"] + whole(amount / MINOR_PER_MAJOR * earn)
    margin = whole(
        amount * par["economics_margin_share"] * tables.categories["margin_factor"][category]
    )
    liability = whole(points * lives.charged(rows))
    out = lives.outcome
    out.components["margin_minor"][rows] += margin
    out.components["points_minor"][rows] += liability
    out.answers["purchased"][rows] = True
    out.delay["purchased"][rows] = wait
    offered = some.action["worth"] > 0
    out.answers["redeemed"][rows[offered]] = True
    out.delay["redeemed"][rows[offered]] = wait[offered]
    due = (
        lives.clock + wait,
        amount,
        margin,
        discount,
        points,
        liability,
        category + (store << STORE_SHIFT),
    )
    people.ints[col.DUE_DAY : col.DUE_PLACE + 1, rows] = due


def _redemption(
    lives: NumpyPopulation,
    some: Contacts,
    wait: Rows,
    amount: Rows,
    discount: Rows,
    category: Rows,
    store: Rows,
) -> None:
    """Settle offers that will be used in ``wait`` days."""
    rows, points = some.rows, some.action["points"]
    liability = whole(points * lives.charged(rows))
    out = lives.outcome
    out.components["points_minor"][rows] += liability
    out.answers["redeemed"][rows] = True
    out.delay["redeemed"][rows] = wait
    due = (lives.clock + wait, discount, points, liability)
    lives.people.ints[col.REDEEM_DAY : col.REDEEM_LIABILITY + 1, rows] = due


def _resent(lives: NumpyPopulation, sent: Contacts, refusing: Float, leaving: Float) -> None:
    """Opt-outs, departures and moods."""
    people, par, out = lives.people, lives.par, lives.outcome
    refuses = sent.channel["opt_out"] * sent.group["opt_out"]
    refuses = refuses * (1.0 + par["fatigue_opt_out_gain"] * sent.load)
    refuses = refuses * np.where(sent.ticket, par["mood_opt_out_when_open"], 1.0)
    refuses = np.minimum(refuses, 1.0)
    refused = refusing < refuses
    rows, channel = sent.rows[refused], sent.action["channel"][refused]
    out.answers["opted_out"][rows] = True
    out.book("opt_outs", rows, 1)
    people.permits[rows] &= ~(1 << channel).astype(np.int32)
    share = par["fatigue_app_removal_on_opt_out"]
    removes = (channel == PUSH) & (refusing[refused] < refuses[refused] * share)
    people.permits[rows[removes]] &= ~(1 << IN_APP)
    people.reach[rows[removes]] &= ~APP_BITS
    lives.leave(sent.rows[leaving < np.minimum(par["fatigue_irritation"] * sent.load, 1.0)])
    troubled = sent.where(sent.ticket)
    relief = par["mood_compensation_lift"] * troubled.action["points"] / USUAL_POINTS
    change = np.where(troubled.action["pitches"] != 0, -par["mood_upsell_shock"], 0.0)
    recovers = troubled.action["recovers"] != 0
    change = np.where(recovers, par["mood_recovery_lift"] + relief, change)
    lives.feel(troubled.rows, change)


def _logistic(x: Float) -> Float:
    y: Float = 1.0 / (1.0 + np.exp(-x))
    return y


def _days(lives: NumpyPopulation, index: int, z: Float) -> NDArray[np.int64]:
    """Whole days of a delay from a standard normal."""
    mean, sigma = lives.rules.tables.delay[index]
    return np.asarray(np.minimum(np.exp(mean + sigma * z), LONGEST), dtype=np.int64)
