"""Whatever is done and whatever the terms, the programme's books stay right."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.model import points_ledger
from simulator.model.programme import Programme
from simulator.model.rules import Rules
from simulator.scenarios import Scenario
from simulator.state.columns import NEVER
from simulator.world import StepResult, World
from tests.support.worlds import Actions, clock, lively
from troth.catalogue import CHANNELS
from troth.objective import COMPONENTS

SIZE = 12

seeds = st.integers(0, 2**64 - 1)
terms = st.builds(
    Programme,
    st.floats(0.0, 1000.0),
    st.floats(0.0, 100.0),
    st.integers(1, 5_000),
    st.floats(0.1, 10.0),
)


@st.composite
def own_terms(draw: st.DrawFn) -> Programme:
    """Terms that differ between members."""
    rng = np.random.default_rng(draw(seeds))
    return Programme(
        np.round(rng.uniform(0.0, 30.0, SIZE), 1),
        np.round(rng.uniform(0.0, 5.0, SIZE), 2),
        rng.integers(1, 2_000, SIZE),
        rng.uniform(0.1, 10.0, SIZE),
    )


@dataclass(frozen=True)
class Plan:
    """What a designer and a policy do: how often they contact, which terms come when."""

    contact: float
    turns: dict[int, Programme]
    draws: int


plans = st.builds(
    Plan,
    st.sampled_from([0.0, 0.3, 1.0]),
    st.dictionaries(st.integers(0, 39), terms | own_terms(), max_size=4),
    seeds,
)


def lives(world: World, plan: Plan, days: int):  # type: ignore[no-untyped-def]
    """Live by the plan; actions and result of each day."""
    rng = np.random.default_rng(plan.draws)
    for day in range(days):
        if day in plan.turns:
            world.set_programme(plan.turns[day])
        noise = np.where(world.mask(), rng.random(world.mask().shape), -1.0)
        noise[:, 0] = 0.0
        wanted = rng.random(world.size) < plan.contact
        actions = np.where(wanted, noise.argmax(axis=1), 0)
        yield actions, world.step(actions)


def check_points(world: World) -> None:
    """Points are whole, nobody owes any, and none is made or lost."""
    people = world.people
    for column in (people.points, people.issued, people.redeemed, people.expired):
        assert column.dtype == np.int64
        assert (column >= 0).all()
    assert (people.point_buckets >= 0).all()
    assert np.array_equal(people.points, people.point_buckets.sum(axis=0))
    assert np.array_equal(people.points, people.issued - people.redeemed - people.expired)
    ledger = world.ledger()
    assert ledger.issued == ledger.redeemed + ledger.expired + ledger.outstanding
    assert min(ledger.outstanding, ledger.liability_minor) >= 0
    assert 0.0 <= ledger.breakage_share <= 1.0


def check_year(world: World) -> None:
    """The qualifying year adds up, and the tier is at least what it buys."""
    people = world.people
    assert np.array_equal(people.spend, people.spend_buckets.sum(axis=0))
    assert np.array_equal(people.orders, people.order_buckets.sum(axis=0))
    assert (people.spend_buckets >= 0).all()
    thresholds = np.array([tier.from_spend_minor for tier in world.scenario.tiers])
    earned = np.searchsorted(thresholds, people.spend, side="right") - 1
    assert (people.tier >= earned).all()
    assert (people.tier < len(thresholds)).all()
    if clock(world) % 30 == 0:
        assert np.array_equal(people.tier, earned)


def check_bodies(world: World, delivered: np.ndarray) -> None:
    """Moods and loads stay in their ranges; a load is no more than all that ever arrived."""
    people = world.people
    assert ((people.sentiment >= -1.0) & (people.sentiment <= 1.0)).all()
    assert ((people.signal >= -1.0) & (people.signal <= 1.0)).all()
    assert (people.wear >= 0.0).all()
    rivals = np.zeros(len(CHANNELS))
    rivals[1] = clock(world)  # other departments write e-mails, one a day at most
    assert (people.wear <= delivered + rivals[:, None] + 1e-3).all()
    assert ((people.tickets >= 0) & (people.tickets <= 9)).all()
    assert ((people.nps >= -1) & (people.nps <= 10)).all()
    assert (people.challenge_done <= people.challenge_target).all()
    world.schema.validate(world.contexts().raw)


def check_day(world: World, before: np.ndarray, actions: Actions, result: StepResult) -> None:
    """Money is whole, costs are the catalogue's, and nothing goes through a closed channel."""
    assert result.money.dtype.kind == "i"
    assert (result.money >= 0).all()
    channel = world.catalogue.channel[actions]
    allowed = before[np.arange(world.size), channel]
    assert not result.delivered[~allowed].any()
    assert not (result.answers[actions == 0] & 0b01011111).any()
    cost = world.catalogue.cost_minor[actions]
    for part in (result.components, result.landed):
        assert set(part) == set(COMPONENTS)
        assert all(column.dtype == np.int64 for column in part.values())
        assert np.array_equal(part["contact_minor"], cost)
        assert np.array_equal(part["opt_outs"], result.opted_out)
    assert np.array_equal(result.landed["margin_minor"] > 0, result.orders > 0)


