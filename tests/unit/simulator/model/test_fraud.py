"""Fraud: who cheats, what is asked for, what is paid."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.model.points_ledger import Ledger
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import any_contact, nobody, still


@pytest.fixture
def robbed() -> World:
    """Half are adversaries, and from three in ten accounts somebody asks for points today."""
    scenario = still().replace(
        fraud={"adversary_share": 0.5, "attempts_per_day": 0.3, "ask_points": 900}
    )
    return World(scenario, 2000, 4)


def test_an_ask_is_paid_as_far_as_the_balance_goes(robbed: World) -> None:
    """Never more than there is, never more than is asked, and the ledger knows."""
    before = robbed.people.copy()
    result = robbed.step(nobody(robbed))
    people, asked = robbed.people, result.fraud
    idle = result.orders == 0
    paid = before.points - people.points
    assert asked.mean() == pytest.approx(0.3, abs=0.045)
    assert np.array_equal(paid[asked & idle], np.minimum(before.points, 900)[asked & idle])
    assert not paid[~asked & idle].any()
    assert np.array_equal((people.redeemed - before.redeemed)[idle], paid[idle])
    assert (paid[asked] > 0).sum() > 100
    assert (people.points >= 0).all()
    assert (people.point_buckets >= 0).all()
    assert np.array_equal(people.points, people.point_buckets.sum(axis=0))


def test_the_robbed_complain_and_adversaries_do_not(robbed: World) -> None:
    """A theft costs sentiment and opens a ticket; taking one's own points does neither."""
    asked = robbed.step(nobody(robbed)).fraud
    people, cheats = robbed.people, robbed.people.adversary.astype(bool)
    assert cheats.mean() == pytest.approx(0.5, abs=0.045)
    assert (people.tickets[asked & ~cheats] == 1).all()
    assert (people.sentiment[asked & ~cheats] < -0.3).all()
    assert not people.tickets[~asked | cheats].any()


def test_fraud_is_flagged_on_its_day_only(still: Scenario) -> None:
    """No attempts, no flags, whoever is contacted."""
    world = World(still, 500, 4)
    rng = np.random.default_rng(0)
    for _ in range(5):
        assert not world.step(any_contact(world, rng)).fraud.any()


def test_theft_is_redemption_in_the_books(robbed: World) -> None:
    """Stolen points leave the ledger as redeemed, whole, and cost nothing a second time."""
    before = robbed.ledger()
    result = robbed.step(nobody(robbed))
    after = robbed.ledger()
    assert isinstance(after, Ledger)
    assert after.redeemed > before.redeemed
    assert after.issued == after.redeemed + after.expired + after.outstanding
    thief_only = result.fraud & (result.orders == 0)
    assert not result.money[:, thief_only].any()
