"""Taking away works in every state of the store; giving back needs all of it whole."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import replace
from typing import Any

import pytest

from serving.audit import audit_log
from serving.audit.kinds import AuditKind
from serving.governance import braking, decision_points, pending, registry, stops
from serving.governance.decision_points import EVERYWHERE, PointState
from serving.governance.upkeep import try_record
from tests.support.looks import held_lock
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotApproved, NotFound
from troth.types import Role, Vote

Office = Any


def hold(office: Office, role: Role = Role.MODEL, point: str = "daily") -> str | None:
    """Why the office's policy must not answer, by the files alone."""
    found = stops.look(office.home)
    return found.everything or found.hold(point, role, office.policy_digest, "")


def state(office: Office, point: str = "daily") -> PointState:
    """By the store."""
    return decision_points.state(office.database, point)


def told(office: Office, kind: AuditKind) -> list[dict[str, Any]]:
    """Payloads of a kind in the log."""
    with office.database.read() as connection:
        return [row.to_dict()["payload"] for row in audit_log.rows(connection, kind=str(kind))]


def all_paused(office: Office) -> braking.Braked:
    """Stop everything."""
    return braking.pause_all(office.home, now=office.now, by="tests", reason="odd")


def all_resumed(office: Office) -> int:
    """And let it run again."""
    return braking.resume_all(office.database, verifier=office.verifier, now=office.now, by="tests")


def test_a_pause_is_a_file_a_row_and_a_row_of_the_log(office: Office) -> None:
    """And stops the policy in every role, everywhere."""
    office.approved()
    braked = office.pause(reason="odd")
    assert braked.names == {"point.daily", f"policy.{office.policy_digest}.daily"}
    assert not braked.unrecorded
    assert hold(office) == "paused"
    assert hold(office, Role.BASELINE, "weekly") == "paused"
    assert state(office) is PointState.PAUSED
    assert told(office, AuditKind.STATE_CHANGED)[-1]["reason"] == "odd"
    with pytest.raises(FailedPrecondition, match="is paused already"):
        office.pause()
    office.resume()
    assert hold(office) is None
    assert state(office) is PointState.RUNNING
    with pytest.raises(FailedPrecondition, match="is not paused"):
        office.resume()
    assert audit_log.verify(office.database).ok


def test_everything_is_stopped_and_released_by_itself(office: Office) -> None:
    """One stop over all others; a point that was paused stays so afterwards."""
    office.approved()
    office.pause()
    all_paused(office)
    assert hold(office, point="weekly") == "stopped_all"
    assert state(office, EVERYWHERE) is PointState.PAUSED
    with pytest.raises(FailedPrecondition):
        all_paused(office)
    all_resumed(office)
    assert hold(office) == "paused"
    with pytest.raises(FailedPrecondition):
        all_resumed(office)
    assert audit_log.verify(office.database).ok


@pytest.mark.parametrize("point", ["dialy", "weekly"])
def test_an_unknown_decision_point_is_not_found(office: Office, point: str) -> None:
    """A slip of the hand stops nothing and says what there is."""
    office.approved()
    for act in (
        lambda: office.pause(point),
        lambda: office.resume(point),
        lambda: braking.deactivate(office.home, point, Role.MODEL, now=office.now, by="tests"),
    ):
        with pytest.raises(NotFound, match="there are: daily") as refused:
            act()
        assert refused.value.field == "decision_point"
    assert stops.listed(office.home) == ()
    with pytest.raises(InvalidArgument):
        office.pause("a b")
    with pytest.raises(NotFound, match="board init"):
        braking.pause(office.home / "none", "daily", now=office.now, by="tests")


