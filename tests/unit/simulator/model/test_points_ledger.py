"""The points ledger and the tiers: what burns first, what expires when, what a demotion costs."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from simulator.model import points_ledger
from simulator.model.programme import Programme
from simulator.model.rules import Rules
from simulator.scenarios import Scenario
from simulator.state import columns as col
from simulator.state.population import Population
from simulator.world import World
from tests.support.worlds import altered, any_contact, clock, lively, nobody, refreshed, still

TIERS = Rules.of(still()).tables.tiers


def balanced(people: Population) -> bool:
    """Balance, buckets and flows agree to the last point; the year's sums to the last unit."""
    flows = people.issued - people.redeemed - people.expired
    return (
        np.array_equal(people.points, flows)
        and np.array_equal(people.points, people.point_buckets.sum(axis=0))
        and bool((people.point_buckets >= 0).all())
        and np.array_equal(people.spend, people.spend_buckets.sum(axis=0))
        and np.array_equal(people.orders, people.order_buckets.sum(axis=0))
    )


def purse(**buckets: int) -> Population:
    """One member with points by period."""
    people = Population.empty(0, 1)
    for name, points in buckets.items():
        people.point_buckets[int(name.removeprefix("p")), 0] = points
    people.points[:] = people.issued[:] = people.point_buckets.sum()
    return people


@pytest.mark.parametrize(
    ("points", "left", "burnt"),
    [
        (50, [10, 20, 0], 50),  # all of the oldest, whose bucket comes next in the ring
        (65, [0, 15, 0], 65),  # then last year's rest, then this period's
        (1000, [0, 0, 0], 80),  # never more than there is
        (0, [10, 20, 50], 0),
    ],
)
def test_points_burn_oldest_first(points: int, left: list[int], burnt: int) -> None:
    """In period 5 bucket 6 is the oldest, then 11, then 5 itself."""
    people = purse(p11=10, p5=20, p6=50)
    points_ledger.burn(people.memory.ints, people.memory.longs, 0, points, 5)
    assert people.point_buckets[[11, 5, 6], 0].tolist() == left
    assert people.redeemed[0] == burnt
    assert balanced(people)


def test_points_expire_after_twelve_periods() -> None:
    """A lot lasts eleven period ends and lapses at the twelfth, in a world left alone."""
    world = World(still().replace(wallet={"redeem_chance": 0.0}), 20, 1, newcomers=True)
    people = world.people
    people.rate[:] = 0.0
    people.points[:] = people.issued[:] = people.point_buckets[0] = 70
    world = refreshed(world)
    for day in range(12 * col.PERIOD_DAYS):
        assert (world.people.points == 70).all(), day
        world.step(nobody(world))
    assert not world.people.points.any()
    assert (world.people.expired == 70).all()
    assert balanced(world.people)
    assert world.ledger().breakage_share == 1.0


def test_the_ledger_balances_on_every_day_of_a_year() -> None:
    """Points are neither made nor lost, through gifts, thefts, awards, links and expiry."""
    scenario = lively().replace(wallet={"redeem_chance": 0.1, "redeem_from": 300})
    world = World(scenario, 120, 1)
    rng = np.random.default_rng(0)
    for _ in range(390):
        before = world.people.copy()
        world.step(any_contact(world, rng))
        people = world.people
        assert balanced(people)
        for name in ("issued", "redeemed", "expired"):
            assert (getattr(people, name) >= getattr(before, name)).all()
        ledger = world.ledger()
        assert ledger.issued == ledger.redeemed + ledger.expired + ledger.outstanding
        assert ledger.outstanding == people.points.sum()
    assert ledger.redeemed > 0
    assert ledger.expired > 0
    assert 0.0 < ledger.breakage_share < 1.0


def test_ledger_by_hand(still: Scenario) -> None:
    """Liability is what the outstanding points are charged at: value less breakage."""
    people = purse(p0=1000)
    people.redeemed[:], people.expired[:], people.issued[:] = 60, 20, 1080
    people.point_value[:] = 1.5
    ledger = points_ledger.Ledger.of(people, 0.3)
    assert ledger == points_ledger.Ledger(1080, 60, 20, 1000, 1050, 0.25)
    world = World(still, 50, 2)
    assert world.ledger().liability_minor == round(0.7 * world.people.points.sum())


def test_a_purchase_earns_by_basket_tier_and_terms() -> None:
    """Points are round(major units * earn rate * tier's factor), and their liability too."""
    scenario = still().replace(
        purchases={"r": 80.0, "alpha_weeks": 10.0}, wallet={"redeem_chance": 0.0}
    )
    world = World(scenario, 2000, 3, newcomers=True)
    world.people.tier[:] = np.arange(world.size) % 4
    world.set_programme(Programme(7.0, 2.0, 500))
    before = world.people.copy()
    result = world.step(nobody(world))
    once = result.orders == 1
    factor = np.array([tier.earn_factor for tier in scenario.tiers])[before.tier]
    earned = np.rint(result.spend_minor / 100.0 * 7.0 * factor).astype(np.int64)
    issued = world.people.issued - before.issued
    assert once.sum() > 1000
    assert np.array_equal(issued[once], earned[once])
    assert not issued[~once].any()
    liability = np.rint(earned * 2.0 * (1.0 - scenario.economics.breakage))
    assert np.array_equal(result.components["points_minor"][once], liability[once])


