"""Permissions: what follows from given facts, in whatever order and way they come in."""

from __future__ import annotations

import itertools
import json
import sqlite3
import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.audit import audit_log
from serving.customers import profiles
from serving.customers.permission_reports import PermissionReport
from serving.customers.permissions import PermissionFact, fold
from serving.decisioning.decision_transaction import STALE
from serving.storage.database import Database
from serving.storage.migrating import migrate
from serving.storage.sqlite import SqliteDriver
from serving.storage.upgrading import scripts, split_statements
from tests.support.decisions import NOON, Bench, customers, loose_config, request
from troth.catalogue import CHANNELS, Channel
from troth.errors import AlreadyExists, DataLoss, InvalidArgument
from troth.types import new_id

Make = Callable[..., Bench]
EMAIL = Channel.EMAIL


def said(granted: bool, hours: float | None = None, *, source: str = "web form") -> PermissionFact:
    """A fact about e-mail, ``hours`` after noon."""
    at = None if hours is None else NOON + timedelta(hours=hours)
    return PermissionFact(channel=EMAIL, granted=granted, given_at=at, source=source)


def tell(one: Bench, permission: PermissionFact, customer: str = "C1") -> tuple[bool, str]:
    """Report ``permission``; whether it is in force, and why."""
    done = one.pipeline.set_permission(
        PermissionReport(permission_id=new_id(), customer_id=customer, permission=permission)
    )
    assert done.first_time
    return done.effective, done.reason


def email(one: Bench, customer: str = "C1") -> bool | None:
    """Whether e-mail is permitted."""
    with one.database.read() as connection:
        return profiles.find(connection, customer)[1].get(EMAIL)


@pytest.mark.parametrize(
    ("consent", "reason"),
    [
        (said(True, -2), "refusal_is_newer"),
        (said(True, -1), "refusal_is_newer"),
        (said(True), "no_given_at"),
        (said(True, -0.5, source=""), "no_source"),
        (said(True, -0.5, source="  "), "no_source"),
    ],
    ids=["older", "at the same time", "undated", "without source", "blank source"],
)
def test_refusal_outlives(bench: Make, consent: PermissionFact, reason: str) -> None:
    """An older consent, and one that does not say when and where, change nothing, in any order."""
    for facts in itertools.permutations([consent, said(False, -1)]):
        one = bench()
        told = [tell(one, fact) for fact in facts]
        assert email(one) is False
        assert told[-1] == ((False, reason) if facts[-1] is consent else (True, "as_given"))
    assert not one.pipeline.decide(request(triggered_journeys=("welcome",))).contacts


def test_later_consent_restores_in_any_order(bench: Make) -> None:
    """Given after the refusal, with its source, it opens the channel again."""
    for facts in itertools.permutations([said(True, -3), said(False, -2), said(True, -1)]):
        one = bench()
        for fact in facts:
            tell(one, fact)
        assert email(one) is True
    assert tell(one, said(False, -2.5)) == (False, "consent_is_newer")


def test_all_channels_and_one(bench: Make) -> None:
    """A refusal of everything closes each channel; a later consent opens its own."""
    one = bench()
    tell(one, PermissionFact(channel=None, granted=False, given_at=NOON - timedelta(hours=2)))
    assert tell(one, said(True, -1)) == (True, "as_given")
    with one.database.read() as connection:
        known = profiles.find(connection, "C1")[1]
    assert known == {c: c is EMAIL for c in CHANNELS if c is not Channel.NONE}


def test_purposes_are_apart(bench: Make) -> None:
    """Refusing surveys is not refusing marketing, nor does permitting them permit it."""
    one = bench()
    customers(one.database, "C1")
    survey = PermissionFact(channel=EMAIL, granted=False, purpose="survey")
    assert tell(one, survey) == (True, "as_given")
    assert email(one) is True
    tell(one, PermissionFact(channel=EMAIL, granted=True, purpose="survey"), "C2")
    assert email(one, "C2") is None


