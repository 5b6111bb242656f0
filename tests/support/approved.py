"""An installation whose approved policies a process looks at, and what may hinder it."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.policies.uniform import NeverContact, UniformPolicy
from serving.decisioning.approved import ApprovedPolicies
from serving.governance import braking
from serving.governance.place import Place
from tests.support.installations import Installation
from troth.types import Role, ServedBy


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    """A model and a baseline, both approved and active."""
    one = Installation(tmp_path / "home")
    one.model = one.save(UniformPolicy())  # type: ignore[attr-defined]
    one.baseline = one.save(NeverContact())  # type: ignore[attr-defined]
    one.activate(one.model, Role.MODEL)  # type: ignore[attr-defined]
    one.activate(one.baseline, Role.BASELINE)  # type: ignore[attr-defined]
    return one


def policies(
    one: Installation,
    *,
    later: timedelta = timedelta(0),
    monotonic: Callable[[], float] = time.monotonic,
) -> ApprovedPolicies:
    """A fresh process's look at the registry."""
    source = ApprovedPolicies(
        one.database,
        one.artifacts,
        one.settings.board,
        one.config.digest,
        Place.of(one.settings),
        clock=lambda: datetime.now(UTC) + later,
        monotonic=monotonic,
    )
    source.refresh()
    return source


def roles(source: ApprovedPolicies) -> list[ServedBy]:
    """Who may answer ``daily``."""
    return [answerer.role for answerer in source.standing("daily").answerers]


def refusals(one: Installation) -> int:
    """Audited refusals to serve."""
    with one.database.read() as connection:
        return int(
            connection.execute(
                "SELECT count(*) FROM audit WHERE kind = 'serving.refused'"
            ).fetchone()[0]
        )


def pause(one: Installation) -> None:
    """Stop the model of ``daily``."""
    braking.pause(one.settings.home, "daily", now=datetime.now(UTC), by="test")


@contextmanager
def held_lock(one: Installation) -> Iterator[None]:
    """Another writer that does not let go."""
    other = sqlite3.connect(one.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


def loads(one: Installation) -> int:
    """Audited loads."""
    query = "SELECT count(*) FROM audit WHERE kind = 'serving.loaded'"
    with one.database.read() as connection:
        return int(connection.execute(query).fetchone()[0])
