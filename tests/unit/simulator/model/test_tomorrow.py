"""How a member stands: the pull of rewards, whom it moves, and what they are woken for."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model.tomorrow import closeness
from simulator.scenarios import Scenario
from simulator.state.columns import NEVER
from simulator.world import World
from tests.support.worlds import any_contact, clock, nobody, refreshed, still


@pytest.mark.parametrize(
    ("spend", "share"), [(0, 0.0), (5_000, 0.0), (10_000, 0.0), (20_000, 0.5), (90_000, 1.0)]
)
def test_closeness_is_the_share_of_the_way(spend: int, share: float) -> None:
    """From 10,000 to 30,000 minor units; at the top there is nowhere to go."""
    assert closeness(spend, 10_000, 30_000, False) == share
    assert closeness(spend, 80_000, 2**62, True) == 0.0


@pytest.fixture
def member() -> World:
    """Members with a rate of 0.02 a day who react fully, under known gradients."""
    scenario = still().replace(
        challenges={"goal_gradient": 0.2},
        loyalty={"tier_gradient": 0.3, "points_gradient": 0.4},
    )
    world = World(scenario, 20, 3, newcomers=True)
    people = world.people
    people.rate[:] = 0.02
    people.flexible[:] = 1.0
    people.leaves[:] = NEVER
    people.tier[:] = people.points[:] = people.spend[:] = 0
    return world


def own_rate(world: World) -> np.ndarray:
    """The rates once what was written is noticed."""
    return refreshed(world).people.own_rate


def test_pull_of_a_challenge(member: World) -> None:
    """Two of four purchases done is half of the gradient; a finished challenge pulls no more."""
    people = member.people
    people.challenge_end[:] = clock(member) + 10
    people.challenge_target[:] = 4
    people.challenge_done[:] = 2
    assert own_rate(member) == pytest.approx(0.02 * (1 + 0.2 * 0.5))
    people.challenge_end[:] = clock(member)
    assert own_rate(member) == pytest.approx(0.02)


def test_pull_of_the_next_tier(member: World) -> None:
    """Nothing in the first half of the way, all of it just below the threshold."""
    people = member.people
    people.tier[:] = 1
    for spend, way in ((10_000, 0.0), (20_000, 0.0), (25_000, 0.5), (29_999, 1.0)):
        people.spend[:] = spend
        assert own_rate(member) == pytest.approx(0.02 * (1 + 0.3 * way), rel=1e-3)
    people.tier[:] = 3
    people.spend[:] = 200_000
    assert own_rate(member) == pytest.approx(0.02)


def test_pull_of_a_reward(member: World) -> None:
    """It grows with the balance up to the threshold and is gone beyond it."""
    for points, share in ((0, 0.0), (250, 0.5), (499, 0.998), (500, 0.0), (5000, 0.0)):
        member.people.points[:] = points
        assert own_rate(member) == pytest.approx(0.02 * (1 + 0.4 * share), rel=1e-5)


def test_frequent_customers_hardly_react(reference: Scenario) -> None:
    """The pull fades as exp(-rate / flexible_per_day): Hartmann & Viard."""
    scenario = reference.replace(warm_up={"days": 0}, loyalty={"points_gradient": 1.0})
    world = World(scenario, 2000, 3)
    people = world.people
    wanted = np.exp(-people.rate / scenario.loyalty.flexible_per_day)
    assert people.flexible == pytest.approx(wanted, rel=1e-5)
    people.leaves[:] = NEVER
    people.points[:] = 0
    plain = own_rate(world)
    people.points[:] = 450
    pull = own_rate(world) / plain - 1.0
    rare, often = people.rate < 0.001, people.rate > 0.05
    assert rare.sum() > 50
    assert often.sum() > 10
    assert (pull[rare] > 0.8).all()
    assert (pull[often] < 0.25).all()


def test_a_pull_raises_purchases() -> None:
    """Members near a reward buy more often by the gradient, as lived."""
    scenario = still().replace(
        loyalty={"points_gradient": 1.0}, wallet={"redeem_from": 100_000, "points_per_major": 0.0}
    )
    world = World(scenario, 6000, 3, newcomers=True)
    people = world.people
    people.rate[:] = 0.05
    people.flexible[:] = 1.0
    people.drop_out[:] = 0.0
    near = np.arange(world.size) % 2 == 0
    people.points[:] = people.issued[:] = np.where(near, 99_999, 0)
    people.point_buckets[0] = people.points
    world = refreshed(world)
    bought = sum(world.step(nobody(world)).orders for _ in range(15))
    ratio = bought[near].mean() / bought[~near].mean()  # type: ignore[index]
    assert ratio == pytest.approx((1 - np.exp(-0.1)) / (1 - np.exp(-0.05)), rel=0.1)


def test_everybody_is_woken_in_time(lively: Scenario) -> None:
    """Nothing that is scheduled is ever in the past: landings, ends, links, departures."""
    world = World(lively, 400, 3)
    rng = np.random.default_rng(0)
    for _ in range(60):
        world.step(any_contact(world, rng))
        people, now = world.people, clock(world)
        assert (people.due_day >= now).all()
        assert (people.redeem_day >= now).all()
        assert (people.wake >= now).all()
        running = people.challenge_end > 0
        assert (people.challenge_end[running] > now).all()
        assert not people.own_rate[people.leaves <= now].any()
        assert not people.visit_rate[people.leaves <= now].any()
        assert (people.wake[people.tickets > 0] == now).all()
        assert not people.shadow_orders[people.link_day <= now].any()
        fresh = refreshed(world).people
        np.testing.assert_array_equal(people.own_rate, fresh.own_rate)
        np.testing.assert_array_equal(people.visit_rate, fresh.visit_rate)
        np.testing.assert_array_equal(people.wake, fresh.wake)
