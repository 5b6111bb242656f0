"""Fatigue, mood, challenges, calendar, journeys, offers: known answers."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from simulator import calendar, challenges, fatigue, journeys, mood
from simulator.channels import ChannelTable, log_normal
from simulator.offers import ActionTable, GroupTable
from simulator.scenarios import Scenario
from simulator.world import World
from troth.catalogue import CHANNELS, Channel

EMAIL = CHANNELS.index(Channel.EMAIL)


def test_fatigue_lowers_the_response_and_fades(reference: Scenario) -> None:
    """Two recent e-mails cost what the equation says, and a day heals exp(-1 / tau)."""
    table = ChannelTable.of(reference)
    wear = np.zeros((9, 1), dtype=np.float32)
    wear[EMAIL] = 2.0
    left = fatigue.response_factor(reference.fatigue, table, wear)
    general = 2.0 * reference.fatigue.wear
    assert left[EMAIL, 0] == pytest.approx(np.exp(-2.0 * table.wear[EMAIL] - general))
    assert left[2, 0] == pytest.approx(np.exp(-general))
    tau = reference.channels[Channel.EMAIL].recovery_days
    assert fatigue.decay(table)[EMAIL, 0] == pytest.approx(np.exp(-1 / tau))


def test_contact_bits_remember_28_days(reference: Scenario) -> None:
    """A contact counts for 28 mornings, then is forgotten; the cap reads the past seven."""
    recent = np.zeros(1, dtype=np.uint32)
    counts = []
    for day in range(30):
        recent = fatigue.remember(recent, np.array([day < 3]))
        counts.append(int(fatigue.contacts_within(recent, 28)[0]))
        assert fatigue.capped(reference.fatigue, recent)[0] == (2 <= day <= 6)
    assert counts == [1, 2, *[3] * 26, 2, 1]


def test_mood_overnight_by_hand(reference: Scenario) -> None:
    """A complaint opens a ticket and lowers sentiment; an apology may close it."""
    section = reference.mood
    sentiment, tickets = mood.overnight(
        section,
        np.array([0.0, 0.2, 0.0], dtype=np.float32),
        np.array([0, 2, 1], dtype=np.int32),
        bought=np.array([False, False, True]),
        recovery=np.array([False, True, False]),
        complains=np.array([True, False, False]),
        uniform=np.array([0.0, section.solved_by_recovery - 0.01, section.solved_per_day]),
    )
    fade = np.exp(-1 / section.recovery_days)
    expected = [-section.ticket_shock, 0.2 * fade + section.recovery_lift, section.purchase_lift]
    assert tickets.tolist() == [1, 1, 1]
    assert sentiment == pytest.approx(expected, abs=1e-6)


def test_open_tickets_turn_contacts_against_the_sender(reference: Scenario) -> None:
    """The larger of disposition and open ticket decides what a contact destroys."""
    hurt = mood.hurt(reference.mood, np.array([0, 1, 1], np.int32), np.array([0.0, 0.0, 0.9]))
    assert hurt == pytest.approx([0.0, reference.mood.hurt_when_open, 0.9])


def test_challenge_runs_its_course(reference: Scenario) -> None:
    """It starts on a click, advances on purchases, ends on the target or on time."""
    section = reference.challenges
    days, done = np.zeros(1, np.int32), np.zeros(1, np.int32)
    yes, no = np.array([True]), np.array([False])
    days, done = challenges.overnight(section, days, done, bought=no, starts=yes)
    assert (days[0], done[0]) == (section.days, 0)
    for bought in range(1, section.target):
        days, done = challenges.overnight(section, days, done, bought=yes, starts=yes)
        assert (days[0], done[0]) == (section.days - bought, bought)
    assert challenges.completes(section, days, done)[0]
    assert challenges.progress(section, days, done)[0] == pytest.approx(
        (section.target - 1) / section.target
    )
    days, done = challenges.overnight(section, days, done, bought=yes, starts=no)
    assert (days[0], done[0]) == (0, 0)
    days, done = np.array([1], np.int32), np.array([1], np.int32)
    days, done = challenges.overnight(section, days, done, bought=no, starts=no)
    assert (days[0], done[0]) == (0, 0)


def test_calendar_averages_to_one(reference: Scenario) -> None:
    """Season and weekdays shift purchases, over a year they add none."""
    days = [calendar.day(reference.calendar, date(2026, 1, 1), d) for d in range(364)]
    assert np.mean([d.factor for d in days]) == pytest.approx(1.0, abs=0.005)
    assert sum(d.weekend for d in days) == 104
    assert calendar.day(reference.calendar, date(2026, 3, 2), -1).when == date(2026, 3, 1)


def test_journeys_start_when_every_condition_holds(world: World) -> None:
    """Triggers are what the scenario's rules say of the raw features."""
    started = world.triggered()
    contexts = world.contexts()
    names = world.catalogue.journeys
    recency = contexts.column("recency_days")
    lapsed = (recency >= 90) & (recency <= 400)
    assert np.array_equal(started[:, names.index("churn_recovery")], lapsed)
    assert started[:, names.index("engagement")].all()
    in_trouble = contexts.column("open_tickets") >= 1
    assert np.array_equal(started[:, names.index("service_recovery")], in_trouble)


def test_moment_grows_with_pressure(reference: Scenario) -> None:
    """The goal gradient multiplies the response of the journeys that name it."""
    pressing = {"tier": np.array([0.0, 1.0]), "expiry": np.zeros(2), "progress": np.zeros(2)}
    factors = journeys.moment(reference.journeys, pressing)
    section = reference.journeys["tier_upgrade"]
    row = list(reference.journeys).index("tier_upgrade")
    assert factors[row] == pytest.approx(
        [section.response, section.response * (1 + section.pressure_gain)]
    )


def test_action_strength_by_hand(reference: Scenario) -> None:
    """Channel, kind and depth multiply; no contact has no strength and no cost."""
    table = ActionTable.of(reference, ChannelTable.of(reference))
    k = reference.catalogue.index("churn_recovery/3/twenty_percent/sms")
    depth = 2.0**reference.response.discount_elasticity
    response = reference.channels[Channel.SMS].response
    kinds = {str(kind): section.response for kind, section in reference.kinds.items()}
    assert table.strength[k] == pytest.approx(response * kinds["discount"] * depth)
    assert (table.strength[0], table.cost_minor[0], table.delivery[0]) == (0.0, 0, 0.0)


def test_groups_have_their_shares(reference: Scenario) -> None:
    """With flat slopes the groups come in the shares given; slopes favour frequent buyers."""
    table = GroupTable.of(reference)
    u = (np.arange(10_000) + 0.5) / 10_000
    flat = GroupTable(**{**vars(table), "rate_slope": np.zeros(4)})
    shares = np.bincount(flat.draw(np.full(10_000, 0.5), u), minlength=4) / 10_000
    assert shares == pytest.approx(table.share, abs=1e-3)
    often = np.bincount(table.draw(np.full(10_000, 0.99), u), minlength=4) / 10_000
    seldom = np.bincount(table.draw(np.full(10_000, 0.01), u), minlength=4) / 10_000
    assert often[0] > 2 * seldom[0]


def test_log_normal_factors_have_mean_one() -> None:
    """Spread among customers does not change the average response."""
    u = (np.arange(200_000) + 0.5) / 200_000
    assert log_normal(0.8, u).mean() == pytest.approx(1.0, abs=1e-3)