def test_points_are_redeemed_in_multiples_before_new_ones_are_earned() -> None:
    """With 1,250 points and lots of 500 a purchase takes 1,000; below 500 nothing."""
    scenario = still().replace(
        purchases={"r": 80.0, "alpha_weeks": 10.0}, wallet={"redeem_chance": 1.0}
    )
    world = World(scenario, 400, 3, newcomers=True)
    people = world.people
    people.points[:] = people.issued[:] = np.where(np.arange(400) % 2, 1250, 499)
    people.point_buckets[:] = 0
    people.point_buckets[0] = people.points
    before = people.points.copy()
    bought = world.step(nobody(world)).orders == 1
    assert (people.redeemed[bought & (before == 1250)] == 1000).all()
    assert not people.redeemed[~bought | (before == 499)].any()
    assert balanced(people)


def test_the_tier_is_monotone_in_qualifying_spend() -> None:
    """More spend is never a lower tier; thresholds count as reached."""
    spend = np.arange(0, 100_000, 137)
    tiers = [points_ledger.tier_of(amount, 0, TIERS) for amount in spend]
    assert tiers == sorted(tiers)
    assert [points_ledger.tier_of(s, 0, TIERS) for s in (0, 9_999, 10_000, 30_000, 80_000)] == [
        0, 0, 1, 2, 3,
    ]  # fmt: skip
    assert points_ledger.tier_of(0, 2, TIERS) == 2  # up at once, down at a period's end only


def test_tiers_rise_at_once_and_fall_at_a_period_end() -> None:
    """Crossing a threshold counts with the purchase; losing the spend counts a year later."""
    people = Population.empty(0, 1)
    par = Rules.of(still()).par[0]
    points_ledger.qualify(
        people.memory.ints, people.memory.longs, people.memory.bytes, 0, 30_000, 0, TIERS
    )
    assert people.tier[0] == 2
    for period in range(1, col.BUCKETS + 1):
        assert people.tier[0] == 2
        morning = period * col.PERIOD_DAYS
        points_ledger.end_period(people.memory, 0, len(people), TIERS, par, morning)
    assert people.tier[0] == 0
    assert people.spend[0] == people.orders[0] == 0
    assert people.lifetime_spend[0] == 30_000


def demoted(scenario: Scenario) -> tuple[World, World]:
    """A world on whose first night every second member's qualifying year runs out, and its twin."""
    start = altered(scenario, purchases=scenario.purchases.model_dump())
    world = World(start, 4000, 3, newcomers=True)
    for _ in range(col.PERIOD_DAYS - 1):
        world.step(nobody(world))
    people = world.people
    people.leaves[:] = col.NEVER
    people.rate[:] = 0.2
    people.drop_out[:] = 0.0
    people.orders[:] = people.order_buckets[:] = 0
    people.spend[:] = people.spend_buckets[:] = 0
    people.sentiment[:] = 0.0
    loses = np.arange(world.size) % 2 == 0
    people.tier[:] = 1
    people.spend[:] = 12_000
    people.spend_buckets[1, loses] = 12_000
    people.spend_buckets[0, ~loses] = 12_000
    return refreshed(world), world


def test_demotion_hurts_for_a_while() -> None:
    """It costs sentiment at once, and the share given of purchases for ``demotion_days``."""
    scenario = still().replace(
        loyalty={"demotion_shock": 0.4, "demotion_drop": 0.5, "demotion_days": 20},
        mood={"purchase_lift": 0.0},
    )
    world, _ = demoted(scenario)
    world.step(nobody(world))
    people = world.people
    loses = np.arange(world.size) % 2 == 0
    still_silver = people.spend >= 10_000
    fallen = loses & ~still_silver
    assert fallen.mean() > 0.3
    assert (people.tier[fallen] == 0).all()
    assert (people.tier[~loses] >= 1).all()
    assert people.sentiment[fallen] == pytest.approx(-0.4, abs=1e-6)
    assert not people.sentiment[~loses].any()
    rate = 0.2 * world.people.generous
    assert people.own_rate[fallen] == pytest.approx(0.5 * rate[fallen])
    bought = np.zeros(world.size)
    for day in range(20):
        assert (people.own_rate[fallen] < 0.11).all(), day
        bought += world.step(nobody(world)).orders
    assert people.own_rate[fallen] == pytest.approx(rate[fallen])
    less, full = bought[fallen].mean() / 20, bought[~loses].mean() / 20
    assert less == pytest.approx(1 - np.exp(-0.1), rel=0.06)
    assert full == pytest.approx(1 - np.exp(-0.2), rel=0.06)


def _birthday(world: World) -> None:
    world.people.birthday[:] = world._morning.today.record["day_of_year"]


@pytest.mark.parametrize(
    ("loyalty", "prepare", "points"),
    [
        ({"birthday_points": 200, "gift_lift": 0.3}, _birthday, 200),
        ({"surprise_points": 90, "surprise_per_day": 1.0, "gift_lift": 0.3}, None, 90),
    ],
)
def test_gifts_are_issued_charged_and_felt(
    loyalty: dict[str, float], prepare: Callable[[World], None] | None, points: int
) -> None:
    """Birthdays and surprises credit points, cost their liability that day, and please."""
    world = World(still().replace(loyalty=loyalty), 200, 3, newcomers=True)
    if prepare:
        prepare(world)
    before = world.people.copy()
    result = world.step(nobody(world))
    idle = result.orders == 0
    gained = world.people.points - before.points
    assert (gained[idle] == points).all()
    charge = round(points * (1.0 - world.scenario.economics.breakage))
    for part in (result.components, result.landed):
        assert (part["points_minor"][idle] == charge).all()
    assert world.people.sentiment[idle] == pytest.approx(0.3)
    assert balanced(world.people)
    if prepare:
        assert clock(world) == 1
        again = world.step(nobody(world)).components["points_minor"]
        assert not again[(world.people.issued - before.issued) == points].any()
