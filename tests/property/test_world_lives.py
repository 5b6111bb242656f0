"""Every life is a function of its own keys: batches, neighbours and forks change nothing."""

from __future__ import annotations

from dataclasses import fields
from functools import cache

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.population import Population
from simulator.scenarios import Scenario, load
from simulator.truth import choose
from simulator.world import World
from troth.policy import normalise


@cache
def scenario() -> Scenario:
    """The reference, made lively and quick to start."""
    return load("reference").replace(
        warm_up={"days": 4}, purchases={"r": 3.0, "alpha_weeks": 2.0}, mood={"ticket_per_day": 0.03}
    )


class Uniform:
    """Any eligible action."""

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """All alike."""
        return normalise(np.ones(mask.shape), mask)


def state(people: Population) -> dict[str, np.ndarray]:
    """Every column, customers last."""
    return {f.name: getattr(people, f.name) for f in fields(people)}


def lived(world: World, days: int) -> World:
    """The world after some days under the uniform policy."""
    for _ in range(days):
        world.step(choose(world, Uniform()))
    return world


seeds = st.integers(0, 2**64 - 1)


@settings(max_examples=15, deadline=None)
@given(
    seed=seeds,
    first=st.integers(0, 2**31),
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=4),
    replicate=st.integers(0, 9),
)
def test_one_batch_or_many(seed: int, first: int, sizes: list[int], replicate: int) -> None:
    """The same customers live the same lives in one batch or split into several, to the bit."""
    whole = lived(World(scenario(), sum(sizes), seed, first_customer=first, replicate=replicate), 6)
    begin = 0
    for size in sizes:
        part = lived(
            World(scenario(), size, seed, first_customer=first + begin, replicate=replicate), 6
        )
        for name, column in state(part._people).items():
            expected = state(whole._people)[name][..., begin : begin + size]
            assert np.array_equal(column, expected), name
        rows = slice(begin, begin + size)
        assert np.array_equal(part.contexts().raw, whole.contexts().raw[rows])
        assert np.array_equal(part.mask(), whole.mask()[rows])
        assert np.array_equal(part.expected_rewards(), whole.expected_rewards()[rows])
        begin += size


@settings(max_examples=15, deadline=None)
@given(seed=seeds, row=st.integers(0, 11), day=st.integers(0, 5))
def test_neighbours_do_not_matter(seed: int, row: int, day: int) -> None:
    """What is done to one customer changes nobody else's life."""
    left, right = World(scenario(), 12, seed), World(scenario(), 12, seed)
    for at in range(8):
        left.step(choose(left, Uniform()))
        actions = choose(right, Uniform())
        if at == day:
            actions[row] = right.mask()[row].nonzero()[0][-1] if actions[row] == 0 else 0
        right.step(actions)
    others = np.arange(12) != row
    for name, column in state(left._people).items():
        assert np.array_equal(column[..., others], state(right._people)[name][..., others]), name


@settings(max_examples=10, deadline=None)
@given(seed=seeds, replicate=st.integers(1, 1000))
def test_forks_are_independent(seed: int, replicate: int) -> None:
    """A fork meets the same chances or others, as asked, and never touches its origin."""
    world = lived(World(scenario(), 30, seed), 2)
    before = {name: column.copy() for name, column in state(world._people).items()}
    same, other = world.fork(), world.fork(replicate)
    lived(same, 5)
    lived(other, 5)
    for name, column in state(world._people).items():
        assert np.array_equal(column, before[name]), name
    lived(world, 5)
    for name, column in state(world._people).items():
        assert np.array_equal(column, state(same._people)[name]), name
    assert any(
        not np.array_equal(column, state(other._people)[name])
        for name, column in state(world._people).items()
    )
    assert other.replicate == replicate


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_replicates_share_the_past(seed: int) -> None:
    """A world made as a replicate is the fork of the first: one past, other futures."""
    made = World(scenario(), 5, seed, replicate=3)
    forked = World(scenario(), 5, seed).fork(3)
    assert np.array_equal(made.contexts().raw, forked.contexts().raw)
    assert np.array_equal(lived(made, 4).contexts().raw, lived(forked, 4).contexts().raw)


@settings(max_examples=10, deadline=None)
@given(seed=seeds, days=st.integers(1, 40))
def test_state_stays_in_range(seed: int, days: int) -> None:
    """Whatever happens, features stay valid, the ledger balances and probabilities are such."""
    world = lived(World(scenario(), 20, seed), days)
    world.schema.validate(world.contexts().raw)
    people = world._people
    assert np.array_equal(people.points, people.earned - people.burned - people.expired)
    assert (people.points >= 0).all()
    assert ((people.sentiment >= -1) & (people.sentiment <= 1)).all()
    assert (people.wear >= 0).all()
    expected = world.expected_components()
    assert ((expected["opt_outs"] >= 0) & (expected["opt_outs"] <= 1)).all()
    assert all(np.isfinite(values).all() for values in expected.values())
