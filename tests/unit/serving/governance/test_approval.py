"""Quorum is recomputed from signatures, and nothing passes for one."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.governance import signatures
from serving.governance.approval import verify_quorum
from serving.governance.board import Board
from serving.governance.refusal_reasons import Cause
from serving.signing import keys
from troth.digests import canonical_json, digest
from troth.errors import NotApproved
from troth.types import Proposal, Role, Scope, SignedVote, Vote, new_id

NOW = datetime(2026, 5, 4, 9, 30, tzinfo=UTC)
NAMES = ("ada", "bob", "cyd", "dan")
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([at]) * 32) for at, name in enumerate(NAMES)
}
BOARD = Board({name: keys.public_text(key) for name, key in KEYS.items()})
PROPOSAL = Proposal(
    proposal_id=new_id(),
    policy_digest=digest("policy"),
    role=Role.MODEL,
    catalogue_digest=digest("catalogue"),
    guardrails_digest=digest("guardrails"),
    evidence_digest=digest("evidence"),
    board_digest=BOARD.digest,
    installation_id=new_id(),
    settings={"max_clock_skew_s": 300.0, "model_budget_ms": 50.0},
    version="0.1.0",
    scope=Scope(decision_points=("daily",), traffic_share=0.5, expires_at=NOW + timedelta(days=1)),
    proposer="ada",
    created_at=NOW,
)


def signed(
    member: str,
    vote: Vote = Vote.APPROVE,
    *,
    on: Proposal = PROPOSAL,
    at: datetime = NOW,
    key: Ed25519PrivateKey | None = None,
    reason: str = "",
) -> SignedVote:
    """``member``'s vote, with their own key unless another is given."""
    return signatures.sign(
        on, vote, member=member, key=key or KEYS[member], signed_at=at, reason=reason
    )


PROPOSED = signed("ada", Vote.PROPOSE)


def cause(*votes: SignedVote, proposal: Proposal = PROPOSAL, now: datetime = NOW) -> str:
    """Why ``votes`` do not approve; ``approved`` if they do."""
    found: NotApproved | None = None
    found: list[NotApproved] = []
    try:
        verify_quorum(proposal, votes, BOARD, now)
    except NotApproved as error:
        found.append(error)
    if not found:
        return "approved"
    assert found[0].metadata["proposal_id"] == proposal.proposal_id
    assert found[0].field == f"approval.{found[0].metadata['cause']}"
    return found[0].metadata["cause"]


def test_two_others_approve() -> None:
    """The plain case, and who did it."""
    votes = [signed("cyd"), PROPOSED, signed("bob")]
    assert verify_quorum(PROPOSAL, votes, BOARD, NOW) == ("bob", "cyd")


def test_one_is_not_enough_however_often() -> None:
    """Votes of one member count once, and the proposer's not at all."""
    twice = [signed("bob"), signed("bob", at=NOW + timedelta(minutes=1))]
    assert cause(PROPOSED) == Cause.QUORUM
    assert cause(PROPOSED, *twice) == Cause.QUORUM
    assert cause(PROPOSED, signed("bob"), signed("ada")) == Cause.QUORUM
    assert cause(PROPOSED, *twice, signed("ada"), signed("cyd")) == "approved"


def test_a_refusal_stands_over_every_approval() -> None:
    """Whoever refuses, before or after, the proposer too, and whatever they sign later."""
    approvals = [PROPOSED, *(signed(name) for name in NAMES[1:])]
    assert cause(*approvals) == "approved"
    for name in NAMES:
        refusal = signed(name, Vote.REFUSE, at=NOW - timedelta(minutes=1))
        assert cause(*approvals, refusal) == Cause.REFUSED


def test_it_expires() -> None:
    """At the moment of expiry it is void."""
    votes = (PROPOSED, signed("bob"), signed("cyd"))
    end = PROPOSAL.scope.expires_at
    assert cause(*votes, now=end - timedelta(microseconds=1)) == "approved"
    assert cause(*votes, now=end) == Cause.EXPIRED


def test_another_roster_voids_it() -> None:
    """A board that grew by one has not approved anything yet."""
    grown = BOARD.with_member("eve", keys.public_text(keys.generate()))
    with pytest.raises(NotApproved) as refused:
        verify_quorum(PROPOSAL, [PROPOSED, signed("bob"), signed("cyd")], grown, NOW)
    assert refused.value.metadata["cause"] == Cause.BOARD
    assert refused.value.metadata["in_use"] == grown.digest


def test_the_proposer_must_have_signed() -> None:
    """Nobody is made a proposer, and nobody signs as a second one."""
    approvals = (signed("bob"), signed("cyd"))
    assert cause(*approvals) == Cause.SIGNATURE
    assert cause(signed("dan", Vote.PROPOSE), *approvals) == Cause.SIGNATURE
    assert cause(PROPOSED, signed("dan", Vote.PROPOSE), *approvals) == Cause.SIGNATURE