@pytest.mark.parametrize(
    "given_at",
    [None, NOON + timedelta(days=400), datetime(1970, 1, 1, tzinfo=UTC), datetime.max],
    ids=["none", "ahead", "battery", "end of time"],
)
def test_refusal_with_a_doubtful_time_counts_from_now(
    bench: Make, given_at: datetime | None
) -> None:
    """A withdrawal is never lost because of a clock, and does not last for ever because of one."""
    one = bench()
    customers(one.database, "C1", given_at=NOON - timedelta(minutes=1))
    moment = given_at.replace(tzinfo=UTC) if given_at else None
    assert tell(one, PermissionFact(channel=EMAIL, granted=False, given_at=moment))[0]
    assert email(one) is False
    one.now = NOON + timedelta(hours=2)
    assert tell(one, said(True, 1)) == (True, "as_given")


def test_consent_from_the_future_is_refused(bench: Make) -> None:
    """A time that nobody can have consented at is no consent."""
    one = bench()
    with pytest.raises(InvalidArgument) as caught:
        tell(one, said(True, 1.5))
    assert caught.value.field == "given_at"
    assert one.count("permissions") == one.count("permission_reports") == 0


def test_consent_from_a_fast_clock_does_not_outrun_a_refusal(bench: Make) -> None:
    """Within the tolerance a consent counts from its arrival, so a refusal after it is later."""
    one = bench()
    tell(one, said(True, 0.9))
    one.now = NOON + timedelta(minutes=1)
    assert tell(one, PermissionFact(channel=EMAIL, granted=False, given_at=one.now))[0]
    assert email(one) is False


def test_report_counts_once(bench: Make) -> None:
    """A repeated report is acknowledged with what holds by now; its id is good for no other."""
    one = bench()
    report = PermissionReport(
        permission_id=str(uuid.uuid4()).upper(), customer_id="C1", permission=said(True, -2)
    )
    assert one.pipeline.set_permission(report).effective
    tell(one, said(False, -1))
    again = one.another().set_permission(report)
    assert (again.first_time, again.effective, again.reason) == (False, False, "refusal_is_newer")
    other = PermissionReport(
        permission_id=report.permission_id, customer_id="C2", permission=said(True, -2)
    )
    with pytest.raises(AlreadyExists) as caught:
        one.pipeline.set_permission(other)
    assert caught.value.field == "permission_id"


def test_every_change_is_audited_without_a_name(bench: Make) -> None:
    """Before and after, when, where, what for and by which report; never who."""
    one = bench()
    tell(one, said(True, -2))
    tell(one, said(False, -1))
    with one.database.read() as connection:
        rows = list(audit_log.rows(connection))
    assert [row.kind for row in rows] == ["permission.changed", "permission.withdrawn"]
    told = json.loads(rows[1].payload)
    (fact,) = told["facts"]
    assert (fact["before"], fact["after"], fact["source"]) == ("granted", "refused", "web form")
    assert told["purpose"] == "marketing"
    assert not any('"C1"' in row.payload for row in rows)


def test_withdrawal_beside_a_decision_holds_for_it(bench: Make) -> None:
    """Facts that changed between the draw and its commit are drawn again."""
    one = bench(config=loose_config(contacts=9))
    customers(one.database, "C1")
    everything = PermissionFact(channel=None, granted=False)
    asked = request()
    step = next(one.pipeline._steps(asked))
    tell(one, everything)
    assert one.pipeline._committer.submit(step).result() is STALE  # type: ignore[arg-type]
    assert one.count("contacts") == 0
    assert not one.pipeline.decide(asked).contacts


@pytest.mark.parametrize(("column", "value"), [("channel", "fax"), ("at", "soon")])
def test_damage_means_no_contact(bench: Make, column: str, value: str) -> None:
    """What cannot be read is not guessed."""
    one = bench()
    customers(one.database, "C1")
    with one.database.write() as connection:
        connection.execute(
            f"UPDATE permissions SET {column} = ? WHERE channel = 'sms'",
            (value,),
        )
    with pytest.raises(DataLoss):
        one.pipeline.decide(request())


