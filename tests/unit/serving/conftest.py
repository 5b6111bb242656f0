"""Fixtures of the serving tests: an office of a board, a bench for decisions, an installation."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from agents.artifacts.artifact import ArtifactStore
from agents.policies.uniform import NeverContact, UniformPolicy
from serving.governance.board import Board
from serving.installation import create
from serving.signing import keys
from serving.storage.database import Database
from tests.support.decisions import Bench
from tests.support.installations import Installation
from tests.support.offices import NAMES, Office, save_policy
from troth.types import Role


@pytest.fixture(scope="session")
def member_keys() -> dict[str, Ed25519PrivateKey]:
    """A key per member."""
    return {name: keys.generate() for name in NAMES}


@pytest.fixture
def office(tmp_path: Path, member_keys: dict[str, Ed25519PrivateKey]) -> Iterator[Office]:
    """A fresh installation under ``tmp_path``."""
    create(tmp_path)
    board = Board({name: keys.public_text(key) for name, key in member_keys.items()})
    board.save(tmp_path / "board.toml")
    artifacts = ArtifactStore(tmp_path / "artifacts")
    database = Database(tmp_path / "troth.db", durable=False)
    yield Office(tmp_path, database, artifacts, board, member_keys, save_policy(artifacts))
    database.close()


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
