"""What a replica polls to learn that it must load again.

The counter rises with every change made through this house. The fingerprint also tells of
changes that were made around it, and of refusals kept on the host, whose notice nobody can
hold back by writing into the store.
"""

from __future__ import annotations

from serving.governance import votes
from serving.storage.database import Database
from serving.storage.unit_of_work import UnitOfWork
from troth.digests import digest


def current(database: Database) -> int:
    """The generation now; a replica that saw another one loads again."""
    with database.read() as unit:
        return fetch(unit)


def fingerprint(database: Database) -> str:
    """A digest of generation, registry, states and the names of the refusals on the host.

    Three small reads, well under a millisecond; a replica that saw another one loads again.
    """
    with database.read() as unit:
        # A cell that is no text must not keep the others from being seen.
        active = [[_plain(cell) for cell in row] for row in unit.registry.activations()]
        states = [list(row) for row in unit.registry.states()]
        generation = unit.registry.generation()
    return digest([generation, active, states, list(votes.kept_refusals(database.home))])


def _plain(cell: bytes | str) -> str:
    return cell if isinstance(cell, str) else cell.hex()


def fetch(unit: UnitOfWork) -> int:
    """As :func:`current`, inside the caller's transaction."""
    return unit.registry.generation()


def bump(unit: UnitOfWork) -> int:
    """Raise the counter inside the caller's transaction and return it."""
    return unit.registry.bump()
