"""The points ledger and the tiers."""

from __future__ import annotations

import numpy as np
import pytest

from simulator import wallet
from simulator.population import BUCKETS, Population
from simulator.scenarios import Scenario
from simulator.truth import choose
from simulator.world import World
from troth.policy import normalise


class Anything:
    """Any eligible action, all alike."""

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """Uniform."""
        return normalise(np.ones(mask.shape), mask)


def balanced(people: Population) -> bool:
    """Balance, buckets and flows agree to the last point."""
    flows = people.earned - people.burned - people.expired
    return (
        np.array_equal(people.points, flows)
        and np.array_equal(people.points, people.point_buckets.sum(axis=0))
        and bool((people.point_buckets >= 0).all())
    )


def test_ledger_balances_through_a_year(busy: Scenario) -> None:
    """Points are neither made nor lost: earned = balance + burned + expired, in integers."""
    world = World(busy, 60, 1)
    for _ in range(400):
        world.step(choose(world, Anything()))
    people = world._people
    assert balanced(people)
    assert people.expired.sum() > 0
    assert people.burned.sum() > 0
    assert np.array_equal(people.spend, people.spend_buckets.sum(axis=0))
    assert np.array_equal(people.orders, people.order_buckets.sum(axis=0))


def test_points_expire_after_twelve_periods(world: World) -> None:
    """A lot earned today lasts eleven period ends and lapses at the twelfth."""
    people, row = world._people, np.array([0])
    table = wallet.TierTable.of(world.scenario.tiers)
    wallet.burn(people, row)
    wallet.earn(people, row, np.array([70]))
    for _ in range(BUCKETS - 1):
        wallet.end_period(people, table)
    assert people.points[0] == people.point_buckets[-1, 0] == 70
    wallet.end_period(people, table)
    assert people.points[0] == 0
    assert balanced(people)


def test_tiers_rise_at_once_and_fall_at_a_period_end(world: World) -> None:
    """Crossing a threshold counts today; losing the qualifying spend counts at the period's end."""
    people, row = world._people, np.array([0])
    table = wallet.TierTable.of(world.scenario.tiers)
    for _ in range(BUCKETS):
        wallet.end_period(people, table)
    assert people.tier[0] == 0
    wallet.spend(people, table, row, np.array([30_000.0]))
    assert people.tier[0] == 2
    for _ in range(BUCKETS):
        assert people.tier[0] == 2
        wallet.end_period(people, table)
    assert people.tier[0] == 0


def test_distance_to_the_next_tier(reference: Scenario) -> None:
    """Tier points are major units; at the top nothing is left to reach."""
    table = wallet.TierTable.of(reference.tiers)
    spend = np.array([0, 5_000, 10_000, 90_000])
    tier = table.of_spend(spend)
    assert tier.tolist() == [0, 0, 1, 3]
    assert table.to_next(tier, spend) == pytest.approx([100.0, 50.0, 200.0, 0.0])
    assert table.closeness(tier, spend) == pytest.approx([0.0, 0.5, 0.0, 0.0])


def test_base_points_are_whole(reference: Scenario) -> None:
    """Points round down; the tier multiplies them."""
    table = wallet.TierTable.of(reference.tiers)
    points = wallet.base_points(
        reference.wallet, table, np.array([0, 3], np.uint8), np.array([1999.0, 1999.0])
    )
    assert points.tolist() == [199, 399]