def test_a_held_lock_does_not_hold_a_stop_up(office: Office) -> None:
    """In force at once and said so; recorded by whoever comes next."""
    proposal = office.approved()
    with held_lock(office):
        braked = office.pause(reason="night")
        assert "busy" in braked.unrecorded
        assert hold(office) == "paused"
        assert office.deactivate().unrecorded
        assert all_paused(office).unrecorded
        office.vote(proposal, "dan", vote=Vote.REFUSE)
        assert stops.refusal_name(proposal.proposal_id) in stops.look(office.home).names
    assert state(office) is PointState.RUNNING
    try_record(office.database)
    assert state(office) is PointState.PAUSED
    assert state(office, EVERYWHERE) is PointState.PAUSED
    assert registry.activations(office.database) == ()
    assert {row["reason"] for row in told(office, AuditKind.STATE_CHANGED)} == {"night", "odd"}
    assert [row["member"] for row in told(office, AuditKind.REFUSED)] == ["dan"]
    assert audit_log.verify(office.database).ok
    assert pending.record(office.database) == ()


SWALLOWING = [
    "CREATE TRIGGER s BEFORE INSERT ON decision_point_states BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER s AFTER INSERT ON decision_point_states"
    " BEGIN DELETE FROM decision_point_states; END",
    "CREATE TRIGGER s BEFORE INSERT ON audit BEGIN SELECT RAISE(IGNORE); END",
    "CREATE TRIGGER s BEFORE INSERT ON decision_point_states BEGIN SELECT RAISE(ABORT, 'no'); END",
    "CREATE TRIGGER s BEFORE DELETE ON activations BEGIN SELECT RAISE(IGNORE); END",
]


@pytest.mark.parametrize("trigger", SWALLOWING)
def test_a_swallowing_trigger_swallows_no_stop(office: Office, trigger: str) -> None:
    """The files hold; the trigger is found; half a record is none."""
    office.approved()
    with office.database.write() as connection:
        connection.execute(trigger)
    braked = office.pause()
    assert hold(office) == "paused"
    assert bool(braked.unrecorded) is (state(office) is PointState.RUNNING)
    office.deactivate()
    assert stops.look(office.home).hold("daily", Role.MODEL, "", "") == "deactivated"
    report = audit_log.verify(office.database)
    assert [f.message for f in report.findings] == ["the trigger 's' is not ours"]
    with pytest.raises(DataLoss):
        office.resume()
    assert hold(office) == "deactivated"


DAMAGE = [
    "UPDATE activations SET role = 'modle'",
    "UPDATE activations SET activated_at = CAST(x'ff' AS TEXT)",
    "UPDATE proposals SET statement = '{'",
    "DELETE FROM audit WHERE seq = 2",
    "UPDATE decision_point_states SET state = CAST(x'ff' AS TEXT)",
]


@pytest.mark.parametrize("statement", DAMAGE)
def test_a_damaged_store_holds_no_stop_up(office: Office, statement: str) -> None:
    """What can be stopped is; what cannot be read is no reason against it."""
    office.approved()
    office.tamper("INSERT INTO decision_point_states VALUES ('daily', 'running', '')")
    office.tamper(statement)
    office.pause()
    assert hold(office) == "paused"
    all_paused(office)
    assert hold(office) == "stopped_all"


@pytest.mark.parametrize(
    "statement",
    [
        "ALTER TABLE activations RENAME TO elsewhere",
        "UPDATE activations SET proposal_id = CAST(x'ff' AS TEXT)",
    ],
)
def test_a_registry_that_cannot_be_read_holds_no_deactivation_up(
    office: Office, statement: str
) -> None:
    """It does not say that nothing is active there."""
    office.approved()
    office.database.close()
    with closing(sqlite3.connect(office.database.path)) as connection:
        connection.execute(statement)
        connection.commit()
    office.deactivate()
    assert hold(office) == "deactivated"


def test_a_store_that_is_none_or_gone_holds_no_stop_up(office: Office) -> None:
    """Overwritten with noise, then deleted; the files act all the same, and make no store."""
    office.approved()
    office.database.close()
    office.database.path.write_bytes(b"noise" * 1000)
    assert "cannot be opened" in office.pause().unrecorded
    assert hold(office) == "paused"
    for path in office.home.glob("troth.db*"):
        path.unlink()
    assert all_paused(office).unrecorded
    assert hold(office) == "stopped_all"
    assert not office.database.path.exists()


