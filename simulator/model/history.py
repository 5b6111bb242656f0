"""The past: a population as it stands on its first morning.

A member joined with a first purchase, up to ``tenure_days_max`` ago, and has since bought by
the process of :mod:`simulator.model.purchases`, drawn purchase by purchase rather than day by day,
without season. Contacts of the past year are counted, not replayed: each channel that reaches
them had its share of ``sends_per_year``, and clicks are binomial at the rates of
:mod:`simulator.model.response` under ordinary fatigue. What depends on the order of recent days
(fatigue, contact dates, tickets, sentiment) is left to the warm-up, which the world runs.
Newcomers have no past: they bought for the first time on the day before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.model import channels, fraud, identity, offers, purchases, spend
from simulator.model.rules import Rules
from simulator.scenarios import Scenario
from simulator.scenarios.processes import ParetoFigures
from simulator.scenarios.schema import MAX_SINCE_CONTACT_DAYS
from simulator.state import columns as col
from simulator.state.codes import DISCOUNT_KIND, POINTS_KIND
from simulator.state.columns import BUCKETS, PERIOD_DAYS, WATCHED_KINDS
from simulator.state.population import Population
from troth.catalogue import CHANNELS

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

YEAR_DAYS = (BUCKETS - 1) * PERIOD_DAYS
"""Days of the past that the buckets of a new world can hold: the first one is today's."""
CLICK_BLOCKS = 1 << 12
"""Philox blocks set aside per channel: four sends each."""
ORDINARY_FATIGUE = 0.6
"""What a year of ordinary contact left of the response, on average."""


def draw(
    rules: Rules, seed: int, first: int, size: int, *, morning: int, newcomers: bool
) -> Population:
    """``size`` customers from number ``first`` on, on the morning of the day ``morning``."""
    scenario = rules.scenario
    people = Population.empty(first, size)
    _traits(rules, people, seed)
    person = kernel.uniforms(seed, people.index, purpose=Purpose.TRAIT_PERSON, step=0)
    tenure = 1.0 + np.floor(person[0] * scenario.population.tenure_days_max)
    people.joined[:] = morning - (1.0 if newcomers else tenure)
    people.last_contact[:] = morning - int(MAX_SINCE_CONTACT_DAYS)
    for column in (people.wear_day, people.sentiment_day, people.visits_day):
        column[:] = morning
    people.challenge_end[:] = col.NONE
    people.nps[:] = col.NONE
    identity.assign(scenario, people, seed, morning)
    fraud.assign(scenario, people, seed)
    _lifetimes(scenario, people, seed)
    _past_purchases(rules, people, seed, morning)
    if not newcomers:
        _past_points(rules, people, morning)
        _past_contacts(rules, people, seed, morning)
    return people


def _traits(rules: Rules, people: Population, seed: int) -> None:
    """Everything about a person that does not change."""
    scenario, index = rules.scenario, people.index
    figures, section = scenario.purchases, scenario.population
    trait = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PURCHASE, step=0)
    person = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PERSON, step=0)
    life = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_LIFE, step=0)
    taste = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_TASTE, step=0)
    extra = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PERSON, step=1)
    rate = purchases.draw_rates(figures, trait[0])
    people.rate[:] = rate
    if isinstance(figures, ParetoFigures):
        people.departs[:] = purchases.draw_departures(figures, trait[1])
    else:
        people.drop_out[:] = purchases.draw_drop_out(figures, trait[1])
    people.basket[:] = spend.draw_means(scenario.spend, trait[2], trait[3])
    people.flexible[:] = np.exp(-rate / scenario.loyalty.flexible_per_day)
    people.group[:] = offers.GroupTable.of(scenario).draw(trait[0], person[1])
    openness = channels.log_normal(section.engagement_sigma, person[3])
    hours = channels.draw_hours(scenario, life[2])
    people.affinity[:] = channels.draw_affinity(
        scenario, rules.tables.channels, openness, hours, seed, index
    )
    sensitivity = channels.log_normal(section.price_sensitivity_sigma, extra[0])
    people.fit[:] = offers.draw_fit(scenario, sensitivity, seed, index)
    people.permits[:] = channels.draw_permits(rules.tables.channels, seed, index)
    people.reach[:] = channels.EVERY_CHANNEL
    people.birthday[:] = np.floor(life[1] * col.BIRTHDAYS)
    people.favourite[:] = np.searchsorted(rules.tables.categories["cumulative_share"], taste[0])
    people.place[:] = np.searchsorted(rules.tables.cumulative_stores, taste[2])


def _lifetimes(scenario: Scenario, people: Population, seed: int) -> None:
    if isinstance(scenario.purchases, ParetoFigures):
        life = kernel.uniforms(seed, people.index, purpose=Purpose.TRAIT_LIFE, step=0)
        people.leaves[:] = purchases.last_days(
            people.joined, people.departs.astype(np.float64), life[0]
        )


