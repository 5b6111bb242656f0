"""A counter that rises with every change a replica must take up: one cheap read to poll."""

from __future__ import annotations

import sqlite3

from serving.store import Database


def current(database: Database) -> int:
    """The generation now; a replica that saw another one loads again."""
    with database.read() as connection:
        return fetch(connection)


def fetch(connection: sqlite3.Connection) -> int:
    """As :func:`current`, inside the caller's transaction."""
    row = connection.execute("SELECT generation FROM generations WHERE id = 1").fetchone()
    return int(row["generation"])


def bump(connection: sqlite3.Connection) -> int:
    """Raise the counter inside the caller's transaction and return it."""
    connection.execute("UPDATE generations SET generation = generation + 1 WHERE id = 1")
    return fetch(connection)
