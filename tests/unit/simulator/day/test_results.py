"""A day's result: one tuple of arrays, under the same names from the kernels to who reads them."""

from __future__ import annotations

import ast
from pathlib import Path

import numpy as np
import pytest

import simulator.day
from simulator.day.results import PAUSE_OPENED, WAITS, ResultArrays, StepResult
from simulator.world import World
from tests.support.worlds import any_contact

FOLDER = Path(simulator.day.__file__).parent
KERNELS = ("clear", "step", "contact", "order", "land", "events", "birthday")


def functions() -> dict[str, ast.FunctionDef]:
    """Every public function of the day's modules, by name."""
    trees = [ast.parse(path.read_text(encoding="utf-8")) for path in sorted(FOLDER.glob("*.py"))]
    return {
        node.name: node
        for tree in trees
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


@pytest.mark.parametrize("kernel", KERNELS)
def test_kernels_take_a_days_result_as_one(kernel: str) -> None:
    """Whoever writes to a day's result takes it whole, and no array of it on its own."""
    arguments = functions()[kernel].args.args
    named = {a.arg: ast.unparse(a.annotation) for a in arguments if a.annotation}
    assert named["result"] == "ResultArrays"
    assert not set(named) & set(ResultArrays._fields)


def test_no_kernel_gives_an_array_of_it_another_name() -> None:
    """An array of a result is bound to its own name, or to none."""
    found = 0
    for function in functions().values():
        for node in ast.walk(function):
            if not isinstance(node, ast.Assign):
                continue
            for target, value in pairs(node):
                if (
                    isinstance(value, ast.Attribute)
                    and isinstance(value.value, ast.Name)
                    and value.value.id == "result"
                ):
                    found += 1
                    assert ast.unparse(target) == value.attr
    assert found >= 4


def pairs(node: ast.Assign) -> list[tuple[ast.expr, ast.expr]]:
    """What is bound to what, one by one."""
    target, value = node.targets[0], node.value
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple):
        return list(zip(target.elts, value.elts, strict=True))
    return [(target, value)]


def test_a_step_returns_what_kernels_wrote(world: World) -> None:
    """The same tuple, field by field in its order, with what is derived read from it."""
    result = world.step(any_contact(world, np.random.default_rng(3)))
    assert isinstance(result, StepResult)
    assert result._fields == ResultArrays._fields
    assert [*result] == [getattr(result, name) for name in ResultArrays._fields]
    assert WAITS[PAUSE_OPENED] == "opened"
    opened = result.pauses[:, PAUSE_OPENED]
    np.testing.assert_array_equal(result.delay["opened"], opened - 1)
    assert (opened > 0).any()
