"""A process's look at an installation, and what is done to it meanwhile."""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

from serving.decisioning.approved import ApprovedPolicies
from serving.governance import braking
from serving.governance.place import Place
from tests.support.installations import Installation
from troth.types import ServedBy


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
    return [answerer.role for answerer in source.servable("daily").policies]


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