def test_deactivation_holds_until_the_next_activation(office: Office) -> None:
    """The file stays, whatever becomes of the row, and goes with an approved successor."""
    office.approved()
    office.deactivate()
    with pytest.raises(NotFound):
        office.deactivate()
    assert stops.look(office.home).hold("daily", Role.MODEL, "", "") == "deactivated"
    office.approved("bob")
    assert hold(office) is None
    try_record(office.database)
    assert len(registry.activations(office.database)) == 1


GUARDRAILS_CHANGED = "a" * 64


def test_giving_back_needs_approvals_that_hold(office: Office) -> None:
    """Refused, expired, behind other guardrails, evidence gone: the stop stays."""
    proposal = office.approved()
    office.pause()
    with pytest.raises(NotApproved, match="guardrails"):
        braking.resume(
            office.database,
            "daily",
            verifier=replace(office.verifier, guardrails_digest=GUARDRAILS_CHANGED),
            now=office.now,
            by="tests",
        )
    with pytest.raises(NotApproved, match="expired"):
        braking.resume(
            office.database,
            "daily",
            verifier=office.verifier,
            now=proposal.scope.expires_at,
            by="tests",
        )
    next((office.home / "evidence").iterdir()).unlink()
    with pytest.raises(NotApproved, match="evidence"):
        office.resume()
    assert hold(office) == "paused"
    assert state(office) is PointState.PAUSED


def test_giving_back_needs_a_whole_log_and_a_readable_registry(office: Office) -> None:
    """On damage the stop stays."""
    office.approved()
    office.pause()
    office.tamper(
        "INSERT INTO activations SELECT 'weekly', 'modle', proposal_id, '' FROM activations"
    )
    with pytest.raises(DataLoss, match="not a role"):
        office.resume()
    office.tamper("DELETE FROM activations WHERE role = 'modle'")
    office.tamper("DELETE FROM audit WHERE seq = 2")
    with pytest.raises(DataLoss):
        office.resume()
    assert hold(office) == "paused"


def test_a_stop_made_by_hand_is_recorded(office: Office) -> None:
    """``touch stops/all`` at night, without a command: the log tells of it afterwards."""
    office.approved()
    (office.home / "stops" / "all").touch()
    (office.home / "stops" / "point.daily").touch()
    try_record(office.database)
    assert {row["by"] for row in told(office, AuditKind.STATE_CHANGED)} == {"unknown"}
    assert state(office, EVERYWHERE) is state(office) is PointState.PAUSED
    all_resumed(office)
    office.resume()
    assert hold(office) is None


def test_a_service_does_not_pause_again_what_is_being_resumed(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the row that runs and the file that goes, upkeep sees a stop without its row."""
    office.approved()
    office.pause()
    lift = stops.lift

    def recorded_then_lifted(*arguments: Any) -> None:
        try_record(office.database)
        lift(*arguments)

    monkeypatch.setattr(stops, "lift", recorded_then_lifted)
    office.resume()
    assert state(office) is PointState.RUNNING
    assert hold(office) is None


@pytest.mark.parametrize("everything", [False, True])
def test_a_second_pause_outlives_a_resume_under_way(
    office: Office, monkeypatch: pytest.MonkeyPatch, everything: bool
) -> None:
    """It is told that there is a pause, which must still be there when the other is done."""
    office.approved()
    verify = audit_log.verify

    def meanwhile(*arguments: Any, **named: Any) -> Any:
        with pytest.raises(FailedPrecondition):
            all_paused(office) if everything else office.pause()
        return verify(*arguments, **named)

    if everything:
        all_paused(office)
    else:
        office.pause()
    monkeypatch.setattr(audit_log, "verify", meanwhile)
    if everything:
        all_resumed(office)
    else:
        office.resume()
    assert hold(office) == ("stopped_all" if everything else "paused")
    pending.record(office.database)
    assert state(office, EVERYWHERE if everything else "daily") is PointState.PAUSED
