"""Fixtures of the contracts: a store of each kind."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from serving.storage.database import Database
from tests.support.stores import KINDS, Place
from troth.database_url import DatabaseUrl


@pytest.fixture(params=KINDS)
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Place]:
    """An empty store of each kind."""
    where: Path | DatabaseUrl = tmp_path / "troth.db"
    if request.param == "postgresql":
        where = request.getfixturevalue("postgresql")()
    found = Place(where, tmp_path)
    yield found
    for database in found.opened:
        database.close()


@pytest.fixture
def database(place: Place) -> Database:
    """A new store."""
    return place.open(durable=False)
