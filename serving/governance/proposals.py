"""Proposals and the votes cast on them."""

from __future__ import annotations

import base64
import logging
from datetime import datetime
from typing import Any

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.audit import chain
from serving.audit.kinds import AuditKind
from serving.audit.signed_heads import governed
from serving.governance import case, registry_version, signatures, votes
from serving.governance.board import Board
from serving.governance.decision_points import require_point
from serving.governance.evidence import EvidenceStore
from serving.governance.place import Place
from serving.governance.refusal_reasons import Cause, not_approved
from serving.storage.database import Database
from serving.storage.driver import BUSY_TIMEOUT_S
from serving.storage.registry import StoredProposal
from serving.storage.unit_of_work import UnitOfWork
from troth.digests import canonical_json, digest, parse_json, require_digest
from troth.errors import (
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    NotFound,
    PermissionDenied,
    TrothError,
    Unavailable,
)
from troth.types import (
    Proposal,
    Role,
    Scope,
    SignedVote,
    Vote,
    isoformat,
    new_id,
    parse_time,
    require_aware,
)

log = logging.getLogger(__name__)

LONGEST_REASON = 2000
"""Characters."""
_PATIENCE_S = 0.5
"""How long a refusal waits for the store; it is in force, and recorded when that is free."""
_DIGESTS = (
    "policy_digest",
    "catalogue_digest",
    "guardrails_digest",
    "evidence_digest",
    "board_digest",
)


def propose(
    database: Database,
    *,
    policy_digest: str,
    catalogue_digest: str,
    guardrails_digest: str,
    evidence_digest: str,
    role: Role,
    place: Place,
    scope: Scope,
    board: Board,
    key: Ed25519PrivateKey,
    now: datetime,
) -> Proposal:
    """Ask the board to let a policy be served, signed with the proposer's key.

    Args:
        database: the store.
        policy_digest: the artifact.
        catalogue_digest: the artifact's catalogue.
        guardrails_digest: the configuration it is to be served behind.
        evidence_digest: a document in the evidence store that makes the case for this policy
            behind these guardrails; see :mod:`serving.governance.case`.
        role: what the policy is to do.
        place: where it is to be served: the installation, its settings, its version.
        scope: what is asked for; must expire after ``now``.
        board: the roster in use, whose digest is bound in.
        key: a member's.
        now: aware UTC.

    Raises:
        InvalidArgument: naming a digest, a decision point or an expiry that cannot be, or the
            key of the evidence that is missing, wrong or on something else.
        NotFound: if the evidence is not stored.
        PermissionDenied: if ``key`` is no member's.
        FailedPrecondition: if the board is too small to approve anything.
        DataLoss: if the audit log was tampered with.
    """
    now = require_aware(now, "now")
    if scope.expires_at <= now:
        raise InvalidArgument(
            f"{isoformat(scope.expires_at)} is not in the future", field="scope.expires_at"
        )
    for point in scope.decision_points:
        require_point(point)
    if not board.can_approve:
        raise FailedPrecondition(
            f"{len(board.members)} members cannot be a proposer and {board.quorum} approvers",
            field="board.members",
        )
    proposal = Proposal(
        proposal_id=new_id(),
        policy_digest=require_digest(policy_digest, "policy_digest"),
        catalogue_digest=require_digest(catalogue_digest, "catalogue_digest"),
        guardrails_digest=require_digest(guardrails_digest, "guardrails_digest"),
        evidence_digest=require_digest(evidence_digest, "evidence_digest"),
        role=role,
        installation_id=place.installation_id,
        settings=dict(place.settings),
        version=place.version,
        board_digest=board.digest,
        scope=scope,
        proposer=board.holder(key),
        created_at=now,
    )
    case.require(
        EvidenceStore(database.home / "evidence").get(evidence_digest),
        policy_digest=policy_digest,
        guardrails_digest=guardrails_digest,
    )
    own = signatures.sign(proposal, Vote.PROPOSE, member=proposal.proposer, key=key, signed_at=now)
    statement = canonical_json(proposal.statement())
    with governed(database) as unit:
        unit.registry.add_proposal(proposal.proposal_id, statement.decode())
        votes.insert(unit, own)
        chain.append(
            unit,
            AuditKind.PROPOSED,
            {
                "proposal_id": proposal.proposal_id,
                "member": proposal.proposer,
                "statement_digest": digest(proposal.statement()),
                "policy_digest": proposal.policy_digest,
                "signed_at": isoformat(own.signed_at),
                "reason": own.reason,
                "signature": base64.b64encode(own.signature).decode("ascii"),
            },
        )
    return proposal