def _past_purchases(rules: Rules, people: Population, seed: int, morning: int) -> None:
    """Every purchase since joining, in rounds: the m-th of everyone who made an m-th."""
    scenario = rules.scenario
    rows = np.arange(len(people))
    age = (morning - people.joined).astype(np.float64)  # days ago of the purchase at hand
    # A member is gone from the morning on which they leave.
    leaves_ago = morning - people.leaves.astype(np.float64)
    first = kernel.uniforms(seed, people.index, purpose=Purpose.TRAIT_PURCHASE, step=1)
    baskets = spend.basket_minor(
        scenario.spend, people.basket.astype(np.float64), first[0], first[1]
    )
    novelty, novelty_days = scenario.population.novelty, scenario.population.novelty_days
    daily = -np.expm1(-people.rate.astype(np.float64))  # days with a purchase, per day
    number = 0
    while rows.size:
        _book(people, rows, age, baskets, morning)
        u = kernel.uniforms(
            seed, people.index[rows], purpose=Purpose.HISTORY_PURCHASE, step=2 * number
        )
        gone = np.zeros(rows.size, dtype=bool)
        if number:  # the first purchase is the joining one: no drop-out after it
            gone = u[1] < people.drop_out[rows]
            people.leaves[rows[gone]] = morning + 1 - np.ceil(age[gone]).astype(np.int32)
        tenure = (morning - people.joined[rows]).astype(np.float64)
        age = tenure - purchases.later(
            tenure - age, -np.log(u[0]) / daily[rows], novelty, novelty_days
        )
        going = ~gone & (age > 0.0) & (age > leaves_ago[rows])
        rows, age = rows[going], age[going]
        v = kernel.uniforms(
            seed, people.index[rows], purpose=Purpose.HISTORY_PURCHASE, step=2 * number + 1
        )
        baskets = spend.basket_minor(
            scenario.spend, people.basket[rows].astype(np.float64), v[0], v[1]
        )
        number += 1
    people.orders[:] = people.order_buckets.sum(axis=0)
    people.spend[:] = people.spend_buckets.sum(axis=0, dtype=np.int64)
    thresholds = rules.tables.tiers["from_spend_minor"][:-1]
    people.tier[:] = np.searchsorted(thresholds, people.spend, side="right") - 1


def _book(people: Population, rows: Int64, age: Float, baskets: Float, morning: int) -> None:
    ago = np.ceil(age).astype(np.int64)  # what happened within the past day was yesterday
    people.last_order[rows] = morning - ago
    people.seen_order[rows] = morning - ago
    people.lifetime_orders[rows] += 1
    people.lifetime_spend[rows] += baskets.astype(np.int64)
    kept = ago <= YEAR_DAYS
    bucket = ((morning - ago[kept]) // PERIOD_DAYS) % BUCKETS
    people.order_buckets[bucket, rows[kept]] += 1
    people.spend_buckets[bucket, rows[kept]] += baskets[kept].astype(np.int32)


def _past_points(rules: Rules, people: Population, morning: int) -> None:
    """Base points of the past year at today's tier, a share of them redeemed."""
    wallet = rules.scenario.wallet
    factor = rules.tables.tiers["earn_factor"][people.tier]
    rate = wallet.points_per_major * factor / spend.MINOR_PER_MAJOR
    earned = np.floor(people.spend_buckets * rate).astype(np.int64)
    people.point_buckets[:] = np.floor(earned * (1.0 - wallet.redeemed_before))
    people.points[:] = people.point_buckets.sum(axis=0, dtype=np.int64)
    people.issued[:] = earned.sum(axis=0)
    people.redeemed[:] = people.issued - people.points


def _past_contacts(rules: Rules, people: Population, seed: int, morning: int) -> None:
    """Counts of contacts and clicks of the past year, by channel and watched kind."""
    scenario, table = rules.scenario, rules.tables.channels
    years = np.minimum(morning - people.joined, 365) / 365.0
    mix = (scenario.warm_up.discount_share, scenario.warm_up.points_share)
    shares = (*mix, max(0.0, 1.0 - sum(mix)))
    watched = (DISCOUNT_KIND, POINTS_KIND)
    group_click = rules.tables.groups["click"][people.group] * ORDINARY_FATIGUE
    for c in range(1, len(CHANNELS)):
        base = float(table["clicked"][c])
        sent = table["sends_per_year"][c] * table["delivery"][c] * years
        permitted = (people.permits >> c) & 1
        for part, share in enumerate(shares):
            trials = np.where(permitted, np.rint(sent * share), 0.0).astype(np.int32)
            chance = base * group_click * people.affinity[c]
            if part < WATCHED_KINDS:
                chance = chance * people.fit[watched[part]]
            clicks = kernel.successes(
                seed,
                people.index,
                trials,
                np.minimum(chance, 1.0),
                purpose=Purpose.HISTORY_CLICK,
                step=(c * (WATCHED_KINDS + 1) + part) * CLICK_BLOCKS,
            )
            people.delivered[c] += trials
            people.clicks[c] += clicks
            if part < WATCHED_KINDS:
                people.kind_expected[part] += (trials * base).astype(np.float32)
                people.kind_clicks[part] += clicks
