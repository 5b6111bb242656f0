"""Checkpoints of a world: it goes on to the same bit, or is refused by name."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from simulator.model.programme import Programme
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import any_contact
from troth.errors import DataLoss, FailedPrecondition, NotFound


def goes_on(left: World, right: World, days: int = 6) -> None:
    """Both live the same lives from here, down to every result."""
    rng = [np.random.default_rng(5) for _ in range(2)]
    for _ in range(days):
        np.testing.assert_array_equal(left.contexts().raw, right.contexts().raw)
        np.testing.assert_array_equal(left.expected_rewards(), right.expected_rewards())
        one = left.step(any_contact(left, rng[0]))
        other = right.step(any_contact(right, rng[1]))
        for name in ("money", "answers", "waits", "orders", "spend_minor", "category", "store"):
            np.testing.assert_array_equal(getattr(one, name), getattr(other, name))
    for name, block in left.people.blocks().items():
        np.testing.assert_array_equal(block, right.people.blocks()[name])
    assert left.ledger() == right.ledger()


@pytest.mark.parametrize("newcomers", [False, True])
def test_a_restored_world_goes_on(lively: Scenario, tmp_path: Path, newcomers: bool) -> None:
    """Seed, day, numbers, replicate and own terms come back with the state."""
    world = World(lively, 150, 2**64 - 1, first_customer=2**31, replicate=7, newcomers=newcomers)
    terms = np.linspace(5.0, 15.0, 150)
    world.set_programme(Programme(terms, 1.5, 400, 0.8))
    rng = np.random.default_rng(0)
    for _ in range(35):  # over a period's end
        world.step(any_contact(world, rng))
    path = tmp_path / "deep" / "world.npz"
    world.save(path)
    again = World.restore(path, lively)
    assert (again.seed, again.day, again.size) == (2**64 - 1, 35, 150)
    assert (again.first_customer, again.replicate) == (2**31, 7)
    assert np.array_equal(again.customer_ids, world.customer_ids)
    np.testing.assert_array_equal(again.programme.points_per_major, terms.astype(np.float32))
    goes_on(world, again)


def test_saving_changes_nothing_and_can_be_repeated(lively: Scenario, tmp_path: Path) -> None:
    """The same moment is the same bytes; a later one replaces it whole."""
    world, twin = World(lively, 60, 3), World(lively, 60, 3)
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    world.save(one)
    world.save(two)
    assert one.read_bytes() == two.read_bytes()
    world.step(np.zeros(60, dtype=np.int64))
    world.save(one)
    assert World.restore(one, lively).day == 1
    assert World.restore(two, lively).day == 0
    twin.step(np.zeros(60, dtype=np.int64))
    goes_on(world, twin)


def test_a_fork_of_a_restored_world_is_independent(lively: Scenario, tmp_path: Path) -> None:
    """Memory of the file is not shared between worlds."""
    world = World(lively, 60, 3)
    world.save(tmp_path / "world.npz")
    again = World.restore(tmp_path / "world.npz", lively, threads=2)
    before = again.people.copy()
    fork = again.fork(3)
    fork.step(any_contact(fork, np.random.default_rng(0)))
    for name, block in again.people.blocks().items():
        np.testing.assert_array_equal(block, before.blocks()[name])
    goes_on(again, world)


def test_another_scenario_is_refused(lively: Scenario, tmp_path: Path) -> None:
    """A world is not continued under other rules, however small the difference."""
    path = tmp_path / "world.npz"
    World(lively, 10, 3).save(path)
    other = lively.replace(mood={"recovery_days": 20.5})
    with pytest.raises(FailedPrecondition, match=lively.digest[:12]) as caught:
        World.restore(path, other)
    assert caught.value.field == "world.npz"
    assert other.digest[:12] in str(caught.value)


def test_damage_and_absence_are_told_apart(lively: Scenario, tmp_path: Path) -> None:
    """A changed byte is data loss, a missing file is not found; both name the path."""
    path = tmp_path / "world.npz"
    World(lively, 10, 3).save(path)
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    path.write_bytes(bytes(whole))
    with pytest.raises(DataLoss, match=r"world\.npz"):
        World.restore(path, lively)
    with pytest.raises(NotFound, match=r"nowhere\.npz"):
        World.restore(tmp_path / "nowhere.npz", lively)
