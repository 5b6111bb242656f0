"""Purchases and hidden departures against the closed forms of Pareto/NBD and BG/NBD."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import hyp2f1

from simulator.model import purchases
from simulator.scenarios import Scenario
from simulator.scenarios.processes import ParetoFigures, PurchaseFigures
from simulator.state.columns import NEVER
from simulator.world import World
from tests.support.worlds import (
    all_groups,
    altered,
    clock,
    eager,
    everybody,
    nobody,
    refreshed,
    still,
)

BG = PurchaseFigures(r=0.9, alpha_weeks=8.0, a=0.8, b=2.5)
PARETO = ParetoFigures(r=0.9, alpha_weeks=8.0, s=0.8, beta_weeks=15.0)
STORY = "welcome/1/welcome_story/email"


def under(figures: PurchaseFigures | ParetoFigures) -> Scenario:
    """Nothing but own purchases by this process."""
    return altered(still(), purchases=figures.model_dump())


def bg_nbd_mean(figures: PurchaseFigures, weeks: np.ndarray) -> np.ndarray:
    """E[X(t)], Fader, Hardie & Lee 2005, equation 9."""
    a, b, r, alpha = figures.a, figures.b, figures.r, figures.alpha_weeks
    term = (alpha / (alpha + weeks)) ** r * hyp2f1(r, b, a + b - 1, weeks / (alpha + weeks))
    return (a + b - 1) / (a - 1) * (1 - term)


def pareto_nbd_mean(figures: ParetoFigures, weeks: np.ndarray) -> np.ndarray:
    """E[X(t)], Schmittlein, Morrison & Colombo 1987, equation 17."""
    r, alpha, s, beta = figures.r, figures.alpha_weeks, figures.s, figures.beta_weeks
    return r * beta / (alpha * (s - 1)) * (1 - (beta / (beta + weeks)) ** (s - 1))


def test_traits_have_their_means() -> None:
    """Rates give days with a purchase, departures are per day, drop-out is a share."""
    u = (np.arange(100_000) + 0.5) / 100_000
    days = 1.0 - np.exp(-purchases.draw_rates(BG, u))
    assert days.mean() == pytest.approx(0.9 / 8.0 / 7, rel=1e-3)
    assert purchases.draw_departures(PARETO, u).mean() == pytest.approx(0.8 / 15.0 / 7, rel=1e-3)
    assert purchases.draw_drop_out(BG, u).mean() == pytest.approx(0.8 / 3.3, rel=1e-3)
    assert purchases.draw_rates(PurchaseFigures(r=0.01, alpha_weeks=9.0, a=1.0, b=1.0), u).min() > 0


def test_lifetimes_are_pareto() -> None:
    """P(still a member t weeks after joining) = (beta / (beta + t)) ** s, at every t."""
    people = World(under(PARETO), 20_000, 5, newcomers=True).people
    weeks = (people.leaves - people.joined - 1) / 7.0
    for t in (0.5, 2.0, 10.0, 30.0, 100.0, 500.0):
        share = (15.0 / (15.0 + t)) ** 0.8
        alive = (weeks >= t).mean()
        assert alive == pytest.approx(share, abs=4 * np.sqrt(share * (1 - share) / 20_000)), t


@pytest.mark.parametrize(("figures", "mean"), [(BG, bg_nbd_mean), (PARETO, pareto_nbd_mean)])
def test_newcomers_buy_as_the_process_says(figures, mean) -> None:  # type: ignore[no-untyped-def]
    """E[X(t)] of members left alone for t days, at several t, and nobody buys once gone."""
    world = World(under(figures), 20_000, 6, newcomers=True)
    bought = np.zeros(world.size)
    for day in range(150):
        gone = world.people.leaves <= clock(world)
        orders = world.step(nobody(world)).orders
        assert not orders[gone].any()
        bought += orders
        if day + 1 in (30, 90, 150):
            # The day of joining is over on the first morning.
            first, last = mean(figures, np.array([1 / 7.0, (day + 2) / 7.0]))
            error = bought.std() / np.sqrt(world.size)
            assert bought.mean() == pytest.approx(last - first, abs=4 * error)


@pytest.mark.parametrize(("figures", "mean"), [(BG, bg_nbd_mean), (PARETO, pareto_nbd_mean)])
def test_the_past_is_that_of_the_process(figures, mean) -> None:  # type: ignore[no-untyped-def]
    """Purchases before day 0 are those expected over each member's tenure."""
    people = World(under(figures), 20_000, 7).people
    repeats = people.lifetime_orders - 1
    expected = mean(figures, -people.joined / 7.0)
    error = (repeats - expected).std() / np.sqrt(len(people))
    assert repeats.mean() == pytest.approx(expected.mean(), abs=4 * error)
    assert (people.last_order >= people.joined).all()
    assert (people.last_order < people.leaves).all()


