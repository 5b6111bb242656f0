"""Challenges: how hard they are, how they end, what they pay, what they do to buying."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model import challenges
from simulator.model.programme import Programme
from simulator.model.rules import Rules
from simulator.state.population import Population
from simulator.world import World
from tests.support.worlds import clock, eager, everybody, nobody, refreshed, still

INVITATION = "challenge/1/spring_challenge/email"


def target(orders: int, difficulty: float = 1.0) -> int:
    """The target of a member with ``orders`` in the past year: 45 days, stretch 1.5, 2 to 8."""
    people = Population.empty(0, 1)
    people.challenge_end[:] = -1
    people.orders[:] = orders
    people.difficulty[:] = difficulty
    challenges.start(people.memory.floats, people.memory.ints, 0, Rules.of(still()).par[0], 100)
    assert people.challenge_end[0] == 146
    assert people.challenge_done[0] == 0
    return int(people.challenge_target[0])


@pytest.mark.parametrize(
    ("orders", "difficulty", "wanted"),
    [
        (0, 1.0, 2),  # never below the least
        (10, 1.0, 2),  # 10 * 45 / 365 * 1.5 = 1.85
        (11, 1.0, 3),  # 2.03, rounded up
        (30, 1.0, 6),  # 5.55
        (300, 1.0, 8),  # never above the most
        (30, 0.5, 3),
        (30, 1.4, 8),
    ],
)
def test_the_target_adapts(orders: int, difficulty: float, wanted: int) -> None:
    """ceil(stretch * difficulty * pace * days), kept between the bounds."""
    assert target(orders, difficulty) == wanted


def test_a_challenge_runs_its_course() -> None:
    """Purchases are progress, the last one completes it, and further ones count for nothing."""
    people = Population.empty(0, 1)
    people.challenge_end[:] = -1
    people.difficulty[:] = 1.0
    people.orders[:] = 20
    assert not challenges.advance(people.memory.ints, 0)
    challenges.start(people.memory.floats, people.memory.ints, 0, Rules.of(still()).par[0], 5)
    assert people.challenge_target[0] == 4
    assert [bool(challenges.advance(people.memory.ints, 0)) for _ in range(5)] == [
        False, False, False, True, False,
    ]  # fmt: skip
    assert people.challenge_end[0] == -1


def invited(**challenge: float) -> World:
    """Members who bought yesterday, on the morning after they clicked on an invitation."""
    scenario = eager().replace(
        challenges={"days": 10, "target_min": 3, "award_points": 500, **challenge},
        delays={
            name: {"median_days": 0.1, "sigma": 0.0} for name in ("open", "click", "visit", "buy")
        },
        wallet={"points_per_major": 0.0, "redeem_chance": 0.0},
    )
    world = World(scenario, 100, 3, newcomers=True)
    actions = everybody(world, INVITATION)
    assert (actions > 0).all()
    world.step(actions)
    return world


def test_a_click_starts_one_and_a_second_click_does_not_start_it_over() -> None:
    """It runs for its days from the click on, whatever is clicked meanwhile."""
    world = invited()
    assert (world.people.challenge_end == 11).all()
    assert (world.people.challenge_target == 3).all()
    assert not world.contexts().column("challenge_progress").any()
    world.step(everybody(world, INVITATION))
    assert (world.people.challenge_end == 11).all()
    progress = world.contexts().column("challenge_progress")
    assert progress == pytest.approx(1 / 3)  # yesterday's contact brought a purchase


def test_the_award_is_paid_once() -> None:
    """The third purchase issues 500 points and their liability; the fourth issues nothing."""
    world = invited(target_min=3)
    paid, liability, orders = (np.zeros(100, dtype=np.int64) for _ in range(3))
    for _ in range(8):
        before = world.people.issued.copy()
        result = world.step(everybody(world, "post_purchase/1/care_tips/email"))
        orders += result.orders
        gained = world.people.issued - before
        assert np.array_equal(gained > 0, (orders == 3) & (result.orders > 0))
        paid += gained
        liability += result.landed["points_minor"]
    assert (orders >= 4).all()
    assert (paid == 500).all()
    assert (liability == round(500 * (1 - world.scenario.economics.breakage))).all()
    assert (world.people.challenge_end == -1).all()


def test_it_ends_in_time_without_an_award() -> None:
    """Too few purchases within the days bring nothing; progress is shown until the last of them."""
    world = invited(target_min=50, target_max=60)
    for _ in range(10):
        assert (world.people.challenge_end == 11).all()
        world.step(nobody(world))
    assert clock(world) == 11
    assert (world.people.challenge_end == -1).all()
    assert not world.contexts().column("challenge_progress").any()
    assert not world.people.issued.any()


def test_the_goal_is_nearer_the_more_is_done() -> None:
    """Purchases come faster with progress, up to the gradient: Kivetz, Urminsky & Zheng."""
    scenario = still().replace(challenges={"goal_gradient": 1.0, "target_max": 100})
    world = World(scenario, 6000, 3, newcomers=True)
    people = world.people
    people.rate[:] = 0.05
    people.flexible[:] = 1.0
    people.drop_out[:] = 0.0
    near = np.arange(world.size) % 2 == 0
    people.challenge_end[:] = clock(world) + 30
    people.challenge_target[:] = 100
    people.challenge_done[:] = np.where(near, 90, 0)
    world = refreshed(world)
    bought = np.zeros(world.size)
    for _ in range(10):
        bought += world.step(nobody(world)).orders
    ratio = bought[near].mean() / bought[~near].mean()
    assert ratio == pytest.approx((1 - np.exp(-0.095)) / (1 - np.exp(-0.05)), rel=0.12)


def test_difficulty_is_a_term_of_the_programme() -> None:
    """Harder terms ask for more purchases, for each member by their own."""
    world = World(eager().replace(delays={"open": {"median_days": 0.1, "sigma": 0.0},
                                          "click": {"median_days": 0.1, "sigma": 0.0}}),
                  100, 3, newcomers=True)  # fmt: skip
    world.people.orders[:] = 20
    hard = np.where(np.arange(100) % 2, 2.0, 0.5)
    world.set_programme(Programme(10.0, 1.0, 500, hard))
    world.step(everybody(world, INVITATION))
    assert set(world.people.challenge_target[::2]) == {2}
    assert set(world.people.challenge_target[1::2]) == {8}
