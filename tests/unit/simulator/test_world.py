"""The world: exact expectations, hidden state, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.scenarios import Scenario
from simulator.world import World
from troth.errors import InvalidArgument
from troth.objective import COMPONENTS, Objective


def eligible_actions(world: World, rng: np.random.Generator) -> np.ndarray:
    """One random eligible contact each, or no contact."""
    noise = np.where(world.mask(), rng.random(world.mask().shape), -1.0)
    noise[:, 0] = 0.1
    return noise.argmax(axis=1)


def test_expected_components_are_exact(busy: Scenario) -> None:
    """Over many alternative days the sampled components average their expectation."""
    uncapped = busy.replace(fatigue={"cap_contacts": 28, "cap_days": 28})
    world = World(uncapped, 200, 3)
    rng = np.random.default_rng(0)
    for _ in range(6):  # so that tickets, challenges, fatigue and lapsed customers are about
        world.step(eligible_actions(world, rng))
    world._people.challenge_days[::3] = 9  # one purchase short of the award
    world._people.challenge_done[::3] = world.scenario.challenges.target - 1
    world._forget()
    actions = eligible_actions(world, rng)
    assert (actions > 0).sum() > 150
    expected = world.expected_components(actions)
    replicates = 2000
    total, square, events = ({name: np.zeros(world.size) for name in COMPONENTS} for _ in range(3))
    for r in range(replicates):
        sampled = world.fork(r).step(actions).components
        for name in COMPONENTS:
            total[name] += sampled[name]
            square[name] += sampled[name].astype(float) ** 2
            events[name] += sampled[name] != 0
    for name in COMPONENTS:
        mean = total[name] / replicates
        variance = np.maximum(square[name] / replicates - mean**2, 0.0)
        error = np.sqrt(variance / replicates)
        off = mean - expected[name]
        # One by one where the event was seen often enough to know its error, and all together.
        often = events[name] >= 30
        assert often.sum() > 20, name
        assert (np.abs(off[often]) <= 4 * error[often] + 1e-9).all(), name
        assert abs(off.sum()) <= 4 * np.sqrt((error**2).sum()) + 1e-9, name


def test_expectations_agree_however_asked(world: World) -> None:
    """The table, the chosen actions and the fused rewards are one set of numbers."""
    actions = eligible_actions(world, np.random.default_rng(1))
    rows = np.arange(world.size)
    table = world.expected_components()
    chosen = world.expected_components(actions)
    goal = Objective(opt_outs=-150.0)
    for name in COMPONENTS:
        assert table[name].shape == (world.size, len(world.catalogue))
        assert np.array_equal(table[name][rows, actions], chosen[name])
    rewards = world.expected_rewards(goal)
    assert rewards == pytest.approx(goal.reward(table), abs=1e-9)
    assert world.expected_rewards(goal, actions) == pytest.approx(rewards[rows, actions], abs=1e-9)
    assert world.expected_rewards() == pytest.approx(
        world.scenario.objective.reward(table), abs=1e-9
    )


def test_no_contact_costs_nothing(world: World) -> None:
    """Column 0 is the customer's own buying, no cost and no risk to permissions."""
    table = world.expected_components()
    for name in ("discount_minor", "contact_minor", "opt_outs"):
        assert not table[name][:, 0].any()


def test_contacts_can_hurt_and_help(world: World) -> None:
    """Sleeping dogs buy less when contacted, persuadables more."""
    margin = world.expected_components()["margin_minor"]
    added = margin[:, 1:] - margin[:, :1]
    alive = world._people.alive
    dogs = (world._people.group == 3) & alive
    persuadable = (world._people.group == 1) & (world._people.tickets == 0)
    assert (added[dogs] <= 1e-9).all()
    assert (added[dogs] < -0.01).any()
    assert (added[persuadable] >= -1e-9).all()


def test_contexts_hide_what_a_firm_cannot_know(world: World) -> None:
    """Changing hidden state changes no feature this morning; the schema accepts every value."""
    before = world.contexts().raw
    world.schema.validate(before)
    twin = world.fork()
    people = twin._people
    people.alive[:] = ~people.alive
    people.group[:] = 3 - people.group
    for name in ("rate", "drop_out", "basket", "affinity", "fit", "wear"):
        setattr(people, name, 2 * getattr(people, name))
    twin._forget()
    assert np.array_equal(twin.contexts().raw, before)
    assert not np.array_equal(twin.expected_rewards(), world.expected_rewards())


def test_past_clicks_tell_of_affinity(reference: Scenario) -> None:
    """Response features carry the hidden affinities, or nothing could be learnt of them."""
    world = World(reference, 4000, 2)
    contexts = world.contexts()
    for row, channel in enumerate(reference.channels, start=1):
        if channel.value in ("call_centre", "paid_media"):
            continue  # too few clicks in a year
        reached = world._people.permits[row]
        seen = contexts.column(f"response_{channel}")[reached]
        true = np.log(world._people.affinity[row][reached])
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
        actions = np.where(mask[:, 1:].any(axis=1), eligible_actions(world, rng), 0)
        world.step(actions)
        made.append(actions > 0)
    window = world.scenario.fatigue.cap_days
    counts = np.array(made).astype(int)
    rolling = [counts[d : d + window].sum(axis=0).max() for d in range(30 - window)]
    assert max(rolling) == world.scenario.fatigue.cap_contacts


def test_withdrawn_permission_is_kept(busy: Scenario) -> None:
    """Who opts out of a channel is not contacted on it again."""
    world = World(busy, 300, 8)
    before = world.permissions
    actions = eligible_actions(world, np.random.default_rng(0))
    result = world.step(actions)
    gone = np.flatnonzero(result.opted_out)
    assert gone.size > 0
    channels = world.catalogue.channel[actions[gone]]
    assert not world.permissions[gone, channels].any()
    assert (before.sum() - world.permissions.sum()) == gone.size
    assert result.components["opt_outs"].sum() == gone.size
    assert result.delivered[gone].all()


def test_clicks_need_opening_and_opening_needs_delivery(world: World) -> None:
    """The funnel narrows at every stage."""
    result = world.step(eligible_actions(world, np.random.default_rng(0)))
    assert (result.opened <= result.delivered).all()
    assert (result.clicked <= result.opened).all()
    assert (result.opted_out <= result.delivered).all()


def test_ineligible_actions_are_refused_and_leave_no_trace(world: World) -> None:
    """The error names the row, the action and the customer; the day has not passed."""
    row, action = (int(v) for v in np.argwhere(~world.mask())[0])
    actions = np.zeros(world.size, dtype=np.int64)
    actions[row] = action
    before = world.contexts().raw.copy()
    with pytest.raises(InvalidArgument, match=rf"actions\[{row}\].*C{row:08d}"):
        world.step(actions)
    assert world.day == 0
    assert np.array_equal(world.contexts().raw, before)


@pytest.mark.parametrize(
    "actions",
    [np.zeros(3, dtype=np.int64), np.zeros(300), np.full(300, 10_000), np.full(300, -1)],
)
def test_malformed_actions_are_refused(world: World, actions: np.ndarray) -> None:
    """Shape, type and range are checked before anything moves."""
    with pytest.raises(InvalidArgument, match="actions"):
        world.step(actions)


@pytest.mark.parametrize(
    ("field", "arguments"),
    [
        ("customers", {"customers": 0, "seed": 1}),
        ("seed", {"customers": 1, "seed": -1}),
        ("first_customer", {"customers": 1, "seed": 1, "first_customer": -1}),
        ("replicate", {"customers": 1, "seed": 1, "replicate": -1}),
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
