"""Signed votes at rest: rows of the store, and refusals on the host besides.

Deleting an approval takes approval away, which is harmless. Deleting a refusal would give
it back. So a refusal is also kept as a file in ``refusals`` beside the store, written before
its row: it needs the same protection as the board's roster, not that of the database.
"""

from __future__ import annotations

import base64
import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from serving.governance import stops
from serving.installation import REFUSALS
from serving.storage.database import Database
from serving.storage.registry import StoredVote
from serving.storage.unit_of_work import UnitOfWork
from troth.digests import canonical_json, parse_json
from troth.errors import DataLoss, InvalidArgument, TrothError
from troth.files import write_whole
from troth.ids import is_canonical_uuid
from troth.types import SignedVote, Vote, isoformat, parse_time


def require_id(proposal_id: str) -> str:
    """Return ``proposal_id`` if it is a UUID, as it names files; raises InvalidArgument."""
    if not is_canonical_uuid(proposal_id):
        raise InvalidArgument(f"{proposal_id!r} is not a UUID", field="proposal_id")
    return proposal_id


def to_dict(vote: SignedVote) -> dict[str, Any]:
    """Plain values, for JSON."""
    return {
        "proposal_id": vote.proposal_id,
        "member": vote.member,
        "vote": str(vote.vote),
        "signed_at": isoformat(vote.signed_at),
        "reason": vote.reason,
        "signature": base64.b64encode(vote.signature).decode("ascii"),
    }


def from_dict(data: Any) -> SignedVote:
    """Inverse of :func:`to_dict`; raises :class:`DataLoss` if it is none."""
    try:
        return SignedVote(
            proposal_id=str(data["proposal_id"]),
            member=str(data["member"]),
            vote=Vote(data["vote"]),
            signed_at=parse_time(data["signed_at"], "signed_at"),
            signature=base64.b64decode(data["signature"], validate=True),
            reason=str(data["reason"]),
        )
    except (KeyError, TypeError, ValueError, TrothError) as error:
        raise DataLoss(f"not a vote: {error}", field="votes") from error


def insert(unit: UnitOfWork, vote: SignedVote) -> None:
    """Store ``vote``, inside the caller's transaction."""
    unit.registry.add_vote(
        StoredVote(
            proposal_id=vote.proposal_id,
            member=vote.member,
            vote=str(vote.vote),
            signed_at=isoformat(vote.signed_at),
            reason=vote.reason,
            signature=vote.signature,
        )
    )


def keep_refusal(home: Path, vote: SignedVote) -> None:
    """Keep a refusal on the host, first as a stop; its files appear whole or not at all.

    Raises:
        Unavailable: if not even the stop can be written.
    """
    stops.put(home, stops.refusal_name(vote.proposal_id), to_dict(vote))
    path = _folder(home) / f"{vote.proposal_id}.{vote.member}.json"
    write_whole(path, canonical_json(to_dict(vote)) + b"\n")


def fetch(unit: UnitOfWork, home: Path, proposal_id: str) -> tuple[SignedVote, ...]:
    """Every vote on a proposal, from the store and the host, in order of time.

    Raises:
        InvalidArgument: if ``proposal_id`` is not one.
        DataLoss: if a vote cannot be read as one.
    """
    require_id(proposal_id)
    found = {_identity(vote): vote for vote in in_store(unit, proposal_id)}
    for path in sorted(_folder(home).glob(f"{proposal_id}.*.json")):
        try:
            vote = from_dict(parse_json(path.read_bytes()))
        except ValueError as error:
            raise DataLoss(f"{path} is not JSON: {error}", field="refusals") from error
        found[_identity(vote)] = vote
    return tuple(sorted(found.values(), key=lambda vote: (vote.signed_at, vote.member)))


def in_store(unit: UnitOfWork, proposal_id: str) -> tuple[SignedVote, ...]:
    """The votes in the table alone; raises :class:`DataLoss` if one cannot be read as such."""
    found = []
    for row in unit.registry.votes(proposal_id):
        signature = base64.b64encode(row.signature).decode("ascii")
        found.append(from_dict({**row._asdict(), "signature": signature}))
    return tuple(found)


def has(unit: UnitOfWork, vote: SignedVote) -> bool:
    """Whether the table has this member's vote of this kind: the first one counts."""
    return any(
        (known.member, known.vote) == (vote.member, vote.vote)
        for known in in_store(unit, vote.proposal_id)
    )


def kept_refusals(home: Path) -> tuple[str, ...]:
    """Names of the refusals on the host: what a replica watches beside the store."""
    return tuple(sorted(path.name for path in _folder(home).glob("*.json")))


def kept(home: Path) -> Iterator[SignedVote]:
    """The refusals on the host that can be read as such."""
    for path in sorted(_folder(home).glob("*.json")):
        with contextlib.suppress(DataLoss, OSError, ValueError):
            yield from_dict(parse_json(path.read_bytes()))


def of(database: Database, proposal_id: str) -> tuple[SignedVote, ...]:
    """As :func:`fetch`, in a transaction of its own."""
    with database.read() as unit:
        return fetch(unit, database.home, proposal_id)


def _identity(vote: SignedVote) -> tuple[str, str, bytes]:
    return vote.member, vote.vote, vote.signature


def _folder(home: Path) -> Path:
    return home / REFUSALS
