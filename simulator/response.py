"""What a contact does to today's purchase, and the exact expectation of it.

For customer i and action k on channel c, of kind o, in journey j, delivered with probability
d_c:

    organic_i = P(buys of his own accord today)               (purchases, calendar, challenges)
    base_i    = [sigma(v_i + l_i) - sigma(v_i)] * conversion  (one e-mail, Hillstrom)
    v_i       = visit_intercept + visit_recency * m_i + visit_log_history * log1p(h_i)
    l_i       = lift_intercept + lift_recency * m_i + lift_log_history * log1p(h_i)
    drive_i   = base_i * gain[group_i] * exp(s * sentiment_i) * (1 if alive else lapsed)
    added_ik  = drive_i * strength_k * affinity_ic * fatigue_ic * fit_io * moment_ij
    P(buys | delivered) = min(organic_i + added_ik, ceiling)
                          organic_i * (1 - hurt_i)   where contacts put him off

with m_i months since the last purchase and h_i spend of the past year, both kept inside the
range Hillstrom's experiment covers. Hillstrom's response is that of the two weeks after one
e-mail; here all of it falls on the day of the contact, so that a decision's reward is its own
day's. Other channels, offers and moments multiply that of the e-mail: these multiples are
explicit knobs of the scenario, not estimates.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator import calendar, challenges, fatigue, journeys, mood, purchases, spend
from simulator.channels import ChannelTable
from simulator.offers import GroupTable
from simulator.population import Population
from simulator.scenarios import Scenario
from simulator.wallet import TierTable

Float = NDArray[np.float64]

DAYS_PER_MONTH = 30.4375


class Readiness(NamedTuple):
    """How every customer stands to a contact this morning; names as in the module's equations.

    Attributes:
        organic, hurt, drive, basket, completes: float64 (n,); ``basket`` is the expected
            basket and ``completes`` the liability that a purchase triggers, minor units.
        by_channel: (C, n); by_kind: (O, n); by_journey: (J, n) factors of ``added``.
        opts_out: (C, n) P(opts out | delivered).
        tired: (C, n) what fatigue leaves of the response.
    """

    organic: Float
    hurt: Float
    drive: Float
    basket: Float
    completes: Float
    by_channel: Float
    by_kind: Float
    by_journey: Float
    opts_out: Float
    tired: Float


@dataclass(frozen=True)
class Tables:
    """The scenario's parameters as columns."""

    channels: ChannelTable
    groups: GroupTable
    tiers: TierTable


def email_effect(scenario: Scenario, people: Population) -> Float:
    """base_i: incremental purchases of one average e-mail, float64 (n,)."""
    figures, limits = scenario.email, scenario.response
    months = np.clip(people.recency / DAYS_PER_MONTH, 1.0, limits.max_recency_months)
    history = np.log1p(np.maximum(people.spend / spend.MINOR_PER_MAJOR, limits.min_history))
    visit = (
        figures.visit_intercept
        + figures.visit_recency * months
        + figures.visit_log_history * history
    )
    lift = (
        figures.lift_intercept + figures.lift_recency * months + figures.lift_log_history * history
    )
    return (_logistic(visit + lift) - _logistic(visit)) * figures.conversion_given_visit_email


def _logistic(x: Float) -> Float:
    return 1.0 / (1.0 + np.exp(-x))


def pressures(scenario: Scenario, people: Population, tiers: TierTable) -> dict[str, Float]:
    """What can raise a journey's response, each float64 (n,) in [0, 1]."""
    return {
        "tier": tiers.closeness(people.tier, people.spend),
        "expiry": np.minimum(people.point_buckets[-1] / scenario.wallet.redeem_from, 1.0),
        "progress": challenges.progress(
            scenario.challenges, people.challenge_days, people.challenge_done
        ),
    }


def readiness(
    scenario: Scenario, tables: Tables, people: Population, today: calendar.Day
) -> Readiness:
    """How every customer stands this morning."""
    pressing = pressures(scenario, people, tables.tiers)
    pull = challenges.pull(scenario.challenges, pressing["progress"])
    groups = tables.groups
    gain = groups.gain[people.group] * np.exp(
        scenario.response.sentiment_gain * people.sentiment.astype(np.float64)
    )
    gain *= np.where(people.alive, 1.0, scenario.response.lapsed)
    tired = fatigue.response_factor(scenario.fatigue, tables.channels, people.wear)
    readier = (
        groups.opt_out[people.group]
        * fatigue.opt_out_factor(scenario.fatigue, people.wear)
        * mood.opt_out_factor(scenario.mood, people.tickets)
    )
    due = challenges.completes(scenario.challenges, people.challenge_days, people.challenge_done)
    award = award_minor(scenario)
    return Readiness(
        organic=purchases.daily_probability(people.rate * pull, people.alive, today.factor),
        hurt=mood.hurt(scenario.mood, people.tickets, groups.hurt[people.group]),
        drive=email_effect(scenario, people) * gain,
        basket=spend.expected_minor(scenario.spend, people.basket.astype(np.float64)),
        completes=np.where(due, award, 0.0),
        by_channel=people.affinity * tired,
        by_kind=people.fit.astype(np.float64),
        by_journey=journeys.moment(scenario.journeys, pressing),
        opts_out=np.minimum(tables.channels.opt_out[:, None] * readier, 1.0),
        tired=tired,
    )


def award_minor(scenario: Scenario) -> float:
    """Liability of a completed challenge, whole minor units."""
    return float(round(scenario.challenges.award_points * scenario.economics.point_liability_minor))


def click_chances(
    tables: Tables,
    people: Population,
    tired: Float,
    channel: NDArray[np.int64],
    kind: NDArray[np.int64],
) -> tuple[Float, Float]:
    """P(opened | delivered) and P(clicked | opened) of one contact each, float64 (n,).

    Clicks carry what a firm can learn of hidden tastes:
    P(clicked | delivered) = clicked_c * click[group_i] * affinity_ic * fit_io * fatigue_ic.

    Args:
        tables: parameters.
        people: n customers.
        tired: (C, n) what fatigue leaves of the response.
        channel: int64 (n,) of each customer's contact.
        kind: int64 (n,) of its offer.
    """
    rows = np.arange(len(people))
    taste = people.affinity[channel, rows].astype(np.float64)
    opened = np.minimum(tables.channels.opened[channel] * np.sqrt(taste), 1.0)
    clicked = (
        tables.channels.clicked[channel]
        * tables.groups.click[people.group]
        * taste
        * people.fit[kind, rows]
        * tired[channel, rows]
    )
    return opened, np.minimum(clicked / np.maximum(opened, 1e-12), 1.0)