@pytest.mark.parametrize(
    "change",
    [
        {"policy_digest": digest("other")},
        {"catalogue_digest": digest("other")},
        {"guardrails_digest": digest("other")},
        {"evidence_digest": digest("other")},
        {"proposal_id": new_id()},
        {"proposer": "bob"},
        {"created_at": NOW - timedelta(seconds=1)},
        {"scope": replace(PROPOSAL.scope, traffic_share=0.51)},
        {"scope": replace(PROPOSAL.scope, decision_points=("daily", "hourly"))},
        {"scope": replace(PROPOSAL.scope, expires_at=NOW + timedelta(days=2))},
    ],
)
def test_signatures_bind_to_every_field(change: dict[str, object]) -> None:
    """No field of the statement can be changed under the signatures."""
    changed = replace(PROPOSAL, **change)  # type: ignore[arg-type]
    votes = [
        replace(vote, proposal_id=changed.proposal_id)
        for vote in (PROPOSED, signed("bob"), signed("cyd"))
    ]
    assert cause(*votes, proposal=changed) == Cause.SIGNATURE


def test_a_vote_passes_for_no_other() -> None:
    """Not a refusal for an approval, not one member's for another's, nor its time or reason."""
    good = (PROPOSED, signed("bob"))
    refusal = signed("cyd", Vote.REFUSE)
    approval = signed("cyd", reason="fine")
    for forged in (
        replace(refusal, vote=Vote.APPROVE),
        replace(PROPOSED, vote=Vote.APPROVE),
        replace(signed("bob"), member="cyd"),
        replace(approval, signed_at=NOW + timedelta(seconds=1)),
        replace(approval, reason="fine, but"),
        replace(approval, signature=b""),
        signed("cyd", key=KEYS["bob"]),
    ):
        assert cause(*good, forged) == Cause.SIGNATURE
    assert cause(*good, replace(approval, proposal_id=new_id())) == Cause.PROPOSAL


def test_a_strangers_vote_stops_everything() -> None:
    """A vote that does not verify shows that somebody wrote into the store."""
    good = (PROPOSED, signed("bob"), signed("cyd"))
    stranger = signed("eve", key=keys.generate())
    assert cause(*good) == "approved"
    assert cause(*good, stranger) == Cause.NOT_A_MEMBER


def test_signatures_from_outside_the_proposals_time_are_refused() -> None:
    """Neither before the proposal was made nor from the future."""
    good = (PROPOSED, signed("bob"))
    assert cause(*good, signed("cyd", at=NOW - timedelta(minutes=6))) == Cause.CLOCK
    assert cause(*good, signed("cyd", at=NOW + timedelta(minutes=6))) == Cause.CLOCK
    assert cause(*good, signed("cyd", at=NOW + timedelta(minutes=4))) == "approved"


def test_what_is_signed_is_pinned() -> None:
    """Other software must be able to sign: the bytes are the prefix and canonical JSON."""
    body = {
        "statement": PROPOSAL.statement(),
        "vote": "approve",
        "member": "bob",
        "signed_at": "2026-05-04T09:30:00.000000Z",
        "reason": "ok",
    }
    expected = b"troth/vote/v2\0" + canonical_json(body)
    assert signatures.message(PROPOSAL, Vote.APPROVE, "bob", NOW, "ok") == expected
    undomained = SignedVote(
        proposal_id=PROPOSAL.proposal_id,
        member="bob",
        vote=Vote.APPROVE,
        signed_at=NOW,
        signature=KEYS["bob"].sign(canonical_json({**body, "reason": ""})),
    )
    assert cause(PROPOSED, undomained) == Cause.SIGNATURE


@settings(max_examples=60, deadline=None)
@given(
    st.lists(
        st.tuples(st.sampled_from(NAMES), st.sampled_from([Vote.APPROVE, Vote.REFUSE])),
        max_size=8,
    ),
    st.randoms(use_true_random=False),
)
def test_the_rule_is_what_it_says(ballots: list[tuple[str, Vote]], shuffler: object) -> None:
    """For any ballots in any order: approved exactly if two others approve and none refuses."""
    votes = [PROPOSED, *(signed(member, vote) for member, vote in ballots)]
    shuffler.shuffle(votes)  # type: ignore[attr-defined]
    approvers = {member for member, vote in ballots if vote is Vote.APPROVE} - {"ada"}
    refused = any(vote is Vote.REFUSE for _, vote in ballots)
    assert (cause(*votes) == "approved") == (len(approvers) >= 2 and not refused)
