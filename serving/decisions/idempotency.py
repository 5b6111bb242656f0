"""Idempotency: the same request gets the same answer and counts once."""

from __future__ import annotations

from serving.decisions.records import Decision, decode_record
from serving.storage.unit_of_work import UnitOfWork
from troth.errors import AlreadyExists


def find_answer(unit: UnitOfWork, request_id: str, request_digest: str) -> Decision | None:
    """The stored answer to a request, ``None`` if it was not asked before.

    Args:
        unit: a snapshot or a write transaction.
        request_id: UUID, lower case.
        request_digest: digest of all that is asked.

    Raises:
        AlreadyExists: if the id was used to ask something else.
        DataLoss: if the stored record is damaged.
    """
    found = unit.decisions.answer(request_id)
    if found is None:
        return None
    if found.request_digest != request_digest:
        raise reused(request_id)
    return decode_record(found.record, found.record_digest)


def reused(request_id: str) -> AlreadyExists:
    """The error for an id that was used to ask something else."""
    return AlreadyExists(
        f"{request_id} was used before for a request with other content", field="request_id"
    )
