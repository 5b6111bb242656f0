"""Whether a proposal is approved: recomputed from signatures, never read from a column."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from serving.governance import signatures
from serving.governance.board import Board
from serving.governance.refusal_reasons import Cause, not_approved
from troth.types import Proposal, SignedVote, Vote, isoformat, require_aware

CLOCK_SKEW = timedelta(minutes=5)
"""How far in the future a signature may claim to be made."""


def verify_quorum(
    proposal: Proposal, votes: Iterable[SignedVote], board: Board, now: datetime
) -> tuple[str, ...]:
    """Check that ``proposal`` is approved at ``now``.

    The rule: the proposer, a member, signed it; no member at all refused it, at any time,
    the proposer included; and at least ``board.quorum`` distinct members other than the
    proposer approved it. Several votes of one member count once, and a refusal is never
    taken back: whoever changes their mind proposes again. A refusal after activation thus
    revokes. Votes that do not verify are not passed over: they show that somebody wrote
    into the store, and nothing in it is to be served until that is cleared.

    Args:
        proposal: what was proposed.
        votes: every vote on it, the proposer's included, in any order.
        board: the roster in use on this host.
        now: aware UTC.

    Returns:
        The approvers' names, sorted.

    Raises:
        NotApproved: whose metadata name the ``cause``, the proposal and the member at fault.
    """
    now = require_aware(now, "now")
    subject = {"proposal_id": proposal.proposal_id}
    if proposal.board_digest != board.digest:
        raise not_approved(
            Cause.BOARD,
            "was proposed to another board than the roster in use",
            proposed=proposal.board_digest,
            in_use=board.digest,
            **subject,
        )
    if now >= proposal.scope.expires_at:
        raise not_approved(
            Cause.EXPIRED,
            f"expired at {isoformat(proposal.scope.expires_at)}",
            expires_at=isoformat(proposal.scope.expires_at),
            **subject,
        )
    members: dict[Vote, set[str]] = {vote: set() for vote in Vote}
    for vote in votes:
        signatures.verify(proposal, vote, board)
        _check_time(proposal, vote, now)
        members[vote.vote].add(vote.member)
    if members[Vote.PROPOSE] != {proposal.proposer}:
        raise not_approved(
            Cause.SIGNATURE,
            f"is not signed by its proposer {proposal.proposer!r} alone",
            member=proposal.proposer,
            **subject,
        )
    if members[Vote.REFUSE]:
        refusers = ", ".join(sorted(members[Vote.REFUSE]))
        raise not_approved(Cause.REFUSED, f"was refused by {refusers}", member=refusers, **subject)
    approvers = members[Vote.APPROVE] - {proposal.proposer}
    if len(approvers) < board.quorum:
        own = (
            ", and the proposer's own approval does not count"
            if proposal.proposer in members[Vote.APPROVE]
            else ""
        )
        raise not_approved(
            Cause.QUORUM,
            f"has {len(approvers)} of {board.quorum} approvals{own}",
            approvals=str(len(approvers)),
            quorum=str(board.quorum),
            **subject,
        )
    return tuple(sorted(approvers))


def _check_time(proposal: Proposal, vote: SignedVote, now: datetime) -> None:
    earliest, latest = proposal.created_at - CLOCK_SKEW, now + CLOCK_SKEW
    if not earliest <= vote.signed_at <= latest:
        raise not_approved(
            Cause.CLOCK,
            f"the vote of {vote.member!r} says it was signed at {isoformat(vote.signed_at)},"
            f" outside {isoformat(earliest)} to {isoformat(latest)}",
            proposal_id=proposal.proposal_id,
            member=vote.member,
        )
