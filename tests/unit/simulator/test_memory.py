"""A day's memory serves again when its owner says so, and only then."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.day.results import StepResult
from simulator.scenarios import Scenario
from simulator.world import World
from tests.support.worlds import any_contact, nobody
from troth.errors import InvalidArgument


def test_a_given_day_is_written_over_and_brings_the_same(lively: Scenario) -> None:
    """With memory given back, every day is as it would have been in fresh memory."""
    fresh, again = World(lively, 800, 5), World(lively, 800, 5)
    rng = np.random.default_rng(1)
    mask, day = None, None
    for _ in range(12):
        mask = again.mask(mask)
        np.testing.assert_array_equal(mask, fresh.mask())
        actions = any_contact(fresh, rng)
        expected = fresh.step(actions)
        day = again.step(actions, day)
        for name, column in expected._asdict().items():
            np.testing.assert_array_equal(getattr(day, name), column, err_msg=name)
        np.testing.assert_array_equal(day.waits, expected.waits)
        for name, column in expected.components.items():
            np.testing.assert_array_equal(day.components[name], column, err_msg=name)


def test_memory_is_the_same_only_if_given(world: World) -> None:
    """A day given back lies where it lay; otherwise earlier days and masks stay as they were."""
    first, mask = world.step(nobody(world)), world.mask()
    kept, seen = first.money.copy(), mask.copy()
    second = world.step(nobody(world))
    assert second.money is not first.money
    assert world.mask() is not mask
    np.testing.assert_array_equal(first.money, kept)
    np.testing.assert_array_equal(mask, seen)
    assert world.step(nobody(world), second).money is second.money
    assert world.mask(mask) is mask
    assert not mask.flags.writeable


def test_this_mornings_mask_is_worked_out_once(world: World) -> None:
    """Memory offered after the mask is known stays untouched."""
    offered = np.zeros_like(world.mask())
    assert world.mask(offered) is world.mask()
    assert not offered.any()


def test_memory_that_does_not_fit_is_refused(world: World) -> None:
    """The error names the argument, and the day has not begun."""
    before = world.day
    with pytest.raises(InvalidArgument, match="out: a day of 3 customers, not of"):
        world.step(nobody(world), StepResult.empty(3))
    for wrong in (np.empty((3, 2), dtype=bool), np.empty(world.mask().shape, dtype=np.uint8)):
        with pytest.raises(InvalidArgument, match=r"out: .* is no earlier mask"):
            world.fork().mask(wrong)
    assert world.day == before


def test_a_fork_does_not_live_in_its_originals_memory(world: World) -> None:
    """Writing over the original's mask leaves the fork's alone."""
    mask = world.mask()
    twin = world.fork()
    expected = mask.copy()
    world.step(nobody(world))
    world.people.permits[:] = 1
    world.mask(mask)
    np.testing.assert_array_equal(twin.mask(), expected)
