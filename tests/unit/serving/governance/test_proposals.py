"""Proposing and voting: who may, and what is left behind."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from serving.audit import audit_log
from serving.governance import proposals, registry_version, signatures, votes
from serving.governance.board import Board
from serving.signing import keys
from troth.errors import (
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    NotApproved,
    NotFound,
    PermissionDenied,
)
from troth.types import Scope, Vote

Office = Any


def kinds(office: Office) -> list[str]:
    """Kinds of all audit rows."""
    with office.database.read() as connection:
        return [row.kind for row in audit_log.rows(connection)]


def test_a_proposal_is_read_back_as_it_was_signed(office: Office) -> None:
    """What is stored is the statement, under the proposer's signature."""
    proposal = office.propose()
    assert proposals.get(office.database, proposal.proposal_id) == proposal
    assert proposals.list_all(office.database) == (proposal,)
    (own,) = votes.of(office.database, proposal.proposal_id)
    assert (own.member, own.vote) == ("ada", Vote.PROPOSE)
    signatures.verify(proposal, own, office.board)
    assert kinds(office) == ["governance.proposed"]


def test_whole_shares_survive_canonical_json(office: Office) -> None:
    """1.0 is written as 1 and must read back to the same statement."""
    scope = Scope(
        decision_points=("daily",), traffic_share=1.0, expires_at=office.now + timedelta(days=1)
    )
    proposal = office.propose(scope=scope)
    assert proposals.get(office.database, proposal.proposal_id) == proposal
    office.vote(proposal, "bob", "cyd")
    office.activate(proposal)


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"policy_digest": "abc"}, "policy_digest"),
        ({"catalogue_digest": "A" * 64}, "catalogue_digest"),
        ({"guardrails_digest": ""}, "guardrails_digest"),
        ({"evidence_digest": "x" * 64}, "evidence_digest"),
    ],
)
def test_what_is_no_digest_is_refused(office: Office, change: dict[str, str], field: str) -> None:
    """The field at fault is named and nothing is left behind."""
    with pytest.raises(InvalidArgument) as refused:
        office.propose(**change)
    assert refused.value.field == field
    assert proposals.list_all(office.database) == ()
    assert kinds(office) == []


def test_expiry_must_lie_ahead(office: Office) -> None:
    """A proposal that is void when made is a mistake."""
    scope = Scope(decision_points=("daily",), traffic_share=1.0, expires_at=office.now)
    with pytest.raises(InvalidArgument, match="not in the future"):
        office.propose(scope=scope)


def test_only_members_propose(office: Office) -> None:
    """A stranger's key signs nothing, and a board of two could never approve."""
    with pytest.raises(PermissionDenied):
        office.propose(key=keys.generate())
    pair = Board(dict(list(office.board.members.items())[:2]))
    with pytest.raises(FailedPrecondition, match="2 members"):
        office.propose(board=pair)


def test_the_proposer_cannot_approve_but_may_withdraw(office: Office) -> None:
    """Four eyes; and a withdrawal blocks like any refusal."""
    proposal = office.propose("ada")
    with pytest.raises(PermissionDenied, match="proposed it"):
        office.vote(proposal, "ada")
    office.vote(proposal, "ada", vote=Vote.REFUSE, reason="wrong file")
    office.vote(proposal, "bob", "cyd")
    with pytest.raises(NotApproved, match="refused by ada"):
        office.activate(proposal)


def test_voting_twice_leaves_one_vote(office: Office) -> None:
    """The first vote is returned, and the log tells of one."""
    proposal = office.propose()
    (first,) = office.vote(proposal, "bob")
    (again,) = office.vote(proposal, "bob", at=office.now + timedelta(minutes=1))
    assert again == first
    assert kinds(office) == ["governance.proposed", "governance.approved"]


def test_a_refusal_is_not_taken_back(office: Office) -> None:
    """Approving after refusing is refused; refusing after approving is heard."""
    proposal = office.propose()
    office.vote(proposal, "bob", vote=Vote.REFUSE)
    with pytest.raises(FailedPrecondition, match="refusals stand"):
        office.vote(proposal, "bob")
    office.vote(proposal, "cyd")
    office.vote(proposal, "cyd", vote=Vote.REFUSE)
    cast = votes.of(office.database, proposal.proposal_id)
    assert [(v.member, v.vote) for v in cast if v.member == "cyd"] == [
        ("cyd", Vote.APPROVE),
        ("cyd", Vote.REFUSE),
    ]


