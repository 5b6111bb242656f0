"""Bringing the schema of a store up to date: alembic, run on the driver's own connection."""

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.resources import files
from typing import Any

HEAD = "0001"
"""The revision that this version of Troth reads and writes: alembic's newest."""
EARLIER = "0.1"
"""What :func:`sqlite_revision` calls a store of Troth 0.1, which keeps a list of scripts."""
BASE = "0001"
"""The revision whose schema is what all scripts make."""
_alone = threading.Lock()
"""Alembic keeps what it works on in variables of its module."""


def sqlite_revision(connection: sqlite3.Connection) -> str | None:
    """The revision of an SQLite store; ``None`` of an empty one, or if nobody wrote it down."""
    query = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    tables = {row[0] for row in connection.execute(query)}
    if "alembic_version" in tables:
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
        return None if row is None else str(row[0])
    return EARLIER if "migrations" in tables else None


def upgrade_sqlite(connection: sqlite3.Connection) -> None:
    """Bring an SQLite store to :data:`HEAD`, in one transaction.

    Args:
        connection: in autocommit.

    Raises:
        sqlite3.Error: if it cannot; the store is as it was then.
    """
    with _alembic(connection, "sqlite://") as run:
        connection.execute("BEGIN IMMEDIATE")
        if sqlite_revision(connection) == EARLIER:
            seen = earlier_names(connection)
            _run_scripts(connection, [name for name, _ in scripts() if name not in seen])
            connection.execute("DROP TABLE migrations")
            run("stamp", BASE)
        run("upgrade", "head")


def upgrade_postgresql(connection: Any, begin: str) -> None:
    """Bring a PostgreSQL store to :data:`HEAD`, in one transaction.

    Args:
        connection: of psycopg, in autocommit.
        begin: what makes other writers wait, run first.

    Raises:
        psycopg.Error: if it cannot; the store is as it was then.
    """
    connection.autocommit = False
    try:
        with _alembic(connection, "postgresql+psycopg://") as run:
            connection.execute(begin)
            run("upgrade", "head")
    finally:
        if not connection.closed:
            connection.autocommit = True


@contextmanager
def _alembic(connection: Any, url: str) -> Iterator[Callable[[str, str], None]]:
    """Alembic's commands by name, in one transaction of the driver's ``connection``."""
    from alembic import command  # loaded by the few that make or judge a schema
    from alembic.config import Config
    from sqlalchemy import create_engine
    from sqlalchemy.exc import DBAPIError
    from sqlalchemy.pool import StaticPool

    engine = create_engine(url, creator=lambda: connection, poolclass=StaticPool)
    config = Config()
    config.set_main_option("script_location", str(files("serving.storage") / "migrations"))

    def run(name: str, revision: str) -> None:
        getattr(command, name)(config, revision)

    with _alone:
        try:
            with engine.connect() as bound:
                config.attributes["connection"] = bound
                with bound.begin():  # alembic commits nothing in a transaction not its own
                    yield run
        except DBAPIError as error:
            raise (error.orig or error) from error


def make_earlier(connection: sqlite3.Connection, names: Collection[str]) -> None:
    """Make, in an empty store, what the scripts called ``names`` made."""
    connection.execute("CREATE TABLE IF NOT EXISTS migrations (name TEXT PRIMARY KEY) STRICT")
    _run_scripts(connection, names)


def earlier_names(connection: sqlite3.Connection) -> set[str]:
    """The scripts that a store of 0.1 or before has seen."""
    return {str(row[0]) for row in connection.execute("SELECT name FROM migrations")}


def _run_scripts(connection: sqlite3.Connection, names: Collection[str]) -> None:
    for name, text in scripts():
        if name in names:
            for statement in split_statements(text):
                connection.execute(statement)
            connection.execute("INSERT INTO migrations VALUES (?)", (name,))


@cache
def scripts() -> tuple[tuple[str, str], ...]:
    """Names and texts of the scripts that made the schema before alembic did, in order."""
    folder = files("serving.storage").joinpath("migrations", "sqlite")
    found = (p for p in folder.iterdir() if p.name.endswith(".sql"))
    return tuple((p.name, p.read_text()) for p in sorted(found, key=lambda p: p.name))


def split_statements(script: str) -> list[str]:
    """The statements of an SQL script; a trigger's body stays with its trigger."""
    statements: list[str] = []
    pending = ""
    for piece in script.split(";")[:-1]:
        pending += piece + ";"
        if sqlite3.complete_statement(pending):
            statements.append(pending.strip())
            pending = ""
    return statements