@settings(max_examples=40, deadline=None)
@given(seed=seeds, plan=plans, days=st.integers(1, 70), newcomers=st.booleans())
def test_the_books_stay_right(seed: int, plan: Plan, days: int, newcomers: bool) -> None:
    """Every day: points, tiers, moods, loads and money obey their rules under any plan."""
    world = World(lively(), SIZE, seed, newcomers=newcomers)
    delivered = np.zeros((len(CHANNELS), SIZE)) + world.people.delivered
    check_points(world)
    before = world.permissions
    for actions, result in lives(world, plan, days):
        check_day(world, before, actions, result)
        delivered[world.catalogue.channel[actions], np.arange(SIZE)] += result.delivered
        check_points(world)
        check_year(world)
        check_bodies(world, delivered)
        assert not (world.permissions & ~before).any()  # a permission never comes back by itself
        before = world.permissions
        expected = world.expected_components()
        assert all(np.isfinite(values).all() for values in expected.values())
        assert all((values >= 0.0).all() for values in expected.values())
        assert (expected["opt_outs"] <= 1.0).all()


@settings(max_examples=25, deadline=None)
@given(seed=seeds, plan=plans)
def test_what_is_credited_lands(seed: int, plan: Plan) -> None:
    """When nothing is under way any more, both halves of the books agree to the unit."""
    world = World(lively().replace(warm_up={"days": 0}), SIZE, seed)
    credited = np.zeros((len(COMPONENTS), SIZE), dtype=np.int64)
    landed = credited.copy()

    def book(result: StepResult) -> None:
        for at, name in enumerate(COMPONENTS):
            credited[at] += result.components[name]
            landed[at] += result.landed[name]

    for _, result in lives(world, plan, 25):
        book(result)
    quiet = Plan(0.0, {}, 0)
    for _, result in lives(world, quiet, 120):
        book(result)
        if ((world.people.due_day == NEVER) & (world.people.redeem_day == NEVER)).all():
            break
    assert np.array_equal(credited, landed)


@settings(max_examples=15, deadline=None)
@given(seed=seeds, plan=plans, cut=st.integers(1, SIZE - 1))
def test_the_books_do_not_depend_on_the_batch(seed: int, plan: Plan, cut: int) -> None:
    """Two halves of a population keep the same books as the whole, whatever the terms."""
    whole = World(lively(), SIZE, seed)
    parts = [World(lively(), cut, seed), World(lively(), SIZE - cut, seed, first_customer=cut)]
    rows = [slice(0, cut), slice(cut, SIZE)]
    rng = np.random.default_rng(plan.draws)
    for day in range(20):
        if day in plan.turns:
            turn = plan.turns[day]
            whole.set_programme(turn)
            for part, at in zip(parts, rows, strict=True):
                part.set_programme(
                    Programme(*(
                        value if np.ndim(value) == 0 else np.asarray(value)[at]
                        for value in vars(turn).values()
                    ))
                )  # fmt: skip
        noise = np.where(whole.mask(), rng.random(whole.mask().shape), -1.0)
        actions = noise.argmax(axis=1)
        result = whole.step(actions)
        for part, at in zip(parts, rows, strict=True):
            other = part.step(actions[at])
            assert np.array_equal(other.money, result.money[:, at])
            assert np.array_equal(other.waits, result.waits[:, at])
    for part, at in zip(parts, rows, strict=True):
        for name, block in part.people.blocks().items():
            np.testing.assert_array_equal(block, whole.people.blocks()[name][:, at])


@settings(max_examples=60, deadline=None)
@given(
    thresholds=st.lists(st.integers(1, 10**8), min_size=0, max_size=5, unique=True),
    spends=st.lists(st.integers(0, 2 * 10**8), min_size=2, max_size=20),
)
def test_tiers_are_monotone(thresholds: list[int], spends: list[int]) -> None:
    """More qualifying spend never means a lower tier, whatever the thresholds."""
    tiers = _tiers([0, *sorted(thresholds)])
    found = [int(points_ledger.tier_of(spend, 0, tiers)) for spend in sorted(spends)]
    assert found == sorted(found)
    assert found == [sum(spend >= at for at in thresholds) for spend in sorted(spends)]


def _tiers(thresholds: list[int]) -> np.ndarray:
    scenario: Scenario = lively()
    rows = tuple(
        {"name": f"t{'x' * at}", "from_spend_minor": spend, "earn_factor": 1.0}
        for at, spend in enumerate(thresholds)
    )
    values = {**scenario.model_dump(mode="python"), "tiers": rows}
    return Rules.of(Scenario.model_validate(values)).tables.tiers
