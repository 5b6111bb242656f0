"""The world: hidden state, permissions and caps, refusals, forks, what a day brings."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.day.results import NO_PLACE
from simulator.scenarios import Scenario
from simulator.validity.populations import rested
from simulator.validity.study import Study
from simulator.world import World
from tests.support.worlds import all_channels, any_contact, clock, nobody, refreshed
from troth.errors import InvalidArgument


def test_contexts_hide_what_a_firm_cannot_know(world: World) -> None:
    """Changing hidden state changes no feature this morning; the schema accepts every value."""
    before = world.contexts().raw
    world.schema.validate(before)
    twin = world.fork()
    people = twin.people
    people.leaves[:] = clock(world) - 5
    people.group[:] = 3 - people.group
    people.adversary[:] = 1
    people.link_day[:] = clock(world) + 50
    people.shadow_orders[:] = 7
    people.sentiment[:] = -0.9
    people.due_day[:] = clock(world) + 1
    for hidden in (people.rate, people.departs, people.basket, people.affinity, people.wear):
        hidden *= 2
    people.fit *= 0.5
    twin = refreshed(twin)
    np.testing.assert_array_equal(twin.contexts().raw, before)
    assert not np.array_equal(twin.expected_rewards(), world.expected_rewards())


def test_past_clicks_tell_of_affinity(reference: Scenario) -> None:
    """Response features carry the hidden affinities, or nothing could be learnt of them."""
    world = World(reference, 4000, 2)
    contexts = world.contexts()
    for row, channel in enumerate(reference.channels, start=1):
        if channel.value in ("call_centre", "paid_media"):
            continue  # too few clicks in a year
        reached = world.permissions[:, row]
        seen = contexts.column(f"response_{channel}")[reached]
        true = np.log(world.people.affinity[row][reached])
        assert np.corrcoef(seen, true)[0, 1] > 0.2, channel


def test_history_is_lived_in(reference: Scenario) -> None:
    """On day 0 there are lapsed customers, recent contacts, tickets, points and every tier."""
    contexts = World(reference, 4000, 2).contexts()
    assert 0.1 < (contexts.column("contacts_7d") > 0).mean() < 0.95
    assert (contexts.column("open_tickets") > 0).any()
    assert (contexts.column("points_balance") > 0).mean() > 0.2
    assert set(contexts.column("tier")) == {0.0, 1.0, 2.0, 3.0}
    assert contexts.column("contacts_28d").mean() > 3


def test_mask_obeys_permission_and_cap(world: World) -> None:
    """No contact without permission, and never more than the cap in its window."""
    rng = np.random.default_rng(4)
    made = []
    for _ in range(30):
        mask = world.mask()
        assert mask[:, 0].all()
        refused = ~world.permissions[:, world.catalogue.channel]
        assert not (mask & refused).any()
        actions = np.where(mask[:, 1:].any(axis=1), any_contact(world, rng), 0)
        world.step(actions)
        made.append(actions > 0)
    window = world.scenario.fatigue.cap_days
    counts = np.array(made).astype(int)
    rolling = [counts[d : d + window].sum(axis=0).max() for d in range(30 - window)]
    assert max(rolling) == world.scenario.fatigue.cap_contacts


def test_a_lifted_cap_stops_nobody_however_long(still: Scenario) -> None:
    """Whoever is contacted on every day of six weeks may be contacted on the next one."""
    free = still.without_cap()
    assert free.replace(fatigue=still.fatigue.model_dump()) == still.replace()
    worlds = World(free, 200, 8), rested(Study(still, 200, 8, Path()))
    for world in worlds:
        for day in range(42):
            open_to = world.mask()[:, 1:].any(axis=1)
            expected = world.permissions[:, world.catalogue.channel] & world.catalogue.candidates(
                world.triggered()
            )
            np.testing.assert_array_equal(open_to, expected[:, 1:].any(axis=1), err_msg=str(day))
            world.step(any_contact(world, np.random.default_rng(day)))
        assert world.contexts().column("contacts_28d").max() == 28


def test_withdrawn_permission_is_kept(still: Scenario) -> None:
    """Who opts out of a channel is not contacted on it again."""
    world = World(still.replace(channels=all_channels(still, opt_out=0.2)), 300, 8)
    before = world.permissions
    actions = any_contact(world, np.random.default_rng(0))
    result = world.step(actions)
    gone = np.flatnonzero(result.opted_out)
    assert gone.size > 0
    channels = world.catalogue.channel[actions[gone]]
    assert not world.permissions[gone, channels].any()
    assert before.sum() - world.permissions.sum() == gone.size
    assert not world.mask()[gone][:, world.catalogue.channel == channels[0]][0].any()
    assert result.components["opt_outs"].sum() == gone.size
    assert result.delivered[gone].all()


def test_observed_features_are_those_of_the_contexts(lively: Scenario) -> None:
    """The compiled view, fresh or into given memory, is the one encoder's answer."""
    world = World(lively, 500, 4)
    memory = np.full((world.schema.width, world.size), np.nan, dtype=np.float32)
    for _ in range(3):
        encoded = world.contexts().encoded
        assert world.observe().dtype == np.float32
        np.testing.assert_allclose(world.observe(), encoded, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(world.observe(memory), encoded, rtol=1e-5, atol=1e-6)
        assert np.isfinite(encoded).all()
        world.step(any_contact(world, np.random.default_rng(2)))


def test_a_day_books_what_it_says(lively: Scenario) -> None:
    """Orders, spend, category and place agree with each other and with the margins."""
    world = World(lively, 2000, 5)
    for _ in range(5):
        result = world.step(any_contact(world, np.random.default_rng(0)))
        bought = result.orders > 0
        assert np.array_equal(bought, result.spend_minor > 0)
        for place, count in ((result.category, len(lively.categories)), (result.store, 3)):
            assert (place[~bought] == NO_PLACE).all()
            assert set(place[bought]) == set(range(count))
        margin = result.landed["margin_minor"]
        assert np.array_equal(margin > 0, bought)
        rates = [row.margin_factor * lively.economics.margin_share for row in lively.categories]
        once = result.orders == 1
        expected = result.spend_minor[once] * np.array(rates)[result.category[once]]
        assert np.abs(margin[once] - expected).max() <= 0.5 + 1e-6
        assert set(result.orders) == {0, 1, 2}


def test_purchases_have_the_shares_of_the_scenario(still: Scenario) -> None:
    """Categories and places of purchases come in the scenario's shares, whatever the loyalty."""
    often = still.replace(purchases={"r": 50.0, "alpha_weeks": 10.0})
    world = World(often, 4000, 5, newcomers=True)
    result = world.step(nobody(world))
    bought = result.orders > 0
    shares = {
        "category": [row.share for row in still.categories],
        "store": list(still.stores.model_dump().values()),
    }
    for name, wanted in shares.items():
        found = np.bincount(getattr(result, name)[bought], minlength=len(wanted)) / bought.sum()
        assert found == pytest.approx(wanted, abs=4 * 0.5 / np.sqrt(bought.sum()))
    favourite = (result.category == world.people.favourite)[bought].mean()
    loyal = still.population.category_loyalty
    alike = sum(share**2 for share in shares["category"])
    assert favourite == pytest.approx(loyal + (1 - loyal) * alike, abs=0.06)


def test_money_is_whole(lively: Scenario) -> None:
    """Money is int64 in every component, credited and landed; costs are those of the catalogue."""
    world = World(lively, 500, 5)
    actions = any_contact(world, np.random.default_rng(0))
    result = world.step(actions)
    for part in (result.components, result.landed):
        assert {column.dtype for column in part.values()} == {np.dtype(np.int64)}
        assert all((column >= 0).all() for column in part.values())
        assert np.array_equal(part["contact_minor"], world.catalogue.cost_minor[actions])
        assert np.array_equal(part["opt_outs"], result.opted_out)


def test_ineligible_actions_are_refused_and_leave_no_trace(world: World) -> None:
    """The error names the row, the action and the customer; the day has not passed."""
    row, action = (int(v) for v in np.argwhere(~world.mask())[0])
    actions = np.zeros(world.size, dtype=np.int64)
    actions[row] = action
    before = world.contexts().raw.copy()
    with pytest.raises(InvalidArgument, match=rf"actions\[{row}\].*C{row:08d}"):
        world.step(actions)
    assert world.day == 0
    np.testing.assert_array_equal(world.contexts().raw, before)


@pytest.mark.parametrize(
    "actions",
    [np.zeros(3, dtype=np.int64), np.zeros(300), np.full(300, 10_000), np.full(300, -1)],
)
def test_malformed_actions_are_refused(world: World, actions: np.ndarray) -> None:
    """Shape, type and range are checked before anything moves, or is read."""
    for call in (world.step, world.affordable, lambda a: world.expected_rewards(actions=a)):
        with pytest.raises(InvalidArgument, match="actions"):
            call(actions)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("customers", {"customers": 0, "seed": 1}),
        ("seed", {"customers": 1, "seed": -1}),
        ("first_customer", {"customers": 1, "seed": 1, "first_customer": -1}),
        ("first_customer", {"customers": 2, "seed": 1, "first_customer": 2**32 - 1}),
        ("replicate", {"customers": 1, "seed": 1, "replicate": -1}),
        ("threads", {"customers": 1, "seed": 1, "threads": 0}),
    ],
)
def test_bad_arguments_are_named(brisk: Scenario, field: str, arguments: dict[str, int]) -> None:
    """A world that cannot be is refused with the argument's name."""
    with pytest.raises(InvalidArgument, match=field):
        World(brisk, **arguments)


def test_customer_ids_carry_on(brisk: Scenario) -> None:
    """Ids name the customer's number in the population."""
    world = World(brisk, 2, 0, first_customer=41)
    assert world.customer_ids.tolist() == ["C00000041", "C00000042"]
