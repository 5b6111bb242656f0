"""The registry changes by its methods alone, each checked and audited."""

from __future__ import annotations

from typing import Any

import pytest

from serving.audit import audit_log
from serving.governance import decision_points, registry, registry_version
from serving.governance.decision_points import TRANSITIONS, PointState, Transition
from serving.governance.registry import Role
from troth.errors import FailedPrecondition, InvalidArgument, NotApproved, NotFound
from troth.types import Vote

Office = Any


def last(office: Office) -> dict[str, Any]:
    """The newest audit row."""
    with office.database.read() as connection:
        return list(audit_log.rows(connection))[-1].to_dict()


def test_activation_needs_a_quorum_then_and_there(office: Office) -> None:
    """Not before the second vote, and not after a refusal or the expiry."""
    proposal = office.propose()
    office.vote(proposal, "bob")
    with pytest.raises(NotApproved, match="1 of 2"):
        office.activate(proposal)
    office.vote(proposal, "cyd")
    with pytest.raises(NotApproved, match="expired"):
        office.activate(proposal, at=proposal.scope.expires_at)
    assert registry.active(office.database, "daily", Role.MODEL) is None
    assert office.activate(proposal) == 1
    active = registry.active(office.database, "daily", Role.MODEL)
    assert active is not None
    assert active.proposal_id == proposal.proposal_id
    assert last(office)["payload"] == {
        "decision_point": "daily",
        "role": "model",
        "proposal_id": proposal.proposal_id,
        "policy_digest": office.policy_digest,
        "approvers": ["bob", "cyd"],
        "by": "tests",
        "generation": 1,
    }
    office.vote(proposal, "dan", vote=Vote.REFUSE)
    with pytest.raises(NotApproved, match="refused by dan"):
        office.activate(proposal)


def test_activation_stays_within_the_scope(office: Office) -> None:
    """A decision point nobody asked for is refused, as is a proposal that is not there."""
    proposal = office.propose()
    office.vote(proposal, "bob", "cyd")
    common = {"verifier": office.verifier, "now": office.now, "by": "tests"}
    with pytest.raises(NotApproved, match="'hourly'"):
        registry.activate(office.database, proposal.proposal_id, decision_point="hourly", **common)
    with pytest.raises(NotFound):
        registry.activate(office.database, "none", decision_point="daily", **common)
    with pytest.raises(InvalidArgument, match="slug"):
        registry.activate(office.database, proposal.proposal_id, decision_point="a b", **common)


def test_a_later_activation_takes_the_place(office: Office) -> None:
    """One model and one baseline per decision point."""
    office.approved("ada")
    first, second = office.approved("ada", role=Role.BASELINE), office.approved("bob")
    found = {(a.role, a.proposal_id) for a in registry.activations(office.database)}
    assert found == {
        (Role.MODEL, second.proposal_id),
        (Role.BASELINE, first.proposal_id),
    }


def test_deactivation_is_audited_and_happens_once(office: Office) -> None:
    """Nothing active is nothing to take out."""
    proposal = office.approved()
    assert office.deactivate().generation == 2
    assert last(office)["kind"] == "registry.deactivated"
    assert last(office)["payload"]["proposal_id"] == proposal.proposal_id
    with pytest.raises(NotFound):
        office.deactivate()


def test_every_transition_is_in_the_table_or_refused(office: Office) -> None:
    """All pairs of state and transition."""
    for state in PointState:
        for transition in Transition:
            office.tamper("DELETE FROM decision_point_states")
            if state is PointState.PAUSED:
                office.tamper("INSERT INTO decision_point_states VALUES ('daily', 'paused', '')")

            def change(transition: Transition = transition) -> int:
                with office.database.write() as connection:
                    return decision_points.change_state(
                        connection, "daily", transition, now=office.now, by="tests"
                    )

            if (state, transition) in TRANSITIONS:
                change()
                after = decision_points.state(office.database, "daily")
                assert after is TRANSITIONS[state, transition]
            else:
                with pytest.raises(FailedPrecondition, match=str(state)):
                    change()


def test_the_generation_rises_with_every_change(office: Office) -> None:
    """So that a replica need poll one number only."""
    seen = [registry_version.current(office.database)]
    office.approved()
    seen.append(registry_version.current(office.database))
    office.pause(reason="odd")
    assert last(office)["payload"]["reason"] == "odd"
    seen.append(registry_version.current(office.database))
    office.resume()
    seen.append(registry_version.current(office.database))
    assert seen == [0, 1, 2, 3]


def test_a_replica_learns_of_every_change(office: Office) -> None:
    """By the fingerprint, also of changes behind the counter's back and of hidden refusals."""
    seen = [registry_version.fingerprint(office.database)]
    proposal = office.approved()
    seen.append(registry_version.fingerprint(office.database))
    office.tamper("UPDATE activations SET role = 'baseline'")
    seen.append(registry_version.fingerprint(office.database))
    office.tamper(
        "CREATE TRIGGER pin AFTER UPDATE ON generations"
        " BEGIN UPDATE generations SET generation = 1; END"
    )
    office.vote(proposal, "dan", vote=Vote.REFUSE)
    office.tamper("DELETE FROM votes WHERE vote = 'refuse'")
    assert registry_version.current(office.database) == 1
    seen.append(registry_version.fingerprint(office.database))
    assert len(set(seen)) == 4
    assert registry_version.fingerprint(office.database) == seen[-1]