def test_a_refusal_makes_replicas_look_again(office: Office) -> None:
    """The generation rises, so that what was revoked stops being served."""
    proposal = office.propose()
    before = registry_version.current(office.database)
    office.vote(proposal, "bob")
    assert registry_version.current(office.database) == before
    office.vote(proposal, "cyd", vote=Vote.REFUSE)
    assert registry_version.current(office.database) == before + 1


def test_votes_signed_elsewhere_can_be_cast(office: Office) -> None:
    """A private key need never be on the serving host; a forged vote is not recorded."""
    proposal = office.propose()
    signed = signatures.sign(
        proposal,
        Vote.APPROVE,
        member="bob",
        key=office.private["bob"],
        signed_at=office.now,
        reason="read it",
    )
    travelled = votes.from_dict(json.loads(json.dumps(votes.to_dict(signed))))
    assert proposals.cast(office.database, travelled, board=office.board) == signed
    forged = votes.from_dict({**votes.to_dict(signed), "member": "cyd"})
    with pytest.raises(NotApproved):
        proposals.cast(office.database, forged, board=office.board)
    assert len(votes.of(office.database, proposal.proposal_id)) == 2


def test_a_third_kind_of_vote_cannot_be_cast(office: Office) -> None:
    """A second proposer's signature would void the proposal for good."""
    proposal = office.propose()
    with pytest.raises(InvalidArgument, match="approve or refuse"):
        office.vote(proposal, "bob", vote=Vote.PROPOSE)
    with pytest.raises(InvalidArgument, match="characters"):
        office.vote(proposal, "bob", reason="x" * 2001)


def test_a_doctored_statement_is_not_signed(office: Office) -> None:
    """A member is not made to approve what the proposer did not propose."""
    proposal = office.propose()
    other = office.save_policy(note="other")
    office.tamper(
        "UPDATE proposals SET statement = replace(statement, ?, ?)", proposal.policy_digest, other
    )
    assert proposals.get(office.database, proposal.proposal_id).policy_digest == other
    with pytest.raises(NotApproved, match="propose vote of 'ada'"):
        office.vote(proposal, "bob")


def test_the_roster_must_be_the_one_proposed_to(office: Office) -> None:
    """Voting on what can no longer be approved is refused at once."""
    proposal = office.propose()
    office.board = office.board.with_member("eve", keys.public_text(keys.generate()))
    with pytest.raises(FailedPrecondition, match="propose it again"):
        office.vote(proposal, "bob")


@pytest.mark.parametrize(
    "damage",
    [
        lambda text: "{",
        lambda text: "[]",
        lambda text: json.dumps({**json.loads(text), "proposal_id": "../../etc"}),
        lambda text: json.dumps({**json.loads(text), "scope": {}}),
        lambda text: json.dumps({**json.loads(text), "policy_digest": 3}),
        lambda text: json.dumps(
            {**json.loads(text), "proposal_id": "00000000-0000-7000-8000-000000000000"}
        ),
    ],
)
def test_a_damaged_statement_is_data_loss(office: Office, damage: Callable[[str], str]) -> None:
    """Whatever was written over it, the answer is a typed error."""
    proposal = office.propose()
    with office.database.read() as connection:
        text = connection.execute("SELECT statement FROM proposals").fetchone()[0]
    office.tamper("UPDATE proposals SET statement = ?", damage(text))
    with pytest.raises(DataLoss):
        proposals.get(office.database, proposal.proposal_id)


def test_what_is_not_there_is_not_found(office: Office) -> None:
    """Also for ids that are none."""
    for name in ("00000000-0000-7000-8000-000000000000", "x", ""):
        with pytest.raises(NotFound):
            proposals.get(office.database, name)


def test_a_refusal_outlives_a_failing_store(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file comes first: a row that cannot be written does not hold the refusal up."""
    proposal = office.propose()

    def fail(*_: object) -> None:
        raise DataLoss("disk")

    with monkeypatch.context() as failing:
        failing.setattr(votes, "insert", fail)
        office.vote(proposal, "bob", vote=Vote.REFUSE)
    assert kinds(office) == ["governance.proposed"]
    expected = [Vote.PROPOSE, Vote.REFUSE]
    assert [v.vote for v in votes.of(office.database, proposal.proposal_id)] == expected
    # The second attempt completes it, and the log tells of it once.
    office.vote(proposal, "bob", vote=Vote.REFUSE)
    assert [v.vote for v in votes.of(office.database, proposal.proposal_id)] == expected
    assert kinds(office) == ["governance.proposed", "governance.refused"]
    assert audit_log.verify(office.database).ok
