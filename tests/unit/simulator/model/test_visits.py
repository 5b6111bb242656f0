"""A message is looked at more often than it is clicked."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import Scenario
from simulator.world import World


@pytest.fixture(scope="module")
def sent(reference: Scenario) -> tuple[World, World, object]:
    """A world before and after an e-mail to all who may have one, who hardly ever click."""
    channels = {
        name: {**section.model_dump(), "clicked": 1e-6, "delivery": 1.0}
        for name, section in reference.channels.items()
    }
    delays = {name: {"median_days": 0.001, "sigma": 0.0} for name in ("open", "visit")}
    scenario = reference.replace(
        channels=channels, delays=delays, warm_up={"days": 0}, visits={"per_purchase": 0.0}
    )
    world = World(scenario, 20_000, 5)
    before = world.fork()
    action = scenario.catalogue.index("engagement/1/news/email")
    mask = world.mask()[:, action]
    result = world.step(np.where(mask, action, 0).astype(np.int64))
    return before, world, (mask, result)


def test_visits_are_as_many_as_purchases_over_conversion(sent: tuple) -> None:
    """Hillstrom's conversion is that of visitors: expected purchases say how many come."""
    before, _, (mask, result) = sent
    conversion = before.scenario.email.conversion_given_visit_email
    action = np.full(before.size, before.catalogue.index("engagement/1/news/email"))
    with_it = before.expected_components(action)["margin_minor"]
    alone = before.expected_components(np.zeros(before.size, dtype=np.int64))["margin_minor"]
    people = before.people
    basket = np.exp(people.basket + 0.5 * before.scenario.spend.sigma_within**2) * 100.0
    calm = mask & (people.group == 1)  # persuadables: nobody is put off
    margin = before.scenario.economics.margin_share * basket
    added = ((with_it - alone) / margin)[calm]
    assert result.visited[calm].mean() == pytest.approx(added.mean() / conversion, rel=0.1)


def test_buyers_are_among_the_visitors(sent: tuple) -> None:
    """Nobody buys because of a message without coming."""
    _, _, (_, result) = sent
    moved = result.delay["purchased"] >= 0
    assert moved.sum() > 10
    assert result.visited[moved].all()


def test_visits_show_on_the_profile(sent: tuple) -> None:
    """A visit without a click counts like any other."""
    before, after, (_, result) = sent
    now = result.visited & (result.delay["visited"] == 0)
    gained = after.people.visits - before.people.visits
    assert now.sum() > 200
    assert (gained[now] > 0.5).all()
    assert (gained[~now] <= 0.0).all()
