"""Whether a store is of this version: a new one is made, one of another version is refused.

``troth migrate`` brings one of an earlier version over, with a backup beside it.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from importlib.resources import files
from pathlib import Path
from typing import Any

from serving.storage import sqlite, sqlite_shape, upgrading
from serving.storage.differences import differences
from serving.storage.driver import Driver
from serving.storage.sqlite import SqliteDriver, copy_file
from serving.storage.upgrading import EARLIER, HEAD
from troth.errors import DataLoss, FailedPrecondition, NotFound


@dataclass(frozen=True, slots=True, kw_only=True)
class Migrated:
    """What bringing a store over did.

    Attributes:
        before, after: revisions; ``0.1`` is the store of Troth 0.1.
        backup: the store as it was; ``None`` if there was nothing to do, or it is no file.
    """

    before: str
    after: str
    backup: Path | None

    @property
    def changed(self) -> bool:
        """Whether there was anything to do."""
        return self.before != self.after


def require_current(driver: Driver, connection: Any, *, make: bool) -> None:
    """Make the schema of an empty store if ``make``; refuse one of another version.

    Raises:
        NotFound: if it is empty, and not to be made: what is gone must not come back empty.
        FailedPrecondition: if it is of another version.
        DataLoss: if it has tables that no migration made.
        Unavailable: if it is busy or cannot be written.
    """
    found = driver.revision(connection)
    if found == HEAD:
        return  # the usual case, which must not wait for a writer
    if found is not None:
        raise _refused(driver.name, found)
    if not make:
        raise NotFound(f"{driver.name} holds no store; `troth board init` makes one", field="home")
    driver.upgrade(connection)


def migrate(driver: Driver, *, now: datetime) -> Migrated:
    """Bring a store of an earlier version over; one of this version stays as it is.

    A file is copied first, as it is committed at that moment, into ``NAME.REVISION-TIME`` beside
    it, for its owner alone.

    Args:
        driver: of the store; nobody else may be using it.
        now: aware UTC, for the name of the copy.

    Raises:
        FailedPrecondition: if it is of a later version.
        DataLoss: if its schema is not the one of its version; nothing is changed.
        Unavailable: if it is busy or cannot be written; nothing is changed.
    """
    with closing(driver.open()) as connection:
        before = driver.revision(connection)
        if before == HEAD:
            return Migrated(before=before, after=HEAD, backup=None)
        if before is None:
            raise DataLoss(f"{driver.name} holds no schema of ours", field="database")
        if before != EARLIER and not _is_known(before):
            raise _refused(driver.name, before)
        backup = None
        if isinstance(driver, SqliteDriver):
            with closing(driver.open()) as held:  # so that nobody else brings it over meanwhile
                driver.begin_write(held, sqlite.BUSY_TIMEOUT_S)
                if driver.revision(connection) != before:
                    return migrate(driver, now=now)
                _require_whole(driver, connection, before)
                backup = driver.path.with_name(f"{driver.path.name}.{before}-{now:%Y%m%dT%H%M%SZ}")
                copy_file(driver.path, backup)
        driver.upgrade(connection)
        return Migrated(before=before, after=HEAD, backup=backup)


def _require_whole(driver: SqliteDriver, connection: sqlite3.Connection, revision: str) -> None:
    try:
        found = next(driver.inconsistent(connection, ()), None)
        if found is None and revision == EARLIER:
            _require_earlier_shape(driver, connection)
    except sqlite3.Error as error:
        raise driver.typed(error) from error
    if found is not None:
        first = " ".join(found.split())[:200]
        raise DataLoss(f"{driver.name}: the store is damaged: {first}", field="database")


def _require_earlier_shape(driver: SqliteDriver, connection: sqlite3.Connection) -> None:
    with closing(sqlite3.connect(":memory:", isolation_level=None)) as fresh:
        upgrading.make_earlier(fresh, upgrading.earlier_names(connection))
        own = sqlite_shape.shape(fresh)
    found = differences(own, sqlite_shape.shape(connection))
    if found:
        raise DataLoss(f"{driver.name}: {'; '.join(found[:3])}", field="database.schema")


def _is_known(revision: str) -> bool:
    """Whether ``revision`` is one that this version can start from."""
    found = files("serving.storage").joinpath("migrations", "versions").iterdir()
    return revision < HEAD and any(p.name.startswith(f"r{revision}_") for p in found)


def _refused(name: str, found: str) -> FailedPrecondition:
    if found == EARLIER or _is_known(found):
        message = f"{name} is of an earlier version: `troth migrate` brings it over"
    else:
        message = f"{name} is of a later version of Troth, or none (revision {found[:32]!r})"
    return FailedPrecondition(message, field="database")
