r"""Signing and verifying votes.

What is signed is ``b"troth/vote/v2\0"`` followed by the canonical JSON of the proposal's
statement, the vote, the member, the time and the reason. The prefix keeps a signature made
for another purpose from passing as a vote; the vote inside keeps a refusal, or the
proposer's own signature, from passing as an approval.
"""

from __future__ import annotations

from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from serving.governance.board import Board
from serving.governance.refusal_reasons import Cause, not_approved
from serving.signing import keys
from troth.digests import canonical_json
from troth.types import Proposal, SignedVote, Vote, isoformat

DOMAIN = b"troth/vote/v2\0"


def message(
    proposal: Proposal, vote: Vote, member: str, signed_at: datetime, reason: str = ""
) -> bytes:
    """The bytes that ``member`` signs."""
    return DOMAIN + canonical_json(
        {
            "statement": proposal.statement(),
            "vote": str(vote),
            "member": member,
            "signed_at": isoformat(signed_at),
            "reason": reason,
        }
    )


def sign(
    proposal: Proposal,
    vote: Vote,
    *,
    member: str,
    key: Ed25519PrivateKey,
    signed_at: datetime,
    reason: str = "",
) -> SignedVote:
    """``member``'s signed vote; needs no store, so that a key can stay on its owner's machine."""
    return SignedVote(
        proposal_id=proposal.proposal_id,
        member=member,
        vote=vote,
        signed_at=signed_at,
        signature=key.sign(message(proposal, vote, member, signed_at, reason)),
        reason=reason,
    )


def verify(proposal: Proposal, approval: SignedVote, board: Board) -> None:
    """Check one vote against the roster.

    Raises:
        NotApproved: with cause ``proposal`` if the vote is on another proposal,
            ``not_a_member`` if its member is not on the board, ``signature`` if it was not
            signed by that member over exactly this statement.
    """
    who = {"proposal_id": proposal.proposal_id, "member": approval.member}
    if approval.proposal_id != proposal.proposal_id:
        raise not_approved(Cause.PROPOSAL, f"the vote is on {approval.proposal_id}", **who)
    if approval.member not in board.members:
        raise not_approved(Cause.NOT_A_MEMBER, f"{approval.member!r} is not on the board", **who)
    signed = message(proposal, approval.vote, approval.member, approval.signed_at, approval.reason)
    if not keys.verifies(board.public_key(approval.member), approval.signature, signed):
        raise not_approved(
            Cause.SIGNATURE,
            f"the {approval.vote} vote of {approval.member!r} is not signed with that member's"
            " key over this statement",
            **who,
        )