def test_nothing_is_known_of_a_stranger() -> None:
    """No facts, no permissions."""
    assert fold({}) == {}


def test_store_of_before_keeps_its_opt_outs(tmp_path: Path) -> None:
    """Profiles and withdrawals of an older store become facts: granted, refused, withdrawn."""
    path = tmp_path / "troth.db"
    old = sqlite3.connect(path)
    old.execute("CREATE TABLE migrations (name TEXT PRIMARY KEY) STRICT")
    for name, script in scripts()[:2]:
        for statement in split_statements(script):
            old.execute(statement)
        old.execute("INSERT INTO migrations VALUES (?)", (name,))
    moment = "2026-03-01T00:00:00.000000Z"
    permits = '{"email":true,"sms":false,"push":false}'
    old.execute("INSERT INTO profiles VALUES ('C1', 'UTC', ?, ?)", (permits, moment))
    old.execute("INSERT INTO withdrawals VALUES ('C1', 'push', '2026-03-02T00:00:00.000000Z')")
    old.commit()
    old.close()
    migrate(SqliteDriver(path), now=NOON)
    database = Database(path, durable=False)
    with database.read() as connection:
        zone, known = profiles.find(connection, "C1")
        pushed = connection.execute("SELECT at FROM permissions WHERE channel = 'push'").fetchone()
    assert zone == "UTC"
    assert known == {Channel.EMAIL: True, Channel.SMS: False, Channel.PUSH: False}
    assert pushed["at"] == "2026-03-02T00:00:00.000000Z"


TAMPERED = [
    "DELETE FROM permissions WHERE kind = 'refused'",
    "DELETE FROM permissions",
    "UPDATE permissions SET at = '2001-01-01T00:00:00.000000Z' WHERE kind = 'refused'",
    "UPDATE permissions SET kind = 'stated' WHERE kind = 'refused'",
    "UPDATE permissions SET customer_id = 'C9' WHERE kind = 'refused'",
    "INSERT INTO permissions VALUES"
    " ('C1', 'marketing', 'all', 'given', '2999-01-01T00:00:00.000000Z', 'x', '', 'x')",
    "INSERT INTO permissions VALUES ('C9', 'marketing', 'email', 'stated', '', '', '', 'x')",
    "INSERT INTO permissions VALUES ('C9', 'marketing', 'email', 'given', 'x', '', '', '')",
]


@pytest.mark.parametrize("statement", TAMPERED)
def test_a_permission_changed_behind_the_log_is_found(bench: Make, statement: str) -> None:
    """A refusal that is gone, made older or turned round; a consent that nobody reported."""
    one = bench()
    for fact in (said(True, -3), said(False, -2), said(False, -1)):
        tell(one, fact)
    assert audit_log.verify(one.database).ok
    with one.database.write() as connection:
        connection.execute(statement)
    found = audit_log.verify(one.database).findings
    assert found
    assert all("by the log" in finding.message for finding in found)


def test_what_an_earlier_version_knew_and_what_a_file_confirms_is_no_tampering(bench: Make) -> None:
    """The log tells of changes only."""
    one = bench()
    with one.database.write() as connection:
        for channel, kind in (("email", "refused"), ("push", "stated")):
            connection.execute(
                "INSERT INTO permissions VALUES"
                f" ('C7', 'marketing', '{channel}', '{kind}', ?, '', '', '')",
                ("2026-01-01T00:00:00.000000Z",),
            )
    for channel in (EMAIL, Channel.PUSH):
        for granted, hours in ((channel is Channel.PUSH, -2), (channel is Channel.PUSH, -1)):
            profile = profiles.Profile(
                customer_id="C7",
                zone=None,
                permissions=(
                    PermissionFact(
                        channel=channel,
                        granted=granted,
                        given_at=NOON + timedelta(hours=hours),
                        source="file",
                    ),
                ),
            )
            with one.database.write() as connection:
                profiles.store(connection, profile, now=NOON, tolerance=timedelta(0), via="file")
    assert audit_log.verify(one.database).ok
