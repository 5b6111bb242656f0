"""One day in the life: what is drawn, in which order, and what it leaves behind.

:func:`live` samples and :func:`expected` integrates the same probabilities. Of a day's events
only delivery, purchase, basket and opt-out enter the reward; leaving for good, complaints and
the rest change tomorrow.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator import (
    challenges,
    expectation,
    fatigue,
    kernel,
    mood,
    offers,
    response,
    spend,
    wallet,
)
from simulator.channels import ChannelTable
from simulator.offers import ActionTable, GroupTable
from simulator.population import PERIOD_DAYS, Population
from simulator.purposes import Purpose
from simulator.response import Readiness, Tables
from simulator.scenarios import Scenario
from simulator.wallet import TierTable
from troth.catalogue import NO_CONTACT
from troth.objective import COMPONENTS, Objective

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]
Int64 = NDArray[np.int64]

WATCHED = (offers.DISCOUNT, offers.POINTS)


@dataclass(frozen=True)
class Keys:
    """Addresses of one day's random numbers: seed, clock (days since the warm-up began)."""

    seed: int
    clock: int
    replicate: int

    def uniforms(self, index: Int64, purpose: Purpose) -> Float:
        """float64 (4, m) for customers ``index`` (m,)."""
        return kernel.uniforms(
            self.seed, index, purpose=purpose, step=self.clock, replicate=self.replicate
        )


@dataclass(frozen=True)
class Rules:
    """A scenario laid out as columns."""

    scenario: Scenario
    tables: Tables
    actions: ActionTable
    decay: NDArray[np.float32]
    ceiling: float
    margin_share: float

    @classmethod
    def of(cls, scenario: Scenario) -> Rules:
        """The columns."""
        channels = ChannelTable.of(scenario)
        return cls(
            scenario=scenario,
            tables=Tables(channels, GroupTable.of(scenario), TierTable.of(scenario.tiers)),
            actions=ActionTable.of(scenario, channels),
            decay=fatigue.decay(channels),
            ceiling=scenario.response.ceiling,
            margin_share=scenario.economics.margin_share,
        )


def expected(rules: Rules, ready: Readiness, chosen: Int64 | None) -> dict[str, Float]:
    """E[component | all state, action]: (n, K), or (n,) for the actions ``chosen`` (n,)."""
    pairs = _pairs(rules, ready, chosen)
    out = _expect(rules, ready, pairs, 4, np.empty(0))
    cost = rules.actions.cost_minor[pairs].astype(np.float64)
    columns = dict(zip(COMPONENTS, (out[0], out[1], out[2], cost, out[3]), strict=True))
    if chosen is None:
        return columns
    return {name: column[:, 0] for name, column in columns.items()}


def expected_rewards(
    rules: Rules, ready: Readiness, goal: Objective, chosen: Int64 | None
) -> Float:
    """E[reward | all state, action]: (n, K), or (n,) for the actions ``chosen``; minor units."""
    by_name = goal.to_dict()
    weights = np.array([by_name[name] for name in COMPONENTS])
    rewards: Float = _expect(rules, ready, _pairs(rules, ready, chosen), 1, weights)[0]
    return rewards if chosen is None else np.ascontiguousarray(rewards[:, 0])


def _pairs(rules: Rules, ready: Readiness, chosen: Int64 | None) -> Int64:
    """int64 (n, K) of all actions, or (n, 1) of the chosen."""
    if chosen is not None:
        return chosen[:, None]
    k = rules.actions.channel.size
    return np.broadcast_to(np.arange(k), (ready.organic.size, k))


def _expect(rules: Rules, ready: Readiness, pairs: Int64, planes: int, weights: Float) -> Float:
    out = np.empty((planes, *pairs.shape))
    expectation.expect(out, pairs, rules.actions, ready, rules.ceiling, rules.margin_share, weights)
    return out


def _bought(rules: Rules, ready: Readiness, chosen: Int64) -> Float:
    """P(buys | delivered) of one action each, float64 (n,)."""
    out = np.empty(chosen.shape[0])
    expectation.bought(out, chosen, rules.actions, ready, rules.ceiling)
    return out


