"""Every life is a function of its own keys: batches, neighbours, threads, forks change nothing."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.scenarios import Scenario
from simulator.state.population import Population
from simulator.truth import choose
from simulator.world import World
from tests.support.worlds import Anything, lively


def scenario() -> Scenario:
    """Everything happens often."""
    return lively()


def state(people: Population) -> dict[str, np.ndarray]:
    """Every block, customers last."""
    return people.blocks()


def alike(left: World, right: World, rows: slice = slice(None)) -> None:
    """``left`` is to the last bit what ``right`` is for the customers ``rows``."""
    for name, column in state(left.people).items():
        np.testing.assert_array_equal(column, state(right.people)[name][..., rows], err_msg=name)
    np.testing.assert_array_equal(left.contexts().raw, right.contexts().raw[rows])
    np.testing.assert_array_equal(left.mask(), right.mask()[rows])
    np.testing.assert_array_equal(left.expected_rewards(), right.expected_rewards()[rows])


def lived(world: World, days: int) -> World:
    """The world after some days under the uniform policy."""
    for _ in range(days):
        world.step(choose(world, Anything()))
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
        alike(part, whole, slice(begin, begin + size))
        begin += size


@settings(max_examples=15, deadline=None)
@given(seed=seeds, row=st.integers(0, 11), day=st.integers(0, 5))
def test_neighbours_do_not_matter(seed: int, row: int, day: int) -> None:
    """What is done to one customer changes nobody else's life."""
    left, right = World(scenario(), 12, seed), World(scenario(), 12, seed)
    for at in range(8):
        left.step(choose(left, Anything()))
        actions = choose(right, Anything())
        if at == day:
            actions[row] = right.mask()[row].nonzero()[0][-1] if actions[row] == 0 else 0
        right.step(actions)
    others = np.arange(12) != row
    for name, column in state(left.people).items():
        assert np.array_equal(column[..., others], state(right.people)[name][..., others]), name


@settings(max_examples=10, deadline=None)
@given(seed=seeds, replicate=st.integers(1, 1000))
def test_forks_are_independent(seed: int, replicate: int) -> None:
    """A fork meets the same chances or others, as asked, and never touches its origin."""
    world = lived(World(scenario(), 30, seed), 2)
    before = {name: column.copy() for name, column in state(world.people).items()}
    same, other = world.fork(), world.fork(replicate)
    lived(same, 5)
    lived(other, 5)
    for name, column in state(world.people).items():
        assert np.array_equal(column, before[name]), name
    lived(world, 5)
    alike(world, same)
    assert any(
        not np.array_equal(column, state(other.people)[name])
        for name, column in state(world.people).items()
    )
    assert other.replicate == replicate


@settings(max_examples=10, deadline=None)
@given(seed=seeds)
def test_replicates_share_the_past(seed: int) -> None:
    """A world made as a replicate is the fork of the first: one past, other futures."""
    made = World(scenario(), 5, seed, replicate=3)
    forked = World(scenario(), 5, seed).fork(3)
    alike(made, forked)
    alike(lived(made, 4), lived(forked, 4))
