"""What the firm sees of a population: raw features, without the hidden state.

Left out on purpose: whether a customer has left (``alive``), his uplift group, rate, true
affinities and fits, and fatigue; of these only traces show, in recency, past clicks and the
contact history. Past clicks are smoothed,

    response_c = (clicks_c + w) / (delivered_c + w / clicked_c)

with w expected clicks of prior weight at the channel's base rate, the posterior mean of a
gamma-Poisson model.
"""

from __future__ import annotations

import numpy as np

from simulator import calendar, challenges, fatigue
from simulator.population import Population
from simulator.response import Tables
from simulator.scenarios import Scenario
from troth.contexts import ContextBatch


def observe(
    scenario: Scenario, tables: Tables, people: Population, today: calendar.Day
) -> ContextBatch:
    """Contexts of all customers this morning, raw float32 (n, F) under the scenario's schema."""
    n = len(people)
    weight = scenario.response.smoothing_clicks
    base = tables.channels.clicked[1:, None]
    response = (people.clicks[1:] + weight) / (people.delivered[1:] + weight / base)
    taste = (people.kind_clicks + weight) / (people.kind_expected + weight)
    whole = np.empty((scenario.schema.raw_width, n), dtype=np.float32)
    rows = iter(whole)
    next(rows)[:] = people.recency
    next(rows)[:] = people.orders
    next(rows)[:] = people.lifetime_spend / np.maximum(people.lifetime_orders, 1)
    next(rows)[:] = people.tenure
    next(rows)[:] = people.tier
    next(rows)[:] = people.points
    next(rows)[:] = tables.tiers.to_next(people.tier, people.spend)
    next(rows)[:] = people.point_buckets[-1]
    next(rows)[:] = challenges.progress(
        scenario.challenges, people.challenge_days, people.challenge_done
    )
    next(rows)[:] = people.tickets
    next(rows)[:] = people.sentiment
    next(rows)[:] = fatigue.contacts_within(people.recent, 7)
    next(rows)[:] = fatigue.contacts_within(people.recent, fatigue.MEMORY_DAYS)
    next(rows)[:] = people.since_contact
    next(rows)[:] = taste[0]
    next(rows)[:] = taste[1]
    next(rows)[:] = today.weekend
    next(rows)[:] = today.season_sin
    next(rows)[:] = today.season_cos
    for permitted in people.permits[1:]:
        next(rows)[:] = permitted
    for rate in response:
        next(rows)[:] = rate
    bounds = np.array([(f.low, f.high) for f in scenario.schema.features], dtype=np.float32)
    np.clip(whole, bounds[:, :1], bounds[:, 1:], out=whole)
    raw = np.ascontiguousarray(whole.T)
    raw.setflags(write=False)
    return ContextBatch(scenario.schema, raw)