def live(
    rules: Rules, people: Population, ready: Readiness, chosen: Int64, keys: Keys
) -> dict[str, Any]:
    """Draw the day and move ``people`` to the next morning, in place.

    Args:
        rules: parameters.
        people: n customers this morning.
        ready: how they stand this morning.
        chosen: int64 (n,) columns of the catalogue.
        keys: addresses of the day's random numbers.

    Returns:
        The fields of :class:`simulator.world.StepResult`.
    """
    scenario, tables, table = rules.scenario, rules.tables, rules.actions
    rows = np.arange(len(people))
    channel, kind = table.channel[chosen], table.kind[chosen]
    contact = keys.uniforms(people.index, Purpose.CONTACT)
    purchase = keys.uniforms(people.index, Purpose.PURCHASE)
    humour = keys.uniforms(people.index, Purpose.MOOD)

    contacted = chosen != NO_CONTACT
    delivered = contacted & (contact[0] < tables.channels.delivery[channel])
    opening, clicking = response.click_chances(tables, people, ready.tired, channel, kind)
    opened = delivered & (contact[1] < opening)
    clicked = opened & (contact[2] < clicking)
    opted_out = delivered & (contact[3] < ready.opts_out[channel, rows])

    # One uniform decides the purchase, so that below organic it would have come anyway.
    chance = np.where(delivered, _bought(rules, ready, chosen), ready.organic)
    bought = purchase[0] < chance
    own = bought & (purchase[0] < ready.organic)
    buyers = np.flatnonzero(bought)
    basket, redeems = _baskets(rules, people, buyers, keys)
    components = _components(rules, ready, chosen, delivered, opted_out, buyers, basket)

    complains = np.where(bought, purchase[3] < scenario.mood.ticket_per_purchase, False)
    complains |= humour[0] < scenario.mood.ticket_per_day
    irritated = delivered & (purchase[2] < fatigue.leaves(scenario.fatigue, people.wear))
    stranded = (people.tickets > 0) & (humour[2] < scenario.mood.leaves_per_open_day)

    # From here on the state changes.
    people.alive |= bought
    people.alive &= ~(own & (purchase[1] < people.drop_out)) & ~irritated & ~stranded
    people.sentiment, people.tickets = mood.overnight(
        scenario.mood,
        people.sentiment,
        people.tickets,
        bought=bought,
        recovery=delivered & (table.recovers[chosen] > 0),
        complains=complains,
        uniform=humour[1],
    )
    _book(rules, people, chosen, delivered, buyers, basket, redeems)
    people.challenge_days, people.challenge_done = challenges.overnight(
        scenario.challenges,
        people.challenge_days,
        people.challenge_done,
        bought=bought,
        starts=clicked & (kind == offers.CHALLENGE),
    )
    _remember(rules, people, channel, kind, contacted, delivered, clicked)
    people.permits[channel[opted_out], rows[opted_out]] = False
    people.recency += 1
    people.recency[buyers] = 1
    people.tenure += 1
    if (keys.clock + 1) % PERIOD_DAYS == 0:
        wallet.end_period(people, tables.tiers)
    return {
        "components": components,
        "delivered": delivered,
        "opened": opened,
        "clicked": clicked,
        "purchased": bought,
        "opted_out": opted_out,
    }


def _baskets(rules: Rules, people: Population, buyers: Int64, keys: Keys) -> tuple[Float, Bool]:
    """Baskets (m,) in whole minor units and whether points are redeemed, of today's buyers."""
    u = keys.uniforms(people.index[buyers], Purpose.BASKET)
    mean = people.basket[buyers].astype(np.float64)
    basket = spend.basket_minor(rules.scenario.spend, mean, u[0], u[1])
    enough = people.points[buyers] >= rules.scenario.wallet.redeem_from
    return basket, enough & (u[2] < rules.scenario.wallet.redeem_chance)


def _components(
    rules: Rules,
    ready: Readiness,
    chosen: Int64,
    delivered: Bool,
    opted_out: Bool,
    buyers: Int64,
    basket: Float,
) -> dict[str, Int64]:
    """What the day was worth, int64 (n,) each."""
    table = rules.actions
    margin, discount, points = (np.zeros(chosen.shape[0], dtype=np.int64) for _ in range(3))
    served, reached = chosen[buyers], delivered[buyers]
    margin[buyers] = np.rint(basket * rules.margin_share)
    discount[buyers] = np.rint(basket * table.discount[served] * reached)
    points[buyers] = np.rint(table.promised_minor[served] * reached + ready.completes[buyers])
    return {
        "margin_minor": margin,
        "discount_minor": discount,
        "points_minor": points,
        "contact_minor": table.cost_minor[chosen],
        "opt_outs": opted_out.astype(np.int64),
    }


def _book(
    rules: Rules,
    people: Population,
    chosen: Int64,
    delivered: Bool,
    buyers: Int64,
    basket: Float,
    redeems: Bool,
) -> None:
    """Wallet and spend of today's buyers: redeem the old points, then earn the new ones."""
    section, tiers = rules.scenario.wallet, rules.tables.tiers
    challenge = rules.scenario.challenges
    wallet.burn(people, buyers[redeems])
    earned = wallet.base_points(section, tiers, people.tier[buyers], basket)
    earned += rules.actions.points[chosen[buyers]] * delivered[buyers]
    done = challenges.completes(
        challenge, people.challenge_days[buyers], people.challenge_done[buyers]
    )
    earned += done * challenge.award_points
    wallet.earn(people, buyers, earned)
    wallet.spend(people, tiers, buyers, basket)


def _remember(
    rules: Rules,
    people: Population,
    channel: Int64,
    kind: Int64,
    contacted: Bool,
    delivered: Bool,
    clicked: Bool,
) -> None:
    """Fatigue and the contact history of the next morning."""
    people.wear *= rules.decay
    at = np.flatnonzero(delivered)
    people.wear[channel[at], at] += 1.0
    people.delivered[channel[at], at] += 1
    people.clicks[channel[at], at] += clicked[at]
    for part, watched in enumerate(WATCHED):
        of_kind = at[kind[at] == watched]
        people.kind_expected[part, of_kind] += rules.tables.channels.clicked[channel[of_kind]]
        people.kind_clicks[part, of_kind] += clicked[of_kind]
    people.recent = fatigue.remember(people.recent, contacted)
    people.since_contact = np.where(contacted, 1, people.since_contact + 1).astype(np.int32)
