"""The past: a population as it stands on the morning of day 0, minus the warm-up.

A member joined with a first purchase, up to ``tenure_days_max`` ago, and has since bought by
the BG/NBD process (:mod:`simulator.purchases`), drawn purchase by purchase rather than day by
day, without season. Contacts of the past year are counted, not replayed: each channel that
reaches him had its share of ``sends_per_year``, and clicks are binomial at the rates of
:mod:`simulator.response` under ordinary fatigue. What depends on the order of recent days
(fatigue, contact dates, tickets, sentiment) is left to the warm-up, which the world runs.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator import channels, kernel, offers, purchases, spend
from simulator.population import BUCKETS, PERIOD_DAYS, WATCHED_KINDS, Population
from simulator.purposes import Purpose
from simulator.response import Tables
from simulator.scenarios import Scenario
from troth.catalogue import CHANNELS

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

YEAR_DAYS = BUCKETS * PERIOD_DAYS
CLICK_BLOCKS = 1 << 12
"""Philox blocks set aside per channel: four sends each."""
ORDINARY_FATIGUE = 0.6
"""What a year of ordinary contact left of the response, on average."""


def draw(scenario: Scenario, tables: Tables, seed: int, index: Int64) -> Population:
    """The population of customers ``index`` (n,) before the warm-up."""
    n = index.shape[0]
    trait = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PURCHASE, step=0)
    person = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PERSON, step=0)
    people_section = scenario.population
    openness = channels.log_normal(people_section.engagement_sigma, person[3])
    sensitivity = channels.log_normal(
        people_section.price_sensitivity_sigma,
        kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PERSON, step=1)[0],
    )
    extra = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_PURCHASE, step=1)

    people = Population(
        index=index,
        rate=purchases.draw_rates(scenario.purchases, trait[0]).astype(np.float32),
        drop_out=purchases.draw_drop_out(scenario.purchases, trait[1]).astype(np.float32),
        basket=spend.draw_means(scenario.spend, trait[2], trait[3]).astype(np.float32),
        group=tables.groups.draw(trait[0], person[1]),
        affinity=channels.draw_affinity(tables.channels, openness, seed, index),
        fit=offers.draw_fit(scenario, sensitivity, seed, index),
        permits=channels.draw_permits(tables.channels, seed, index),
        alive=np.ones(n, dtype=bool),
        recency=np.zeros(n, dtype=np.int32),
        tenure=(1 + np.floor(person[0] * people_section.tenure_days_max)).astype(np.int32),
        wear=np.zeros((len(CHANNELS), n), dtype=np.float32),
        recent=np.zeros(n, dtype=np.uint32),
        since_contact=np.full(n, 90, dtype=np.int32),
        delivered=np.zeros((len(CHANNELS), n), dtype=np.int32),
        clicks=np.zeros((len(CHANNELS), n), dtype=np.int32),
        kind_expected=np.zeros((WATCHED_KINDS, n), dtype=np.float32),
        kind_clicks=np.zeros((WATCHED_KINDS, n), dtype=np.int32),
        sentiment=np.zeros(n, dtype=np.float32),
        tickets=np.zeros(n, dtype=np.int32),
        orders=np.zeros(n, dtype=np.int32),
        spend=np.zeros(n, dtype=np.int64),
        order_buckets=np.zeros((BUCKETS, n), dtype=np.int32),
        spend_buckets=np.zeros((BUCKETS, n), dtype=np.int64),
        lifetime_orders=np.zeros(n, dtype=np.int32),
        lifetime_spend=np.zeros(n, dtype=np.int64),
        points=np.zeros(n, dtype=np.int64),
        point_buckets=np.zeros((BUCKETS, n), dtype=np.int64),
        earned=np.zeros(n, dtype=np.int64),
        burned=np.zeros(n, dtype=np.int64),
        expired=np.zeros(n, dtype=np.int64),
        tier=np.zeros(n, dtype=np.uint8),
        challenge_days=np.zeros(n, dtype=np.int32),
        challenge_done=np.zeros(n, dtype=np.int32),
    )
    _past_purchases(scenario, tables, people, seed, extra)
    _past_contacts(scenario, tables, people, seed)
    return people


def _past_purchases(
    scenario: Scenario, tables: Tables, people: Population, seed: int, first: Float
) -> None:
    """Every purchase since joining, in rounds: the m-th of everyone who made an m-th."""
    rows = np.arange(len(people))
    age = people.tenure.astype(np.float64)  # days ago of the purchase at hand
    baskets = spend.basket_minor(
        scenario.spend, people.basket.astype(np.float64), first[0], first[1]
    )
    number = 0
    while rows.size:
        _book(people, rows, age, baskets)
        u = kernel.uniforms(
            seed, people.index[rows], purpose=Purpose.HISTORY_PURCHASE, step=2 * number
        )
        if number:  # the first purchase is the joining one: no drop-out after it
            gone = u[1] < people.drop_out[rows]
            people.alive[rows[gone]] = False
        else:
            gone = np.zeros(rows.size, dtype=bool)
        age = age + np.log(u[0]) / people.rate[rows]
        going = ~gone & (age >= 0.0)
        rows, age = rows[going], age[going]
        v = kernel.uniforms(
            seed, people.index[rows], purpose=Purpose.HISTORY_PURCHASE, step=2 * number + 1
        )
        baskets = spend.basket_minor(
            scenario.spend, people.basket[rows].astype(np.float64), v[0], v[1]
        )
        number += 1
    people.orders[:] = people.order_buckets.sum(axis=0)
    people.spend[:] = people.spend_buckets.sum(axis=0)
    people.tier[:] = tables.tiers.of_spend(people.spend)
    _past_points(scenario, tables, people)


def _book(people: Population, rows: Int64, age: Float, baskets: Float) -> None:
    people.recency[rows] = np.floor(age).astype(np.int32)
    people.lifetime_orders[rows] += 1
    people.lifetime_spend[rows] += baskets.astype(np.int64)
    bucket = (age // PERIOD_DAYS).astype(np.int64)
    kept = bucket < BUCKETS
    people.order_buckets[bucket[kept], rows[kept]] += 1
    people.spend_buckets[bucket[kept], rows[kept]] += baskets[kept].astype(np.int64)


def _past_points(scenario: Scenario, tables: Tables, people: Population) -> None:
    """Base points of the past year at today's tier, a share of them redeemed."""
    wallet = scenario.wallet
    rate = wallet.points_per_major * tables.tiers.earn_factor[people.tier] / spend.MINOR_PER_MAJOR
    earned = np.floor(people.spend_buckets * rate).astype(np.int64)
    people.point_buckets[:] = np.floor(earned * (1.0 - wallet.redeemed_before)).astype(np.int64)
    people.points[:] = people.point_buckets.sum(axis=0)
    people.earned[:] = earned.sum(axis=0)
    people.burned[:] = people.earned - people.points


def _past_contacts(scenario: Scenario, tables: Tables, people: Population, seed: int) -> None:
    """Counts of delivered contacts and clicks of the past year, by channel and watched kind."""
    years = np.minimum(people.tenure, YEAR_DAYS) / YEAR_DAYS
    mix = (scenario.warm_up.discount_share, scenario.warm_up.points_share)
    shares = (*mix, max(0.0, 1.0 - sum(mix)))
    watched = (offers.DISCOUNT, offers.POINTS)
    group_click = tables.groups.click[people.group] * ORDINARY_FATIGUE
    for c in range(1, len(CHANNELS)):
        sent = tables.channels.sends_per_year[c] * tables.channels.delivery[c] * years
        for part, share in enumerate(shares):
            trials = np.where(people.permits[c], np.rint(sent * share), 0.0).astype(np.int32)
            chance = tables.channels.clicked[c] * group_click * people.affinity[c]
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
                people.kind_expected[part] += (trials * tables.channels.clicked[c]).astype(
                    np.float32
                )
                people.kind_clicks[part] += clicks
