"""The calendar: what averages to one, what holds on which days, and what the firm misses."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pytest

from simulator.model import calendar
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import altered, eager, everybody, nobody, still
from troth.catalogue import CHANNELS, Channel

EMAIL, SMS = CHANNELS.index(Channel.EMAIL), CHANNELS.index(Channel.SMS)
STORY = "welcome/1/welcome_story/email"


def shocked(scenario: Scenario, *shocks: dict[str, Any]) -> Scenario:
    """``scenario`` with these shocks."""
    return altered(scenario, shocks=tuple({"name": "shock", **shock} for shock in shocks))


def test_season_and_weekday_average_to_one(reference: Scenario) -> None:
    """Each month's and each weekday's factor is its share of the mean, and no more."""
    fair = reference.replace(calendar={"weather_effect": 0.0})
    start = fair.start
    flat_week = fair.replace(calendar={"weekday_factors": [3.0] * 7})
    firsts = [(start.replace(year=2027, month=m, day=15) - start).days for m in range(1, 13)]
    months = [calendar.day(flat_week, 0, at).factor for at in firsts]
    given = np.array(fair.calendar.month_factors)
    assert months == pytest.approx(given / given.mean())
    assert np.mean(months) == pytest.approx(1.0)
    flat_year = fair.replace(calendar={"month_factors": [2.0] * 12})
    week = [calendar.day(flat_year, 0, at).factor for at in range(7)]  # the start is a Monday
    given = np.array(fair.calendar.weekday_factors)
    assert week == pytest.approx(given / given.mean())
    assert [calendar.day(fair, 0, at).weekend for at in range(7)] == [False] * 5 + [True] * 2


def test_drift_is_per_year(still: Scenario) -> None:
    """A year on, rates and responses have moved by their log changes."""
    drifting = still.replace(calendar={"drift_rate": 0.5, "drift_response": -0.3})
    day = calendar.day(drifting, 0, 1461)  # four years
    assert day.factor == pytest.approx(np.exp(2.0))
    assert day.response == pytest.approx(np.exp(-1.2))
    assert calendar.day(drifting, 0, 0).factor == 1.0


def test_weather_has_mean_one_and_a_memory(still: Scenario) -> None:
    """Log factors are a first-order autoregression of the size and memory given."""
    wet = still.replace(
        calendar={"weather_sigma": 1.5, "weather_memory_days": 3.0, "weather_effect": 0.2}
    )
    factors = np.array([calendar.day(wet, 4, at).factor for at in range(-10, 6000)])
    logs = np.log(factors) + 0.5 * 0.3**2
    assert factors.mean() == pytest.approx(1.0, abs=0.04)
    assert logs.std() == pytest.approx(0.3, rel=0.06)
    for lag in (1, 3, 6):
        correlation = np.corrcoef(logs[lag:], logs[:-lag])[0, 1]
        assert correlation == pytest.approx(np.exp(-lag / 3.0), abs=0.04), lag
    again = [calendar.day(wet, 4, at).factor for at in (7, 3)]
    assert again == [factors[17], factors[13]]
    assert calendar.day(wet, 5, 3).factor != factors[13]


def test_everybody_has_one_birthday_a_year(still: Scenario) -> None:
    """Days of the year do not repeat, not even in a leap year, and cover every birthday."""
    for year in (2026, 2028):
        start = (still.start.replace(year=year, month=1, day=1) - still.start).days
        end = (still.start.replace(year=year + 1, month=1, day=1) - still.start).days
        days = [calendar.day(still, 0, at).day_of_year for at in range(start, end)]
        assert len(set(days)) == len(days)
        assert set(range(365)) <= set(days)
    assert calendar.day(still, 0, -1).when == still.start - timedelta(days=1)


def test_shocks_hold_on_their_days_and_no_others(still: Scenario) -> None:
    """Factors begin on the first day and end with the last; what overlaps multiplies."""
    scenario = shocked(
        still,
        {"start_day": 3, "days": 4, "rate": 0.5, "basket": 2.0, "delivery": {"sms": 0.25}},
        {"start_day": 6, "days": 2, "rate": 3.0, "response": 0.1, "delivery": {"sms": 0.5}},
    )
    days = [calendar.day(scenario, 0, at) for at in range(10)]
    assert [day.factor for day in days] == [1, 1, 1, 0.5, 0.5, 0.5, 1.5, 3, 1, 1]
    assert [day.basket for day in days] == [1, 1, 1, 2, 2, 2, 2, 1, 1, 1]
    assert [day.response for day in days] == [1, 1, 1, 1, 1, 1, 0.1, 0.1, 1, 1]
    assert [day.delivery[SMS] for day in days] == [1, 1, 1, 0.25, 0.25, 0.25, 0.125, 0.5, 1, 1]
    assert all(day.delivery[EMAIL] == 1.0 for day in days)


def test_a_shock_moves_what_people_do(still: Scenario) -> None:
    """Rate, basket and delivery of the day are lived, not only announced."""
    often = still.replace(purchases={"r": 40.0, "alpha_weeks": 40.0})
    scenario = shocked(
        often, {"start_day": 1, "days": 1, "rate": 2.0, "basket": 3.0, "delivery": {"email": 0.3}}
    )
    world = World(scenario, 4000, 3, newcomers=True)
    plain, odd, after = (world.step(everybody(world, STORY)) for _ in range(3))
    for result, share in ((plain, 1.0), (odd, 0.3), (after, 1.0)):
        assert result.delivered.mean() == pytest.approx(share, abs=0.03)
    rate = world.people.rate[world.people.leaves > 3].mean()
    assert odd.orders.sum() / plain.orders.sum() == pytest.approx(2.0 - rate, rel=0.2)
    baskets = [r.spend_minor.sum() / r.orders.sum() for r in (plain, odd, after)]
    assert baskets[1] / baskets[0] == pytest.approx(3.0, rel=0.25)
    assert baskets[2] / baskets[0] == pytest.approx(1.0, rel=0.25)


def test_an_outage_delivers_nothing() -> None:
    """On the days of an outage its channel brings nothing, at full cost, as is expected."""
    scenario = eager().replace(firm={"outages_per_year": 60.0, "outage_days": 3})
    down = np.array([calendar.day(scenario, 3, at).delivery == 0.0 for at in range(120)])
    assert not down[:, 0].any()
    began = down[1:] & ~down[:-1]
    assert began.sum() > 30
    for c in range(1, len(CHANNELS)):
        runs = "".join("x" if x else " " for x in down[1:-1, c]).split()
        assert min(len(run) for run in runs[1:-1]) >= 3
    day = int(np.flatnonzero(down[:, EMAIL])[0])
    world = World(scenario, 50, 3, newcomers=True)
    for _ in range(day):
        assert world.step(nobody(world)).delivered.sum() == 0
    actions = everybody(world, STORY)
    assert (actions > 0).all()
    expected = world.expected_components(actions)["margin_minor"]
    assert np.array_equal(expected, world.expected_components(nobody(world))["margin_minor"])
    result = world.step(actions)
    assert not result.delivered.any()
    assert (result.components["contact_minor"] == 1).all()


def test_outages_are_as_frequent_as_said(reference: Scenario) -> None:
    """Every channel fails on its share of days, independently of the others."""
    scenario = reference.replace(firm={"outages_per_year": 20.0, "outage_days": 1})
    down = np.array([calendar.day(scenario, 3, at).delivery == 0.0 for at in range(3000)])[:, 1:]
    share = 20 / 365.25
    assert down.mean() == pytest.approx(share, abs=4 * np.sqrt(share / down.size))
    assert (down.sum(axis=1) >= 5).sum() < 5


def test_a_data_gap_hides_features_and_stops_journeys(still: Scenario) -> None:
    """Hidden features are NaN on the shock's days, encode as missing, and trigger nothing."""
    hides = ("recency_days", "tier")
    scenario = shocked(still, {"start_day": 1, "days": 2, "hides": hides})
    world = World(scenario, 300, 3)
    journey = world.catalogue.journeys.index("churn_recovery")
    of_journey = world.catalogue.journey == journey
    for day in range(4):
        contexts, gap = world.contexts(), day in (1, 2)
        world.schema.validate(contexts.raw)
        for name in hides:
            assert np.isnan(contexts.raw[:, world.schema.index(name)]).all() == gap
        assert not np.isnan(contexts.raw[:, world.schema.index("tenure_days")]).any()
        assert world.triggered()[:, journey].any() != gap
        assert world.mask()[:, of_journey].any() != gap
        assert np.isfinite(world.observe()).all()
        np.testing.assert_allclose(world.observe(), contexts.encoded, rtol=1e-5, atol=1e-6)
        if gap:
            at = world.schema.columns.index("recency_days")
            assert len(set(contexts.encoded[:, at])) == 1
        world.step(nobody(world))


def test_nothing_happens_in_a_still_world() -> None:
    """What the other tests switch on is off: a year passes without a trace but own purchases."""
    world = World(still(), 300, 3)
    before = world.people.copy()
    for _ in range(100):
        result = world.step(nobody(world))
        assert not result.answers[result.orders == 0].any()
    people, idle = world.people, world.people.lifetime_orders == before.lifetime_orders
    assert idle.sum() > 100
    assert np.array_equal(people.sentiment[idle], before.sentiment[idle])
    assert np.array_equal(people.issued[idle], before.issued[idle])
    assert not people.tickets.any()
    assert np.array_equal(people.permits, before.permits)
    assert np.array_equal(people.reach, before.reach)
