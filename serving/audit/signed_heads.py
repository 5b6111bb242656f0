"""Acts of governance, each sealed with a signed head of the audit log.

Before the host signs a new head it walks the chain from the last one it kept. A log that
was cut or rewritten is therefore never signed on: the act is refused, and ``troth audit
verify`` goes on finding what was done.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.audit import chain, checkpoints
from serving.audit.chain import GENESIS
from serving.audit.checkpoints import Head
from serving.signing import keys
from serving.storage.database import Database
from serving.storage.driver import BUSY_TIMEOUT_S
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import DataLoss, TrothError

log = logging.getLogger(__name__)


@contextmanager
def governed(
    database: Database, *, restricting: bool = False, patience_s: float = BUSY_TIMEOUT_S
) -> Iterator[UnitOfWork]:
    """A write transaction for an act of governance; a signed head follows it.

    Args:
        database: the store.
        restricting: the act only takes away (a refusal, a pause), so it must not be stopped
            by a damaged log: it is recorded, but no head is signed over the damage.
        patience_s: how long to wait for another writer, seconds.

    Raises:
        DataLoss: if the log no longer continues the head kept on this host, or the schema
            is not ours, and the act is not restricting; nothing is written then.
        Unavailable: if the store cannot be written now.
    """
    sealed: Head | None = None
    try:
        database.require_own_schema()
        checkpoint(database, patience_s=patience_s)  # the long walk, outside the write lock
        whole = True
    except TrothError:
        if not restricting:
            raise
        whole = False
    with database.write(patience_s=patience_s) as unit:
        yield unit
        if whole:
            sealed = _seal(unit, database)
    if sealed is not None:
        checkpoints.keep(database.home, sealed)


def checkpoint(database: Database, *, patience_s: float = BUSY_TIMEOUT_S) -> Head | None:
    """Sign the head of the log and keep it, in the store and on the host.

    Args:
        database: whose log.
        patience_s: how long to wait for another writer, seconds.

    Returns:
        The signed head; ``None`` of an empty log.

    Raises:
        DataLoss: if the log no longer continues the head kept on this host.
    """
    kept = checkpoints.kept(database.home)
    with database.read() as unit:
        seq, row_hash = _walk(unit, kept)
    if seq == 0 or (kept is not None and kept.seq == seq):
        return kept
    head = checkpoints.sign(_key(database), seq, row_hash)
    with database.write(patience_s=patience_s) as unit:
        checkpoints.insert(unit, head)
    checkpoints.keep(database.home, head)
    return head


def try_checkpoint(database: Database) -> None:
    """:func:`checkpoint`, with whatever hinders it in the service's own log."""
    try:
        checkpoint(database)
    except TrothError as error:
        log.error("the audit log was not signed: %s", error)


def _seal(unit: UnitOfWork, database: Database) -> Head | None:
    seq, row_hash = _walk(unit, checkpoints.kept(database.home))
    if seq == 0:
        return None
    head = checkpoints.sign(_key(database), seq, row_hash)
    checkpoints.insert(unit, head)
    return head


def _key(database: Database) -> Ed25519PrivateKey:
    return keys.load_or_create(checkpoints.key_path(database.home))


def _walk(unit: UnitOfWork, base: Head | None) -> tuple[int, str]:
    """(seq, hash) of the last row, every link checked from ``base`` on."""
    seq, previous = (base.seq, base.hash) if base else (0, GENESIS)
    if base is not None and unit.audit.hash_at(seq) != previous:
        raise DataLoss(
            f"the log does not hold row {seq} as this host signed it;"
            " `troth audit verify` tells more",
            field="audit",
        )
    for row in chain.rows(unit, after=seq):
        seq += 1
        if row.seq != seq or row.previous != previous or row.hash != row.expected_hash():
            raise DataLoss(
                f"row {row.seq} does not continue row {seq - 1}; `troth audit verify` tells more",
                field="audit",
            )
        previous = row.hash
    return seq, previous
