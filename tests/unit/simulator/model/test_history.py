"""The past of a population, and newcomers who have none."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model.history import YEAR_DAYS
from simulator.scenarios import Scenario
from simulator.state.columns import NEVER, PERIOD_DAYS
from simulator.world import World
from tests.support.worlds import PARETO, altered, clock, nobody


def test_newcomers_bought_once_and_nothing_else(reference: Scenario) -> None:
    """They joined yesterday; no contact, no click, no point, no ticket, no warm-up."""
    world = World(reference, 2000, 3, newcomers=True)
    people, contexts = world.people, world.contexts()
    assert world.day == 0
    assert (people.joined == clock(world) - 1).all()
    for name in ("tenure_days", "recency_days"):
        assert (contexts.column(name) == 1).all()
    assert (people.last_order == people.joined).all()
    assert (people.lifetime_orders == 1).mean() > 0.97
    assert np.array_equal(people.lifetime_orders, people.orders)
    for column in (
        people.points, people.issued, people.delivered, people.clicks, people.tickets,
        people.sentiment, people.wear, people.shadow_orders, people.visits,
    ):  # fmt: skip
        assert not column.any()
    assert not contexts.column("contacts_28d").any()
    assert (people.due_day == NEVER).all()
    welcome = world.catalogue.journeys.index("welcome")
    assert world.triggered()[:, welcome].all()


def test_newcomers_live_on_like_everybody(reference: Scenario) -> None:
    """Split batches agree, and the calendar is that of the scenario's start."""
    whole = World(reference, 40, 3, newcomers=True)
    part = World(reference, 15, 3, first_customer=25, newcomers=True)
    for _ in range(5):
        whole.step(nobody(whole))
        part.step(nobody(part))
    for name, block in part.people.blocks().items():
        np.testing.assert_array_equal(block, whole.people.blocks()[name][:, 25:], err_msg=name)


@pytest.mark.parametrize("pareto", [False, True])
def test_the_past_adds_up(still: Scenario, pareto: bool) -> None:
    """Buckets, totals and dates of past purchases agree with each other, and so do points."""
    scenario = altered(still, purchases=PARETO) if pareto else still
    world = World(scenario, 3000, 3)
    people, now = world.people, clock(world)
    assert now == 0
    assert np.array_equal(people.orders, people.order_buckets.sum(axis=0))
    assert np.array_equal(people.spend, people.spend_buckets.sum(axis=0))
    assert (people.orders <= people.lifetime_orders).all()
    assert (people.spend <= people.lifetime_spend).all()
    assert (people.lifetime_orders >= 1).all()
    young = people.joined >= -YEAR_DAYS
    assert np.array_equal(people.orders[young], people.lifetime_orders[young])
    assert (people.orders[people.last_order < -YEAR_DAYS] == 0).all()
    ages = -people.joined
    assert ages.min() >= 1
    assert ages.max() <= scenario.population.tenure_days_max
    assert ages.mean() == pytest.approx(scenario.population.tenure_days_max / 2, rel=0.05)
    newest = (people.order_buckets[11] > 0) == (people.last_order >= -PERIOD_DAYS)
    assert newest.all()
    assert not people.order_buckets[0].any()  # the period that begins today
    assert np.array_equal(people.points, people.point_buckets.sum(axis=0))
    assert np.array_equal(people.issued - people.redeemed, people.points)
    thresholds = np.array([tier.from_spend_minor for tier in scenario.tiers])
    assert np.array_equal(people.tier, np.searchsorted(thresholds, people.spend, "right") - 1)


def test_favourites_have_the_shares_of_the_scenario(still: Scenario) -> None:
    """Favourite categories and places are drawn by the shares of purchases."""
    people = World(still, 10_000, 3).people
    for found, shares in (
        (people.favourite, [row.share for row in still.categories]),
        (people.place, list(still.stores.model_dump().values())),
    ):
        assert np.bincount(found) / 10_000 == pytest.approx(shares, abs=0.02)


def test_baskets_and_birthdays_are_spread(still: Scenario) -> None:
    """Mean log baskets scatter as fitted, birthdays fall on every day of the year alike."""
    people = World(still, 20_000, 3).people
    assert people.basket.mean() == pytest.approx(still.spend.mu, abs=0.015)
    assert people.basket.std() == pytest.approx(still.spend.sigma_between, rel=0.03)
    assert people.birthday.min() == 0
    assert people.birthday.max() == 364
    assert np.bincount(people.birthday, minlength=365).max() < 55 * 2