def test_departure_is_hidden_and_announced_by_visits() -> None:
    """In the last weeks visits fall to the share given while purchases go on as before."""
    scenario = under(PARETO).replace(visits={"fade_days": 30, "fade_visits": 0.25})
    world = World(scenario, 4000, 8, newcomers=True)
    people, now = world.people, clock(world)
    people.leaves[:] = np.where(np.arange(world.size) % 2, now + 15, now + 400)
    people.rate[:] = 0.05
    world = refreshed(world)
    people = world.people
    leaving = people.leaves == now + 15
    assert np.allclose(people.visit_rate[leaving], 0.25 * people.visit_rate[~leaving][0])
    assert np.allclose(people.own_rate, people.own_rate[0])
    orders = np.zeros(world.size)
    for _ in range(15):
        orders += world.step(nobody(world)).orders
    gap = np.exp(-(clock(world) - people.visits_day) / 28.0)
    visits = people.visits * gap
    assert visits[leaving].mean() == pytest.approx(0.25 * visits[~leaving].mean(), rel=0.1)
    spread = 4 * np.sqrt(2 * orders.var() / (world.size / 2))
    assert orders[leaving].mean() == pytest.approx(orders[~leaving].mean(), abs=spread)
    assert not people.own_rate[leaving].any()
    assert not people.visit_rate[leaving].any()


def test_visits_come_at_their_rate() -> None:
    """A member visits ``per_purchase`` times as often as they buy, as the feature shows."""
    scenario = under(PARETO).replace(visits={"per_purchase": 4.0, "fade_days": 0})
    world = World(scenario, 4000, 8, newcomers=True)
    world.people.leaves[:] = NEVER
    world.people.rate[:] = 0.05
    world = refreshed(world)
    for _ in range(40):
        world.step(nobody(world))
    seen = world.contexts().column("visits_28d")
    kept = np.exp(-np.arange(1, 41) / 28.0).sum()
    assert seen.mean() == pytest.approx(0.2 * kept, abs=4 * seen.std() / np.sqrt(world.size))


def test_clicks_fade_before_a_departure() -> None:
    """Members about to leave click with the share given, whatever else they do."""
    scenario = eager().replace(visits={"fade_days": 30, "fade_clicks": 0.4})
    world = World(scenario, 4000, 8, newcomers=True)
    leaving = np.arange(world.size) % 2 == 0
    world.people.leaves[:] = np.where(leaving, clock(world) + 20, NEVER)
    result = refreshed(world).step(everybody(world, STORY))
    assert result.clicked[~leaving].all()
    assert result.clicked[leaving].mean() == pytest.approx(0.4, abs=4 * np.sqrt(0.24 / 2000))
    assert result.opened.all()


def test_sentiment_falls_when_a_member_begins_to_leave() -> None:
    """The shock counts in full on that night, however long ago they were last moved."""
    scenario = under(PARETO).replace(visits={"fade_days": 30, "fade_shock": 0.3})
    world = World(scenario, 100, 8, newcomers=True)
    people, now = world.people, clock(world)
    people.leaves[:] = now + 32
    people.rate[:] = 0.0
    people.sentiment[:] = 0.5
    people.sentiment_day[:] = now - 300
    world = refreshed(world)
    world.step(nobody(world))
    assert (world.people.sentiment == 0.5).all()
    world.step(nobody(world))
    assert (world.people.sentiment_day == now + 2).all()
    assert world.people.sentiment == pytest.approx(-0.3, abs=1e-5)


def test_a_purchase_wins_a_lapsed_member_back() -> None:
    """They buy because of a contact, are members again, and get a lifetime of their own."""
    scenario = altered(eager(), purchases=PARETO.model_dump())
    world = World(scenario, 4000, 9, newcomers=True)
    world.people.leaves[:] = clock(world) - 10
    world.people.departs[:] = 1 / 50.0
    world = refreshed(world)
    assert not world.people.own_rate.any()
    result = world.step(everybody(world, STORY))
    landing = result.delay["purchased"]
    assert (landing >= 1).all()
    for day in range(1, 31):
        assert (world.people.own_rate[landing > day - 1] == 0.0).all()
        world.step(nobody(world))
    back = landing < 30
    assert back.mean() > 0.99
    lifetime = world.people.leaves[back] - landing[back] - 1
    assert lifetime.mean() == pytest.approx(49.5, abs=4 * 50 / np.sqrt(back.sum()))


def test_marketing_does_not_kill() -> None:
    """Purchases that contacts bring about carry no risk of leaving."""
    figures = PurchaseFigures(r=1e-4, alpha_weeks=1000.0, a=50.0, b=1.0)
    world = World(altered(eager(), purchases=figures.model_dump()), 500, 9, newcomers=True)
    for day in range(20):
        actions = everybody(world, STORY) if day < 10 else nobody(world)
        world.step(actions)
    assert world.people.lifetime_orders.min() >= 2
    assert (world.people.leaves == NEVER).all()


def test_lapsed_members_respond_less() -> None:
    """Who has left answers with the share ``lapsed`` of the response of one who has not."""
    scenario = eager().replace(
        response={"lapsed": 0.3, "ceiling": 1.0}, persuadability=all_groups(eager(), gain=1e-4)
    )
    world = World(scenario, 100, 9, newcomers=True)
    gone = world.fork()
    gone.people.leaves[:] = clock(world)
    gone = refreshed(gone)
    actions = everybody(world, STORY)
    here = world.expected_components(actions)["margin_minor"]
    assert gone.expected_components(actions)["margin_minor"] == pytest.approx(0.3 * here, rel=1e-6)