def vote(
    database: Database,
    proposal_id: str,
    choice: Vote,
    *,
    board: Board,
    key: Ed25519PrivateKey,
    now: datetime,
    reason: str = "",
) -> SignedVote:
    """Sign and cast the vote of the member who holds ``key``; raises as :func:`cast`."""
    proposal = get(database, proposal_id)
    signed = signatures.sign(
        proposal, choice, member=board.holder(key), key=key, signed_at=now, reason=reason
    )
    return cast(database, signed, board=board)


def cast(database: Database, signed: SignedVote, *, board: Board) -> SignedVote:
    """Record a signed vote; the same member's second vote of a kind returns the first.

    Raises:
        NotFound: if there is no such proposal.
        NotApproved: with cause ``form`` if it was made by an earlier version.
        InvalidArgument: for a vote that is neither approval nor refusal, or too long a reason.
        PermissionDenied: if the proposer approves; refusing, that is withdrawing, they may.
        FailedPrecondition: if the member refused before: refusals stand.
        NotApproved: if the vote or the proposer's own signature does not verify, or the
            proposal was made to another board.
        DataLoss: if the audit log was tampered with; a refusal is recorded all the same, and
            in force even if it cannot be.
    """
    if signed.vote not in (Vote.APPROVE, Vote.REFUSE):
        raise InvalidArgument(f"{signed.vote!r} is not approve or refuse", field="vote")
    if len(signed.reason) > LONGEST_REASON:
        raise InvalidArgument(f"is over {LONGEST_REASON} characters", field="reason")
    proposal = get(database, signed.proposal_id)
    _check_board(proposal, board)
    signatures.verify(proposal, signed, board)
    before = votes.of(database, proposal.proposal_id)
    # What the member saw must be what the proposer signed, not what somebody wrote since.
    own = [known for known in before if known.vote is Vote.PROPOSE]
    for known in own:
        signatures.verify(proposal, known, board)
    if not own:
        raise FailedPrecondition("has lost its proposer's signature", field="proposal")
    if signed.vote is Vote.APPROVE:
        _check_may_approve(proposal, signed, before)
    return _record(database, signed)


def get(database: Database, proposal_id: str) -> Proposal:
    """One proposal.

    Raises:
        NotFound: if there is none of this id.
        NotApproved: with cause ``form`` if its statement is that of an earlier version.
        DataLoss: if it cannot be read.
    """
    with database.read() as unit:
        return fetch(unit, proposal_id)


def fetch(unit: UnitOfWork, proposal_id: str) -> Proposal:
    """As :func:`get`, inside the caller's transaction."""
    row = unit.registry.proposal(proposal_id)
    if row is None:
        raise NotFound(
            f"no proposal {proposal_id!r}: `troth proposals list` shows them", field="proposal_id"
        )
    return _parse(row)


def list_all(database: Database) -> tuple[Proposal, ...]:
    """Every proposal that can hold, oldest first; raises :class:`DataLoss` if one is unreadable."""
    with database.read() as unit:
        rows = unit.registry.proposals()
    return tuple(_parse(row) for row in rows if not _is_of_earlier_form(row))


def of_earlier_form(database: Database) -> tuple[str, ...]:
    """Ids of the proposals that an earlier version made, and that are void for it."""
    with database.read() as unit:
        rows = unit.registry.proposals()
    return tuple(row.proposal_id for row in rows if _is_of_earlier_form(row))


