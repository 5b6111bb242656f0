"""The programme's terms: what is allowed, for whom they hold, and what they change."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simulator.model.programme import Programme
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import nobody, still
from troth.errors import InvalidArgument

TERMS: dict[str, Any] = {
    "points_per_major": 10.0,
    "point_value_minor": 1.0,
    "redeem_from": 500,
    "challenge_difficulty": 1.0,
}


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("points_per_major", -0.5, "-0.5 is outside 0..1000"),
        ("points_per_major", [1.0, 1001.0], "1001 is outside"),
        ("point_value_minor", 101, "101 is outside 0..100"),
        ("redeem_from", 0, "0 is outside 1.."),
        ("redeem_from", float("nan"), "nan is outside"),
        ("challenge_difficulty", np.array([[0.05]]), "0.05 is outside 0.1..10"),
        ("challenge_difficulty", float("inf"), "inf is outside"),
    ],
)
def test_terms_out_of_range_are_named(field: str, value: Any, says: str) -> None:
    """The error says which term, the first wrong value and the range, in one line."""
    with pytest.raises(InvalidArgument, match=says) as caught:
        Programme(**{**TERMS, field: value})
    assert caught.value.field == field
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("field", list(TERMS))
def test_terms_for_another_number_of_members_are_refused(field: str, world: World) -> None:
    """An array must have one term per customer; nothing changes."""
    before = world.people.copy()
    with pytest.raises(InvalidArgument, match=r"\(7,\) is not \(300,\)") as caught:
        world.set_programme(Programme(**{**TERMS, field: np.full(7, TERMS[field])}))
    assert caught.value.field == field
    for name, block in world.people.blocks().items():
        np.testing.assert_array_equal(block, before.blocks()[name])
    assert world.programme.points_per_major == world.scenario.wallet.points_per_major


def test_a_world_starts_with_the_scenario_s_own_terms(brisk: Scenario) -> None:
    """And putting them in force again changes nothing."""
    world = World(brisk, 200, 3)
    own = world.programme
    assert own.points_per_major == brisk.wallet.points_per_major
    assert own.point_value_minor == brisk.economics.point_value_minor
    assert own.redeem_from == brisk.wallet.redeem_from
    assert own.challenge_difficulty == 1.0
    twin = world.fork()
    twin.set_programme(own)
    assert (world.people.generous == 1.0).all()
    for name, block in world.people.blocks().items():
        np.testing.assert_array_equal(block, twin.people.blocks()[name])


def test_one_term_for_all_is_that_term_for_each(world: World) -> None:
    """A number and an array of it are the same programme; so is a fork's, and only its own."""
    one, each = world.fork(), world.fork()
    one.set_programme(Programme(5.0, 2.0, 800, 1.5))
    each.set_programme(Programme(*(np.full(300, v) for v in (5.0, 2.0, 800.0, 1.5))))
    for name, block in one.people.blocks().items():
        np.testing.assert_array_equal(block, each.people.blocks()[name])
    assert (world.people.earn == 10.0).all()
    np.testing.assert_array_equal(one.expected_rewards(), each.expected_rewards())
    assert not np.array_equal(one.expected_rewards(), world.expected_rewards())


def test_generosity_raises_purchases() -> None:
    """Rates move by the return on spend to the power of the elasticity, as lived."""
    scenario = still().replace(
        purchases={"r": 40.0, "alpha_weeks": 60.0, "a": 0.001, "b": 1000.0},
        wallet={"generosity_elasticity": 0.5},
    )
    world = World(scenario, 8000, 3, newcomers=True)
    rich = np.arange(world.size) % 2 == 0
    value = np.where(rich, 4.0, 1.0)
    world.set_programme(Programme(10.0, value, 500))
    assert world.people.generous == pytest.approx(np.where(rich, 2.0, 1.0))
    bought = np.zeros(world.size)
    rate = world.people.rate.astype(float)
    for _ in range(10):
        bought += world.step(nobody(world)).orders
    wanted = (1 - np.exp(-2 * rate[rich])).mean() / (1 - np.exp(-rate[~rich])).mean()
    assert bought[rich].mean() / bought[~rich].mean() == pytest.approx(wanted, rel=0.08)


def test_points_worth_nothing_are_no_return() -> None:
    """A programme that gives nothing slows purchases, but does not stop them."""
    scenario = still().replace(wallet={"generosity_elasticity": 0.5})
    world = World(scenario, 100, 3)
    world.set_programme(Programme(0.0, 1.0, 500))
    assert world.people.generous == pytest.approx(np.sqrt(1e-3))
    assert not world.expected_components(nobody(world))["points_minor"].any()
    free = World(still().replace(wallet={"points_per_major": 0.0}), 100, 3)
    assert (free.people.generous == 1.0).all()


def test_terms_hold_from_today_on(still: Scenario) -> None:
    """Today's purchases earn by today's terms, whose return alone moves the rate."""
    world = World(still, 300, 3)
    world.set_programme(Programme(20.0, 1.0, 500))
    actions = nobody(world)
    twice = world.expected_components(actions)["points_minor"]
    world.set_programme(Programme(10.0, 2.0, 500))
    same_return = world.expected_components(actions)["points_minor"]
    assert same_return == pytest.approx(twice)
    world.set_programme(Programme(10.0, 1.0, 500))
    once = world.expected_components(actions)["points_minor"]
    assert once.sum() < 0.6 * twice.sum()


def test_a_redemption_threshold_of_each_member() -> None:
    """Members redeem in multiples of their own threshold."""
    scenario = still().replace(
        purchases={"r": 80.0, "alpha_weeks": 10.0}, wallet={"redeem_chance": 1.0}
    )
    world = World(scenario, 300, 3, newcomers=True)
    world.people.points[:] = world.people.issued[:] = world.people.point_buckets[0] = 1000
    lots = np.array([100, 300, 2000] * 100)
    world.set_programme(Programme(10.0, 1.0, lots))
    bought = world.step(nobody(world)).orders == 1
    for lot, taken in ((100, 1000), (300, 900), (2000, 0)):
        assert (world.people.redeemed[bought & (lots == lot)] == taken).all()
