"""Identity: what is bought unseen, the day it is linked, and strangers on a profile."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import Scenario
from simulator.state.columns import PERIOD_DAYS, SHADOW_SPEND
from simulator.world import World
from tests.support.worlds import clock, nobody, refreshed, still


@pytest.fixture(scope="module")
def apart() -> Scenario:
    """Everybody buys often, half of it under an identifier that is linked after a month or so."""
    return still().replace(
        purchases={"r": 40.0, "alpha_weeks": 40.0, "a": 0.01, "b": 100.0},
        identity={"late_share": 1.0, "unseen_share": 0.5, "link_days": 30.0},
        wallet={"redeem_chance": 0.0},
    )


def test_who_is_linked_late_and_when(reference: Scenario) -> None:
    """The share given has a second identifier, linked after an exponential time."""
    scenario = reference.replace(
        warm_up={"days": 0}, identity={"late_share": 0.3, "link_days": 40.0, "wrong_share": 0.2}
    )
    people = World(scenario, 20_000, 3).people
    late = people.link_day > 0
    assert late.mean() == pytest.approx(0.3, abs=0.013)
    assert people.link_day[late].mean() == pytest.approx(40.5, abs=4 * 40 / np.sqrt(late.sum()))
    assert people.stranger.mean() == pytest.approx(0.2, abs=0.012)


def test_unseen_purchases_show_on_the_day_of_the_link(apart: Scenario) -> None:
    """Until then no feature and no point tells of them; on that day all of them appear."""
    world = World(apart, 600, 4, newcomers=True)
    frequency = world.schema.index("frequency_365")
    bought = np.zeros(world.size, dtype=np.int64)
    spent = np.zeros(world.size, dtype=np.int64)
    hidden = np.zeros(world.size, dtype=np.int64)
    seen = np.zeros(world.size, dtype=np.int64)
    first = world.contexts().raw[:, frequency].copy()
    linked_with_some = 0
    for _ in range(70):
        before = world.people.copy()
        result = world.step(nobody(world))
        bought += result.orders
        spent += result.spend_minor
        people, now = world.people, clock(world)
        unseen = people.shadow_orders - before.shadow_orders > 0
        assert not (unseen & (before.link_day < now)).any()
        assert not result.landed["points_minor"][unseen].any()
        assert (people.issued == before.issued)[unseen].all()
        assert np.array_equal(result.landed["margin_minor"] > 0, result.orders > 0)
        links = people.link_day == now
        earns = (result.orders > 0) & ~unseen & ~links
        assert (result.landed["points_minor"][earns] > 0).all()
        appears = np.where(links, before.shadow_orders + (result.orders > 0), 0)
        grows = people.lifetime_orders - before.lifetime_orders
        assert np.array_equal(grows[links], appears[links])
        seen += np.where(links, 0, result.orders * ~unseen)
        hidden = np.where(links, 0, hidden + unseen)
        assert np.array_equal(people.shadow_orders, hidden)
        known = world.contexts().raw[:, frequency] - first
        assert np.array_equal(known, bought - hidden)
        assert np.array_equal(
            people.lifetime_spend
            + people.ints[SHADOW_SPEND]
            - before.lifetime_spend
            - before.ints[SHADOW_SPEND],
            result.spend_minor,
        )
        linked_with_some += int((appears > 1).sum())
    assert linked_with_some > 50
    assert hidden.sum() > 20
    settled = world.people.link_day < clock(world)
    recency = world.contexts().column("recency_days")
    assert np.array_equal(recency[settled], (clock(world) - world.people.last_order)[settled])


def test_the_share_given_goes_unseen(apart: Scenario) -> None:
    """Half of the purchases before the link; none with a share of nought, all with one."""
    for share in (0.0, 0.5, 1.0):
        scenario = apart.replace(identity={"unseen_share": share, "link_days": 3000.0})
        world = World(scenario, 2000, 4, newcomers=True)
        world.people.link_day[:] = 10_000
        bought = sum(int(world.step(nobody(world)).orders.sum()) for _ in range(10))
        unseen = int(world.people.shadow_orders.sum())
        assert unseen / bought == pytest.approx(share, abs=4 * 0.5 / np.sqrt(bought)), share
        if share in (0.0, 1.0):
            assert unseen == bought * share


def test_a_link_counts_on_a_period_s_first_day_and_for_the_tier(still: Scenario) -> None:
    """What is linked as a period begins is not a year old; the tier rises at once."""
    world = World(still, 50, 4, newcomers=True)
    for _ in range(PERIOD_DAYS - 2):
        world.step(nobody(world))
    people = world.people
    orders, spend = people.orders.copy(), people.spend.copy()
    people.rate[:] = 0.0
    people.shadow_orders[:] = 3
    people.ints[SHADOW_SPEND] = 40_000
    people.link_day[:] = PERIOD_DAYS
    world = refreshed(world)
    for _ in range(2):
        world.step(nobody(world))
    people = world.people
    assert clock(world) == PERIOD_DAYS
    assert np.array_equal(people.orders, orders + 3)
    assert np.array_equal(people.spend, spend + 40_000)
    assert np.array_equal(people.spend, people.spend_buckets.sum(axis=0))
    assert (people.tier == 2).all()


def test_strangers_turn_up_without_a_purchase(still: Scenario) -> None:
    """A wrong merge makes a member look busier; nobody earns, pays or buys anything."""
    scenario = still.replace(identity={"wrong_share": 0.5, "stranger_per_day": 0.3})
    world = World(scenario, 1000, 4, newcomers=True)
    world.people.rate[:] = 0.0
    world = refreshed(world)
    before = world.people.copy()
    for _ in range(10):
        result = world.step(nobody(world))
        assert not result.money.any()
        assert not result.orders.any()
        assert not result.purchased.any()
    people, merged = world.people, world.people.stranger.astype(bool)
    extra = people.orders - before.orders
    assert not extra[~merged].any()
    assert extra[merged].mean() == pytest.approx(3.0, abs=4 * np.sqrt(2.1 / merged.sum()))
    assert ((people.spend > before.spend) == (extra > 0)).all()
    assert np.array_equal(people.points, before.points)
    assert (world.contexts().column("recency_days")[extra > 0] <= 10).all()
