"""The day's budget of contacts: the one thing customers share."""

from __future__ import annotations

import numpy as np

from simulator.world import World
from tests.support.worlds import any_contact, eager, everybody, nobody


def limited(per_customer: float, size: int = 200) -> World:
    """A world whose contacts may cost so much a day, in all."""
    scenario = eager().replace(firm={"budget_minor_per_customer": per_customer})
    return World(scenario, size, 3, newcomers=True)


def test_the_budget_is_never_exceeded() -> None:
    """Whatever is asked for, the day's contacts cost at most the budget, and what fits is made."""
    world, rng = limited(1.5), np.random.default_rng(0)
    for _ in range(20):
        actions = any_contact(world, rng)
        asked = world.catalogue.cost_minor[actions]
        cost = world.step(actions).components["contact_minor"]
        assert cost.sum() <= 300 < asked.sum()
        left = 300
        for each, paid in zip(asked, cost, strict=True):
            assert paid == (each if each <= left else 0)
            left -= paid


def test_who_costs_less_may_still_be_paid_for() -> None:
    """After a contact that is too dear, a cheaper one is made from what is left."""
    world = limited(0.05)  # ten minor units in all
    dear, cheap = (
        world.catalogue.index(name)
        for name in ("engagement/2/ten_percent/sms", "engagement/1/news/email")
    )
    prices = world.catalogue.cost_minor
    assert 5 < prices[dear] <= 10 - prices[cheap]
    actions = nobody(world)
    actions[:3] = dear, dear, cheap
    cost = world.step(actions).components["contact_minor"]
    assert cost[:3].tolist() == [prices[dear], 0, prices[cheap]]


def test_first_customers_are_served_first() -> None:
    """The money runs out at a customer, and everybody before them got their contact."""
    world = limited(0.25)
    actions = everybody(world, "engagement/1/news/email")
    result = world.step(actions)
    assert np.array_equal(result.delivered, np.arange(200) < 50)
    assert np.array_equal(world.people.last_contact == 0, np.arange(200) < 50)
    assert result.components["contact_minor"].sum() == 50


def test_free_contacts_need_no_budget() -> None:
    """What costs nothing is never dropped."""
    world = limited(1e-6)
    free = "engagement/3/points_500/in_app"
    assert world.catalogue.cost_minor[world.catalogue.index(free)] == 0
    assert world.step(everybody(world, free)).delivered.all()
    assert not world.step(everybody(world, "engagement/1/news/email")).delivered.any()


def test_nought_is_no_limit() -> None:
    """Without a budget everything asked for is served."""
    world = limited(0.0)
    actions = any_contact(world, np.random.default_rng(0))
    cost = world.step(actions).components["contact_minor"]
    assert np.array_equal(cost, world.catalogue.cost_minor[actions])
    assert not world.step(nobody(world)).components["contact_minor"].any()
