"""Fixtures of the decisioning tests."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from agents.policies.uniform import NeverContact, UniformPolicy
from tests.support.decisions import Bench
from tests.support.installations import Installation
from troth.types import Role


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Callable[..., Bench]]:
    """Makes benches that are closed afterwards."""
    made: list[Bench] = []

    def make(**changes: Any) -> Bench:
        made.append(Bench(tmp_path / str(len(made)), **changes))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    """A model and a baseline, both approved and active."""
    one = Installation(tmp_path / "home")
    one.model = one.save(UniformPolicy())  # type: ignore[attr-defined]
    one.baseline = one.save(NeverContact())  # type: ignore[attr-defined]
    one.activate(one.model, Role.MODEL)  # type: ignore[attr-defined]
    one.activate(one.baseline, Role.BASELINE)  # type: ignore[attr-defined]
    return one