def _record(database: Database, signed: SignedVote) -> SignedVote:
    refusing = signed.vote is Vote.REFUSE
    if refusing:
        # First the file: should the rest fail, the refusal stands all the same.
        votes.keep_refusal(database.home, signed)
        try:
            return write_down(database, signed, patience_s=_PATIENCE_S)
        except (Unavailable, DataLoss) as error:
            log.warning("a refusal is in force and not recorded yet: %s", error)
            return signed
    return write_down(database, signed)


def write_down(
    database: Database, signed: SignedVote, *, patience_s: float = BUSY_TIMEOUT_S
) -> SignedVote:
    """Give a vote its row and its audit row; one that has them already is returned.

    Raises:
        Unavailable: if the store cannot be written now.
        DataLoss: if the audit log was tampered with, of an approval.
    """
    refusing = signed.vote is Vote.REFUSE
    with governed(database, restricting=refusing, patience_s=patience_s) as unit:
        for known in votes.in_store(unit, signed.proposal_id):
            if (known.member, known.vote) == (signed.member, signed.vote):
                return known
        votes.insert(unit, signed)
        chain.append(
            unit,
            AuditKind.REFUSED if refusing else AuditKind.APPROVED,
            {
                "proposal_id": signed.proposal_id,
                "member": signed.member,
                "signed_at": isoformat(signed.signed_at),
                "reason": signed.reason,
                "signature": base64.b64encode(signed.signature).decode("ascii"),
            },
        )
        if refusing:
            registry_version.bump(unit)  # replicas that serve it must look again
    return signed


def _check_board(proposal: Proposal, board: Board) -> None:
    if proposal.board_digest != board.digest:
        raise FailedPrecondition(
            "was proposed to another board than the roster in use; propose it again",
            field="proposal.board_digest",
        )


def _check_may_approve(
    proposal: Proposal, signed: SignedVote, before: tuple[SignedVote, ...]
) -> None:
    if signed.member == proposal.proposer:
        raise PermissionDenied(f"{signed.member!r} proposed it and cannot approve it", field="key")
    if any(known.vote is Vote.REFUSE and known.member == signed.member for known in before):
        raise FailedPrecondition(
            f"{signed.member!r} refused it, and refusals stand; propose it again", field="vote"
        )


def _is_of_earlier_form(row: StoredProposal) -> bool:
    """Whether a statement binds to digests alone, as those of the first form did."""
    try:
        data = parse_json(row.statement)
    except (TypeError, ValueError):
        return False
    return isinstance(data, dict) and "policy_digest" in data and "installation_id" not in data


def _parse(row: StoredProposal) -> Proposal:
    """A stored statement as a proposal; whatever else it holds is not under the signature."""
    if _is_of_earlier_form(row):
        raise not_approved(
            Cause.FORM,
            "was approved in the form of an earlier version; propose again",
            proposal_id=row.proposal_id,
        )
    try:
        data: dict[str, Any] = parse_json(row.statement)
        scope: dict[str, Any] = data["scope"]
        proposal = Proposal(
            proposal_id=votes.require_id(data["proposal_id"]),
            **{name: require_digest(data[name], name) for name in _DIGESTS},
            role=Role(data["role"]),
            installation_id=str(data["installation_id"]),
            settings={str(name): float(value) for name, value in data["settings"].items()},
            version=str(data["version"]),
            scope=Scope(
                decision_points=tuple(str(point) for point in scope["decision_points"]),
                traffic_share=float(scope["traffic_share"]),
                expires_at=parse_time(scope["expires_at"], "scope.expires_at"),
            ),
            proposer=str(data["proposer"]),
            created_at=parse_time(data["created_at"], "created_at"),
        )
    except (AttributeError, KeyError, TypeError, ValueError, TrothError) as error:
        raise DataLoss(
            f"the statement of {row.proposal_id!r} is not one: {error}", field="proposals"
        ) from error
    if proposal.proposal_id != row.proposal_id:
        raise DataLoss(
            f"the statement of {row.proposal_id!r} is that of {proposal.proposal_id}",
            field="proposals",
        )
    return proposal
