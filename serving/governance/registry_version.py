"""What a replica polls to learn that it must load again.

The counter rises with every change made through this house. The fingerprint also tells of
changes that were made around it, and of refusals kept on the host, whose notice nobody can
hold back by writing into the store.
"""

from __future__ import annotations

import sqlite3

from serving.governance import votes
from serving.store import Database
from troth.digests import digest


def current(database: Database) -> int:
    """The generation now; a replica that saw another one loads again."""
    with database.read() as connection:
        return fetch(connection)


def fingerprint(database: Database) -> str:
    """A digest of generation, registry, states and the names of the refusals on the host.

    Three small reads, well under a millisecond; a replica that saw another one loads again.
    """
    with database.read() as connection:
        tables = [
            [list(row) for row in connection.execute(query)]
            for query in (
                # In hexadecimal: a cell that is no text must not keep the others from being seen.
                "SELECT generation FROM generations",
                "SELECT hex(decision_point), hex(role), hex(proposal_id), hex(activated_at)"
                " FROM activations ORDER BY 1, 2",
                "SELECT hex(decision_point), hex(state) FROM decision_point_states ORDER BY 1",
            )
        ]
    return digest([tables, list(votes.kept_refusals(database.home))])


def fetch(connection: sqlite3.Connection) -> int:
    """As :func:`current`, inside the caller's transaction."""
    row = connection.execute("SELECT generation FROM generations WHERE id = 1").fetchone()
    return int(row["generation"])


def bump(connection: sqlite3.Connection) -> int:
    """Raise the counter inside the caller's transaction and return it."""
    connection.execute("UPDATE generations SET generation = generation + 1 WHERE id = 1")
    return fetch(connection)
