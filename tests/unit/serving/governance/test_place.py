"""An approval holds in its installation, with its settings, version and role, and nowhere else."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from serving.governance import proposals, registry, signatures, votes
from serving.governance.refusal_reasons import Cause
from serving.installation import ID_FILE, create, installation_id
from troth.digests import canonical_json
from troth.errors import NotApproved
from troth.types import Role, Vote, isoformat

Office = Any


def cause_of(office: Office, **changes: Any) -> str:
    """Why a replica of this office, or of one that differs by ``changes``, refuses."""
    with pytest.raises(NotApproved) as refused:
        office.load(**changes)
    return refused.value.metadata["cause"]


def test_everything_is_in_the_statement(office: Office) -> None:
    """What is signed names role, installation, settings and version beside the digests."""
    statement = office.propose(role=Role.BASELINE).statement()
    assert statement["role"] == "baseline"
    assert statement["installation_id"] == installation_id(office.home)
    assert statement["settings"] == {"max_clock_skew_s": 300.0, "model_budget_ms": 50.0}
    assert statement["version"] == office.place.version
    assert proposals.get(office.database, statement["proposal_id"]).statement() == statement


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"settings": {"max_clock_skew_s": 300.0, "model_budget_ms": 60.0}}, Cause.SETTINGS),
        ({"settings": {"max_clock_skew_s": 300.0}}, Cause.SETTINGS),
        ({"version": "0.0.9"}, Cause.VERSION),
        ({"installation_id": "00000000-0000-7000-8000-000000000000"}, Cause.INSTALLATION),
    ],
)
def test_another_place_refuses(office: Office, change: dict[str, Any], cause: Cause) -> None:
    """At activation and in the replica, by the same rule."""
    proposal = office.approved()
    elsewhere = replace(office.place, **change)
    assert cause_of(office, place=elsewhere) == cause
    with pytest.raises(NotApproved) as refused:
        registry.activate(
            office.database,
            proposal.proposal_id,
            decision_point="daily",
            verifier=replace(office.verifier, place=elsewhere),
            now=office.now,
            by="tests",
        )
    assert refused.value.metadata["cause"] == cause


def test_a_store_copied_into_another_installation_serves_nothing(
    office: Office, tmp_path: Path
) -> None:
    """Rows, evidence, roster and artifacts of one, the identity of another."""
    office.approved()
    other = tmp_path / "other"
    create(other)
    own = json.loads((other / ID_FILE).read_text())
    assert own["installation_id"] != installation_id(office.home)
    (office.home / ID_FILE).write_text(json.dumps(own))
    assert cause_of(office) == Cause.INSTALLATION


def test_a_model_is_no_baseline(office: Office) -> None:
    """A row that moves it to the other role is not served; nor is it activated so."""
    office.approved()
    office.tamper("UPDATE activations SET role = 'baseline'")
    assert cause_of(office, role=Role.BASELINE) == Cause.ROLE


def earlier(office: Office) -> str:
    """A proposal as an earlier version made it, with votes of its time, and active."""
    proposal = office.approved()
    statement = proposal.statement()
    for name in ("role", "installation_id", "settings", "version"):
        del statement[name]
    office.tamper("UPDATE proposals SET statement = ?", canonical_json(statement).decode())
    office.tamper("DELETE FROM votes")
    for member, vote in (("ada", Vote.PROPOSE), ("bob", Vote.APPROVE), ("cyd", Vote.APPROVE)):
        body = {
            "statement": statement,
            "vote": str(vote),
            "member": member,
            "signed_at": isoformat(office.now),
            "reason": "",
        }
        signature = office.private[member].sign(b"troth/vote/v1\0" + canonical_json(body))
        office.tamper(
            "INSERT INTO votes VALUES (?, ?, ?, ?, '', ?)",
            proposal.proposal_id,
            member,
            str(vote),
            isoformat(office.now),
            signature,
        )
    return str(proposal.proposal_id)


def test_an_earlier_form_is_void_and_says_so(office: Office) -> None:
    """Loading, showing and voting refuse it in one line; the list names it apart."""
    name = earlier(office)
    assert cause_of(office) == Cause.FORM
    with pytest.raises(NotApproved, match="earlier version; propose again"):
        proposals.get(office.database, name)
    assert proposals.list_all(office.database) == ()
    assert proposals.of_earlier_form(office.database) == (name,)


def test_a_signature_of_the_earlier_form_does_not_pass(office: Office) -> None:
    """The prefix of what is signed has changed with the form."""
    proposal = office.propose()
    vote = office.vote(proposal, "bob")[0]
    signed = signatures.message(proposal, Vote.APPROVE, "bob", vote.signed_at)
    assert signed.startswith(b"troth/vote/v2\0")
    old = office.private["bob"].sign(signed.replace(b"/v2", b"/v1", 1))
    office.tamper("UPDATE votes SET signature = ? WHERE member = 'bob'", old)
    found = [v for v in votes.of(office.database, proposal.proposal_id) if v.member == "bob"]
    with pytest.raises(NotApproved) as refused:
        signatures.verify(proposal, found[0], office.board)
    assert refused.value.metadata["cause"] == Cause.SIGNATURE
