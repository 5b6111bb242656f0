"""One seed, one history: restarted from a checkpoint, cut anywhere, beside anyone."""

from __future__ import annotations

import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from experiments.populations import fates
from experiments.populations.deciders import plain
from simulator.compiled.threads import LEAST
from simulator.scenarios import Scenario, load
from simulator.world import World

seeds = st.integers(0, 2**64 - 1)


@cache
def scenario() -> Scenario:
    """The reference, made lively and quick to start."""
    return load("reference").replace(
        warm_up={"days": 3}, purchases={"r": 3.0, "alpha_weeks": 2.0}, mood={"ticket_per_day": 0.03}
    )


def lived(world: World, hashes: fates.Hashes, days: int) -> None:
    """Add some days of the plain programme to ``world`` and ``hashes``."""
    for _ in range(days):
        actions = plain(world)
        fates.fold(hashes, actions, world.step(actions))


@settings(max_examples=12, deadline=None)
@given(
    seed=seeds,
    first=st.integers(0, 2**31),
    replicate=st.integers(0, 5),
    before=st.integers(1, 35),
    after=st.integers(1, 5),
)
def test_restarted_from_a_checkpoint(
    seed: int, first: int, replicate: int, before: int, after: int
) -> None:
    """A world that was saved and restored goes on to the same bit, and so does the origin."""
    world = World(scenario(), 25, seed, first_customer=first, replicate=replicate)
    hashes = fates.born(first, 25)
    lived(world, hashes, before)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "world.npz"
        world.save(path)
        again = World.restore(path, scenario())
        kept = path.read_bytes()
        again.save(path)
        assert path.read_bytes() == kept
    assert (again.day, again.replicate) == (world.day, world.replicate)
    assert (again.size, again.first_customer) == (world.size, world.first_customer)
    assert np.array_equal(again.contexts().raw, world.contexts().raw, equal_nan=True)
    assert np.array_equal(again.expected_rewards(), world.expected_rewards())
    other = hashes.copy()
    lived(world, hashes, after)
    lived(again, other, after)
    assert np.array_equal(hashes, other)


@settings(max_examples=12, deadline=None)
@given(seed=seeds, row=st.integers(0, 14), day=st.integers(0, 9), data=st.data())
def test_an_action_is_nobody_else_s_business(
    seed: int, row: int, day: int, data: st.DataObject
) -> None:
    """Another action for one customer on one day leaves every other life as it was."""
    worlds = [World(scenario(), 15, seed) for _ in range(2)]
    hashes = [fates.born(0, 15) for _ in range(2)]
    for at in range(10):
        actions = [plain(world) for world in worlds]
        if at == day:
            eligible = np.flatnonzero(worlds[1].mask()[row])
            actions[1][row] = data.draw(st.sampled_from(list(eligible)))
            changed = actions[0][row] != actions[1][row]
        for world, chosen, hashed in zip(worlds, actions, hashes, strict=True):
            fates.fold(hashed, chosen, world.step(chosen))
    differs = hashes[0] != hashes[1]
    assert differs[row] == changed
    assert not np.delete(differs, row).any()


@settings(max_examples=4, deadline=None)
@given(seed=seeds, threads=st.integers(2, 4))
def test_one_thread_or_many(seed: int, threads: int) -> None:
    """However many threads share a day, it is the same day: state, features and truth."""
    size = threads * LEAST  # enough for each to get a part
    one, many = (World(scenario(), size, seed, threads=count) for count in (1, threads))
    hashes = [fates.born(0, size) for _ in range(2)]
    for world, hashed in zip((one, many), hashes, strict=True):
        lived(world, hashed, 2)
    assert np.array_equal(*hashes)
    for name, block in one.people.blocks().items():
        assert np.array_equal(block, many.people.blocks()[name]), name
    assert np.array_equal(one.mask(), many.mask())
    assert np.array_equal(one.contexts().raw, many.contexts().raw, equal_nan=True)
    assert np.array_equal(one.observe(), many.observe())
    assert np.array_equal(one.expected_rewards(), many.expected_rewards())


@settings(max_examples=8, deadline=None)
@given(seed=seeds, cut=st.integers(1, 39))
def test_one_batch_or_two(seed: int, cut: int) -> None:
    """A population lives as its two parts do."""
    parts = []
    for first, size in ((0, 40), (0, cut), (cut, 40 - cut)):
        hashes = fates.born(first, size)
        lived(World(scenario(), size, seed, first_customer=first), hashes, 6)
        parts.append(hashes)
    assert np.array_equal(parts[0], np.concatenate(parts[1:]))
