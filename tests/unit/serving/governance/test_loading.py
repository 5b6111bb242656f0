"""Somebody with the database and the artifacts in hand cannot have anything else served."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from serving.audit import audit_log
from serving.governance import signatures
from serving.governance.refusal_reasons import Cause
from serving.governance.registry import Role
from serving.signing import keys
from troth.digests import canonical_json, digest
from troth.errors import NotApproved
from troth.types import Proposal, Vote, isoformat, new_id

Office = Any


def refusal(office: Office, **changes: Any) -> str:
    """The cause of a refusal, which must be audited as such."""
    with pytest.raises(NotApproved) as refused:
        office.load(**changes)
    with office.database.read() as connection:
        last = list(audit_log.rows(connection))[-1].to_dict()
    assert last["kind"] == "serving.refused"
    assert last["payload"]["cause"] == refused.value.metadata["cause"]
    assert last["payload"]["message"] == refused.value.message
    assert audit_log.verify(office.database, checks=()).ok
    return refused.value.metadata["cause"]


def test_what_was_approved_is_served(office: Office) -> None:
    """The plain case: the bytes, under the approval, with a row in the log."""
    proposal = office.approved()
    served = office.load()
    assert served.artifact.digest == office.policy_digest == served.proposal.policy_digest
    assert served.proposal == proposal
    assert served.approvers == ("bob", "cyd")
    assert served.role is Role.MODEL
    with office.database.read() as connection:
        assert list(audit_log.rows(connection))[-1].kind == "serving.loaded"


def test_nothing_is_served_unasked(office: Office) -> None:
    """Approved is not active; and a baseline is not a model."""
    proposal = office.propose()
    office.vote(proposal, "bob", "cyd")
    assert refusal(office) == Cause.NOTHING_ACTIVE
    office.approved("bob", role=Role.BASELINE)
    assert refusal(office) == Cause.NOTHING_ACTIVE
    assert office.load(role=Role.BASELINE).role is Role.BASELINE
    assert refusal(office, decision_point="hourly", role=Role.BASELINE) == Cause.NOTHING_ACTIVE


def insert_active(
    office: Office, proposal: Proposal, *, votes: list[tuple[str, Vote, bytes]]
) -> None:
    """Write a proposal, its votes and its activation straight into the store."""
    office.tamper(
        "INSERT OR IGNORE INTO proposals VALUES (?, ?)",
        proposal.proposal_id,
        canonical_json(proposal.statement()).decode(),
    )
    for member, vote, signature in votes:
        office.tamper(
            "INSERT INTO votes VALUES (?, ?, ?, ?, '', ?)",
            proposal.proposal_id,
            member,
            str(vote),
            isoformat(office.now),
            signature,
        )
    office.tamper(
        "INSERT OR REPLACE INTO activations VALUES ('daily', 'model', ?, ?)",
        proposal.proposal_id,
        isoformat(office.now),
    )


def test_rows_without_signatures_serve_nothing(office: Office) -> None:
    """A forged proposal with votes of made-up signatures, in all the right tables."""
    real = office.approved()
    forged = Proposal(
        **{
            **{name: getattr(real, name) for name in Proposal.__slots__},
            "proposal_id": new_id(),
            "policy_digest": office.save_policy(note="evil"),
        }
    )
    votes = [
        ("ada", Vote.PROPOSE, b"\0" * 64),
        ("bob", Vote.APPROVE, b"\0" * 64),
        ("cyd", Vote.APPROVE, b"\0" * 64),
    ]
    insert_active(office, forged, votes=votes)
    assert refusal(office) == Cause.SIGNATURE


def test_old_signatures_cannot_be_moved(office: Office) -> None:
    """Real votes on one proposal, copied to another policy."""
    real = office.approved()
    with office.database.read() as connection:
        stolen = connection.execute("SELECT member, vote, signature FROM votes").fetchall()
    forged = Proposal(
        **{
            **{name: getattr(real, name) for name in Proposal.__slots__},
            "proposal_id": new_id(),
            "policy_digest": office.save_policy(note="evil"),
        }
    )
    insert_active(office, forged, votes=[(m, Vote(v), s) for m, v, s in stolen])
    assert refusal(office) == Cause.SIGNATURE


def test_one_corrupt_member_is_not_enough(office: Office) -> None:
    """A member who can write the store, with a key of their own and invented colleagues."""
    real = office.propose()
    eve = keys.generate()
    votes = []
    for member, key, vote in (
        ("ada", office.private["ada"], Vote.PROPOSE),
        ("ada", office.private["ada"], Vote.APPROVE),
        ("bob", eve, Vote.APPROVE),
        ("cyd", eve, Vote.APPROVE),
    ):
        signed = signatures.sign(real, vote, member=member, key=key, signed_at=office.now)
        votes.append((member, vote, signed.signature))
    office.tamper("DELETE FROM votes")
    office.tamper("DELETE FROM proposals")
    insert_active(office, real, votes=votes)
    assert refusal(office) == Cause.SIGNATURE
    office.tamper("DELETE FROM votes WHERE member <> 'ada'")
    assert refusal(office) == Cause.QUORUM


def test_deleting_a_refusal_does_not_undo_it(office: Office) -> None:
    """Two approved, one refused after activation; its row is taken out of every table."""
    proposal = office.approved()
    office.load()
    office.vote(proposal, "dan", vote=Vote.REFUSE)
    assert refusal(office) == Cause.REFUSED
    office.tamper("DELETE FROM votes WHERE vote = 'refuse'")
    office.tamper("DELETE FROM audit WHERE kind = 'governance.refused'")
    with pytest.raises(NotApproved, match="refused by dan"):
        office.load()


def test_garbage_for_a_kept_refusal_serves_nothing(office: Office) -> None:
    """A refusal that cannot be read may be one."""
    proposal = office.approved()
    folder = office.home / "refusals"
    (folder / f"{proposal.proposal_id}.dan.json").write_text("{")
    assert refusal(office) == Cause.PROPOSAL


@pytest.mark.parametrize(
    "name", ["weights.safetensors", "catalogue.json", "manifest.json", "schema.json"]
)
def test_changed_bytes_are_not_served(office: Office, name: str) -> None:
    """One bit of any file of the artifact."""
    office.approved()
    path = office.artifacts.root / office.policy_digest / name
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(bytes(data))
    assert refusal(office) == Cause.ARTIFACT


def test_another_artifact_under_the_approved_name_is_not_served(office: Office) -> None:
    """A whole, valid artifact, moved to the approved digest."""
    office.approved()
    other = office.save_policy(note="evil")
    (office.artifacts.root / office.policy_digest).rename(office.home / "away")
    (office.artifacts.root / other).rename(office.artifacts.root / office.policy_digest)
    assert refusal(office) == Cause.ARTIFACT


def test_a_missing_artifact_is_not_served(office: Office) -> None:
    """The approval is there, the bytes are not."""
    office.approved()
    (office.artifacts.root / office.policy_digest).rename(office.home / "away")
    assert refusal(office) == Cause.ARTIFACT


def test_a_policy_of_another_catalogue_is_not_served(office: Office) -> None:
    """The board judged it with other actions than it holds."""
    dearer = office.save_policy(discount=0.5)
    proposal = office.propose(policy_digest=dearer)
    office.vote(proposal, "bob", "cyd")
    with pytest.raises(NotApproved) as refused:
        office.activate(proposal)
    assert refused.value.metadata["cause"] == Cause.CATALOGUE
    insert_active(office, proposal, votes=[])
    assert refusal(office) == Cause.CATALOGUE


def test_other_guardrails_than_approved_serve_nothing(office: Office) -> None:
    """The replica says what it runs; the store is not asked."""
    office.approved()
    assert refusal(office, guardrails_digest=digest("none")) == Cause.GUARDRAILS


@pytest.mark.parametrize("damage", ["delete", "change"])
def test_lost_or_changed_evidence_serves_nothing(office: Office, damage: str) -> None:
    """What the board judged with must still be there, to the byte."""
    proposal = office.approved()
    path = office.home / "evidence" / f"{proposal.evidence_digest}.json"
    if damage == "delete":
        path.unlink()
    else:
        path.write_text(path.read_text().replace("2.42", "3.42"))
    assert refusal(office) == Cause.EVIDENCE


def test_an_expired_approval_serves_nothing(office: Office) -> None:
    """Also if it was active all along."""
    proposal = office.approved()
    assert refusal(office, now=proposal.scope.expires_at) == Cause.EXPIRED


def test_another_roster_serves_nothing(office: Office) -> None:
    """The roster on this host decides, not the one in the store."""
    office.approved()
    grown = office.board.with_member("eve", keys.public_text(keys.generate()))
    assert refusal(office, board=grown) == Cause.BOARD


def test_a_decision_point_outside_the_scope_is_not_served(office: Office) -> None:
    """An approved policy, moved by hand to where nobody approved it."""
    proposal = office.approved()
    office.tamper(
        "INSERT INTO activations VALUES ('call_centre', 'model', ?, ?)",
        proposal.proposal_id,
        isoformat(office.now),
    )
    assert refusal(office, decision_point="call_centre") == Cause.SCOPE


def test_a_paused_decision_point_keeps_its_baseline(office: Office) -> None:
    """Pausing takes the model away and nothing else."""
    office.approved()
    office.approved("bob", role=Role.BASELINE)
    office.pause()
    assert refusal(office) == Cause.PAUSED
    office.load(role=Role.BASELINE)
    office.resume()
    office.load()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE proposals SET statement = '{}'",
        "UPDATE proposals SET statement = CAST(x'ff' AS TEXT)",
        "UPDATE votes SET signed_at = 'yesterday'",
        "UPDATE votes SET signature = x''",
        "UPDATE votes SET reason = 'really'",
        "UPDATE votes SET member = 'dan' WHERE member = 'bob'",
        "DELETE FROM votes WHERE member = 'bob'",
        "DELETE FROM votes WHERE vote = 'propose'",
        "UPDATE decision_point_states SET state = 'whatever'",
        "DROP TABLE votes",
    ],
)
def test_whatever_is_written_into_the_store_serves_nothing(office: Office, statement: str) -> None:
    """Every scar in the tables ends in a refusal, none in another exception."""
    office.approved()
    office.pause()
    office.resume()
    office.load()
    office.tamper(statement)
    assert refusal(office)


def test_a_log_that_cannot_be_written_is_no_reason_to_serve(office: Office) -> None:
    """The refusal comes through, with a note that it is not in the log."""
    office.approved()
    office.tamper("DROP TABLE audit")
    with pytest.raises(NotApproved) as refused:
        office.load(guardrails_digest=digest("none"))
    assert "could not be audited" in refused.value.__notes__[0]


def test_role_and_time_are_checked(office: Office) -> None:
    """A naive time or an unknown role is a caller's mistake, not a refusal."""
    office.approved()
    with pytest.raises(ValueError, match="challenger"):
        office.load(role="challenger")
    with pytest.raises(Exception, match="time zone"):
        office.load(now=office.now.replace(tzinfo=None))
    assert office.load(role="model", now=office.now + timedelta(hours=1)).role is Role.MODEL
