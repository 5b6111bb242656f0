"""Hashes of lives: every column counts, in every place, and nobody's depends on another's."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from experiments.populations import fates
from experiments.populations.deciders import plain
from simulator.scenarios import load
from simulator.world import StepResult, World


@pytest.fixture(scope="module")
def day(scenario_file: Path) -> tuple[np.ndarray, StepResult]:
    """Actions and result of one day of 40 customers."""
    world = World(load(scenario_file), 40, 5)
    actions = plain(world)
    return actions, world.step(actions)


def _hashes(actions: np.ndarray, result: StepResult) -> fates.Hashes:
    hashes = fates.born(0, actions.size)
    fates.fold(hashes, actions, result)
    return hashes


def test_every_column_counts(day: tuple[np.ndarray, StepResult]) -> None:
    """A change of one customer in any column changes their hash and no other's."""
    actions, result = day
    whole = _hashes(actions, result)
    others = np.arange(40) != 17
    changed = 0
    for name, block in result._asdict().items():
        customers = block.shape.index(actions.size)  # money lies in columns, pauses in rows
        for column in range(block.size // actions.size):
            other = block.copy()
            theirs = np.moveaxis(other, customers, 0)
            theirs[17] ^= np.eye(theirs[0].size, dtype=block.dtype)[column].reshape(
                theirs[17].shape
            )
            found = _hashes(actions, result._replace(**{name: other}))
            assert found[17] != whole[17], (name, column)
            np.testing.assert_array_equal(found[others], whole[others])
            changed += 1
    assert changed == len(list(fates.columns(result))) > 15


def test_order_and_days_count(day: tuple[np.ndarray, StepResult]) -> None:
    """Two days are not one, and swapped columns are not the same life."""
    actions, result = day
    once = _hashes(actions, result)
    twice = once.copy()
    fates.fold(twice, actions, result)
    assert (twice != once).all()
    money = result.money[::-1].copy()
    differs = (money != result.money).any(axis=0)
    assert differs.any()
    assert ((_hashes(actions, result._replace(money=money)) != once) == differs).all()


def test_values_do_not_depend_on_their_width() -> None:
    """A column counts by its values: int32 and int64 fold alike, negative ones too."""
    values = np.array([-1, 0, 7], dtype=np.int64)
    wide, narrow = fates.born(0, 3), fates.born(0, 3)
    fates._fold(wide, values)
    fates._fold(narrow, values.astype(np.int32))
    np.testing.assert_array_equal(wide, narrow)
    assert len({int(h) for h in wide}) == 3
