"""Mood: sentiment and its memory, tickets, service recovery, surveys, what a firm hears."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model import sentiment
from simulator.model.rules import Rules
from simulator.scenarios import Scenario
from simulator.state.population import Population
from simulator.world import World
from tests.support.worlds import all_groups, clock, eager, everybody, nobody, refreshed, still

LETTER = "service_recovery/1/apology_letter/email"
VOUCHER = "service_recovery/2/apology_voucher/email"
NEWS, OFFER = "engagement/1/news/email", "engagement/2/ten_percent/email"
STATEMENT = "points_reminder/1/points_statement/email"


def one(value: float = 0.0) -> Population:
    """One member, moved on day 0."""
    people = Population.empty(0, 1)
    people.sentiment[:] = value
    return people


def test_sentiment_returns_to_nought() -> None:
    """With the time constant given, and never leaves [-1, 1]."""
    people, par = one(0.8), Rules.of(still()).par[0]
    days = still().mood.recovery_days
    assert sentiment.now(people.memory.floats, people.memory.ints, 0, par, 0) == pytest.approx(0.8)
    assert sentiment.now(people.memory.floats, people.memory.ints, 0, par, days) == pytest.approx(
        0.8 / np.e
    )
    assert sentiment.feel(
        people.memory.floats, people.memory.ints, 0, -0.5, par, days
    ) == pytest.approx(0.8 / np.e - 0.5)
    assert people.sentiment_day[0] == days
    assert sentiment.feel(people.memory.floats, people.memory.ints, 0, -9.0, par, days) == -1.0
    assert sentiment.feel(people.memory.floats, people.memory.ints, 0, 9.0, par, days) == 1.0


def test_put_off_is_the_larger_of_disposition_and_open_ticket() -> None:
    """A sleeping dog is no more put off by a ticket than they already are."""
    par, hurt = Rules.of(still()).par[0], still().mood.hurt_when_open
    assert sentiment.put_off(0.0, False, par) == 0.0
    assert sentiment.put_off(0.0, True, par) == hurt
    assert sentiment.put_off(0.9, True, par) == 0.9


def test_scores_are_whole_and_bounded() -> None:
    """The answer to a survey is mean + gain * sentiment + sd * z, rounded, from 0 to 10."""
    par, section = Rules.of(still()).par[0], still().mood
    assert sentiment.score(0.0, 0.0, par) == round(section.nps_mean)
    assert sentiment.score(-0.5, 1.0, par) == round(section.nps_mean - 0.5 * section.nps_gain + 1.5)
    assert sentiment.score(1.0, 5.0, par) == 10
    assert sentiment.score(-1.0, -5.0, par) == 0


def test_complaints_open_tickets_as_often_as_said() -> None:
    """Per purchase and out of the blue; each costs sentiment."""
    scenario = still().replace(
        purchases={"r": 80.0, "alpha_weeks": 20.0},
        mood={"ticket_per_purchase": 0.2, "purchase_lift": 0.1, "ticket_shock": 0.5},
    )
    world = World(scenario, 4000, 3, newcomers=True)
    bought = world.step(nobody(world)).orders > 0
    people = world.people
    complained = people.tickets == 1
    assert not complained[~bought].any()
    share = complained[bought].mean()
    assert share == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / bought.sum()))
    assert people.sentiment[complained] == pytest.approx(-0.4)
    assert people.sentiment[bought & ~complained] == pytest.approx(0.1)
    blue = World(still().replace(mood={"ticket_per_day": 0.3}), 4000, 3, newcomers=True)
    blue.step(nobody(blue))
    assert (blue.people.tickets == 1).mean() == pytest.approx(0.3, abs=0.03)
    assert blue.people.sentiment[blue.people.tickets == 1].max() <= -0.3


def test_some_leave_over_a_complaint() -> None:
    """One bad experience ends the membership with the share given, from the next day on."""
    scenario = still().replace(
        purchases={"r": 80.0, "alpha_weeks": 20.0, "a": 0.001, "b": 1000.0},
        mood={"ticket_per_purchase": 1.0, "leaves_per_complaint": 0.4},
    )
    world = World(scenario, 4000, 3, newcomers=True)
    bought = world.step(nobody(world)).orders > 0
    gone = world.people.leaves == clock(world)
    assert not gone[~bought].any()
    assert gone[bought].mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / bought.sum()))


@pytest.fixture
def troubled() -> World:
    """Everybody has an open ticket and had nothing else."""
    scenario = eager().replace(
        mood={
            "solved_per_day": 0.1,
            "solved_by_recovery": 0.6,
            "recovery_lift": 0.2,
            "compensation_lift": 0.3,
            "upsell_shock": 0.15,
            "hurt_when_open": 0.5,
        },
        delays={"buy": {"median_days": 60.0, "sigma": 0.0}},
    )
    world = World(scenario, 4000, 3, newcomers=True)
    world.people.tickets[:] = 1
    return refreshed(world)


def solved(world: World) -> float:
    """Share of tickets closed."""
    return float((world.people.tickets == 0).mean())


def test_tickets_close_by_themselves_and_sooner_with_service_recovery(troubled: World) -> None:
    """One a day with the base chance, or with the chance of recovery if its contact arrives."""
    slow, quick, other = (troubled.fork() for _ in range(3))
    slow.step(nobody(slow))
    quick.step(everybody(quick, LETTER))
    other.step(everybody(other, NEWS))
    bound = 4 * 0.5 / np.sqrt(troubled.size)
    assert solved(slow) == pytest.approx(0.1, abs=bound)
    assert solved(quick) == pytest.approx(0.6, abs=bound)
    assert np.array_equal(other.people.tickets, slow.people.tickets)
    slow.step(nobody(slow))
    assert solved(slow) == pytest.approx(0.19, abs=bound)


def test_recovery_lifts_and_upsell_hurts_while_a_ticket_is_open(troubled: World) -> None:
    """An apology lifts, more so with points; an offer costs sentiment, a reminder nothing."""
    felt = {}
    for action in (LETTER, VOUCHER, OFFER, NEWS):
        world = troubled.fork()
        world.step(everybody(world, action))
        assert len(set(world.people.sentiment)) == 1
        felt[action] = world.people.sentiment[0]
    assert felt[LETTER] == pytest.approx(0.2)
    assert felt[VOUCHER] == pytest.approx(0.2 + 0.3)
    assert felt[OFFER] == pytest.approx(-0.15)
    assert felt[NEWS] == pytest.approx(-0.15)
    world = troubled.fork()
    world.people.points[:] = world.people.issued[:] = world.people.point_buckets[0] = 400
    world = refreshed(world)
    reminded = everybody(world, STATEMENT)
    assert (reminded > 0).all()
    world.step(reminded)
    assert not world.people.sentiment.any()
    calm = troubled.fork()
    calm.people.tickets[:] = 0
    calm = refreshed(calm)
    calm.step(everybody(calm, OFFER))
    assert not calm.people.sentiment.any()


def test_an_open_ticket_turns_offers_against_their_sender(troubled: World) -> None:
    """Nothing but service recovery moves them, and an own purchase is lost with the share given."""
    assert not (troubled.fork().step(everybody(troubled, OFFER)).delay["purchased"] >= 0).any()
    assert (troubled.fork().step(everybody(troubled, LETTER)).delay["purchased"] >= 0).all()
    busy = troubled.fork()
    busy.people.rate[:] = 0.5
    busy = refreshed(busy)
    left = busy.fork().step(nobody(busy)).orders > 0
    pitched = busy.fork().step(everybody(busy, NEWS)).orders > 0
    recovered = busy.fork().step(everybody(busy, LETTER)).orders > 0
    assert np.array_equal(recovered, left)
    assert not (pitched & ~left).any()
    assert pitched.sum() / left.sum() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(left.sum()))


def test_refusals_rise_while_a_ticket_is_open() -> None:
    """Opt-outs multiply by the factor given."""
    scenario = eager().replace(
        mood={"opt_out_when_open": 4.0},
        channels={
            name: {**row.model_dump(), "opt_out": 0.1} for name, row in eager().channels.items()
        },
    )
    world = World(scenario, 4000, 3, newcomers=True)
    open_ = np.arange(world.size) % 2 == 0
    world.people.tickets[:] = open_
    world = refreshed(world)
    refused = world.step(everybody(world, NEWS)).opted_out
    assert refused[open_].mean() == pytest.approx(0.4, abs=0.044)
    assert refused[~open_].mean() == pytest.approx(0.1, abs=0.027)


def test_an_open_ticket_may_be_the_last_straw() -> None:
    """Members leave for good at the rate given per open day, and no others."""
    world = World(still().replace(mood={"leaves_per_open_day": 0.2}), 4000, 3, newcomers=True)
    world.people.rate[:] = 0.0
    open_ = np.arange(world.size) % 2 == 0
    world.people.tickets[:] = open_
    world = refreshed(world)
    world.step(nobody(world))
    gone = world.people.leaves == clock(world)
    assert not gone[~open_].any()
    assert gone[open_].mean() == pytest.approx(0.2, abs=4 * np.sqrt(0.16 / 2000))


def test_surveys_follow_purchases_and_show_sentiment(still: Scenario) -> None:
    """Scores follow the share given of purchases, rise with sentiment, and reach the features."""
    scenario = still.replace(
        purchases={"r": 80.0, "alpha_weeks": 20.0},
        mood={"nps_per_purchase": 0.5, "nps_mean": 6.0, "nps_sd": 1.0, "purchase_lift": 0.0},
    )
    world = World(scenario, 6000, 3, newcomers=True)
    world.people.sentiment[:] = np.where(np.arange(world.size) % 2, 0.5, -0.5)
    world.people.sentiment_day[:] = clock(world)
    assert (world.people.nps == -1).all()
    column = world.schema.index("last_nps")
    assert np.isnan(world.contexts().raw[:, column]).all()
    bought = world.step(nobody(world)).orders > 0
    scored = world.people.nps >= 0
    assert not scored[~bought].any()
    assert scored[bought].mean() == pytest.approx(0.5, abs=4 * 0.5 / np.sqrt(bought.sum()))
    high = world.people.nps[scored & (np.arange(world.size) % 2 == 1)]
    low = world.people.nps[scored & (np.arange(world.size) % 2 == 0)]
    gain = 2 * 0.5 * scenario.mood.nps_gain
    assert high.mean() - low.mean() == pytest.approx(gain, abs=4 * 1.1 * np.sqrt(2 / low.size))
    raw = world.contexts().raw[:, column]
    assert np.array_equal(raw[scored], world.people.nps[scored])
    assert np.isnan(raw[~scored]).all()


def test_the_firm_hears_a_noisy_and_old_signal(still: Scenario) -> None:
    """The feature is what was measured then, with its noise, not what is felt now."""
    scenario = still.replace(mood={"signal_per_day": 0.5, "signal_sd": 0.1})
    world = World(scenario, 4000, 3, newcomers=True)
    world.people.rate[:] = 0.0
    world.people.sentiment[:] = -0.6
    world.people.sentiment_day[:] = clock(world)
    world = refreshed(world)
    assert not world.contexts().column("sentiment").any()
    world.step(nobody(world))
    heard = world.contexts().column("sentiment")
    measured = heard != 0.0
    assert measured.mean() == pytest.approx(0.5, abs=0.032)
    assert heard[measured].mean() == pytest.approx(-0.6, abs=4 * 0.1 / np.sqrt(measured.sum()))
    assert heard[measured].std() == pytest.approx(0.1, rel=0.1)


def test_sentiment_scales_the_response() -> None:
    """exp(gain * sentiment), as the expectation knows."""
    scenario = eager().replace(persuadability=all_groups(eager(), gain=1e-4))
    world = World(scenario, 200, 3, newcomers=True)
    world.people.rate[:] = 0.0
    world = refreshed(world)
    plain = world.expected_components(everybody(world, NEWS))["margin_minor"]
    world.people.sentiment[:] = -0.5
    world.people.sentiment_day[:] = clock(world)
    cross = refreshed(world).expected_components(everybody(world, NEWS))["margin_minor"]
    factor = np.exp(-0.5 * scenario.response.sentiment_gain)
    assert cross == pytest.approx(plain * factor, rel=1e-5)
