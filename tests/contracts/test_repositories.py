"""What repositories keep to on every kind of store."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest

from serving.audit import audit_log, chain
from serving.audit.kinds import AuditKind
from serving.storage.audit import LogRow, StoredHead
from serving.storage.customers import PermissionRow
from serving.storage.database import Database
from serving.storage.outcomes import OutcomeRow
from serving.storage.registry import RawActivation, StoredVote
from serving.storage.statements import decoded
from serving.storage.unit_of_work import UnitOfWork
from tests.support.stores import MOMENT, Place, decision, grant
from troth.errors import DataLoss

# Repositories


def test_decisions(database: Database) -> None:
    """By request, by id, in the order of commitment, and by their commit."""
    with database.write() as unit:
        unit.decisions.add([decision(2, seq=7), decision(1, seq=7)])
        unit.decisions.add([decision(3, seq=5)])
        unit.decisions.add([])
    with database.read() as unit:
        assert unit.decisions.answer("r1") == ("0" * 64, '{"n":1}', "1" * 64)
        assert unit.decisions.answer("r9") is None
        assert unit.decisions.record("d2") == ('{"n":2}', "1" * 64)
        assert unit.decisions.record("d9") is None
        assert [row.record for row in unit.decisions.records()] == [
            '{"n":2}', '{"n":1}', '{"n":3}',
        ]  # fmt: skip
        assert [row.decision_id for row in unit.decisions.by_commit()] == ["d3", "d2", "d1"]
        assert unit.decisions.count() == 3
        unit.decisions.probe()


@pytest.mark.parametrize("same", ["decision_id", "request_id"])
def test_a_decision_is_stored_once(database: Database, same: str) -> None:
    """Neither its id nor its request has another."""
    with database.write() as unit:
        unit.decisions.add([decision(1)])
    with pytest.raises(DataLoss), database.write() as unit:
        unit.decisions.add([decision(2, **{same: getattr(decision(1), same)})])
    with database.read() as unit:
        assert unit.decisions.count() == 1


def test_configurations(database: Database) -> None:
    """Kept once; the first stays."""
    with database.write() as unit:
        unit.decisions.keep_configuration("a", "first")
        unit.decisions.keep_configuration("a", "second")
    with database.read() as unit:
        assert unit.decisions.configuration("a") == "first"
        assert unit.decisions.configuration("b") is None


def test_a_contact_is_granted_once(database: Database) -> None:
    """To a customer, of an action, on a day; and the transaction goes on."""
    with database.write() as unit:
        assert grant(unit, 1)
        assert not grant(unit, 2)
        assert grant(unit, 3, day="2026-03-05")
        assert grant(unit, 4, action_id="goodbye")
        assert grant(unit, 5, customer_id="C2")
        assert unit.contacts.granted_twice() == 0
        assert [one.decision_id for one in unit.contacts.entries("C1", "email")] == [
            "d1", "d3", "d4",
        ]  # fmt: skip


def test_contacts_around_a_time(database: Database) -> None:
    """By when they were made: another system's log may show it later than booked."""
    with database.write() as unit:
        for number in range(1, 6):
            assert grant(unit, number, action_id=f"a{number}")
        first = unit.contacts.entries("C1", "email")[0]
        unit.contacts.mark_seen([(first.contact_id, 4_500, "id")])

        def around(**changes: Any) -> list[str]:
            values: dict[str, Any] = {
                "granted_after": 0, "after": 2_000, "before": 5_000, "without": "",
            }  # fmt: skip
            return [one.action_id for one in unit.contacts.around("C1", **{**values, **changes})]

        assert around() == ["a3", "a4", "a1"]
        assert around(without="d3") == ["a4", "a1"]
        assert around(granted_after=1_000) == ["a3", "a4"]
        assert around(before=4_000) == ["a3", "a1"]
        assert (
            unit.contacts.around("C9", granted_after=0, after=0, before=9_000_000, without="") == []
        )


def test_contacts_made_elsewhere(database: Database) -> None:
    """Booked, taken out again, once for a time; grants stay as they are."""
    with database.write() as unit:
        assert grant(unit, 1)
        made = [(5_000, "2026-03-04", None), (6_000, "2026-03-04", "id")]
        unit.contacts.add_elsewhere("C1", "email", None, made)
        unit.contacts.remove_elsewhere("C1", "email", [1_000, 5_000])
        assert [(one.at_us, one.seen_by) for one in unit.contacts.entries("C1", "email")] == [
            (1_000, None), (6_000, "id"),
        ]  # fmt: skip
    with pytest.raises(DataLoss), database.write() as unit:
        unit.contacts.add_elsewhere("C1", "email", None, [(6_000, "2026-03-04", None)])


def permission(channel: str, kind: str, at: str = MOMENT, **changes: Any) -> PermissionRow:
    """A permission as stored."""
    row = PermissionRow("C1", "marketing", channel, kind, at, "web form", MOMENT, "f1")
    return row._replace(**changes)


def test_customers(database: Database) -> None:
    """Zone and permissions, each in place of the one before; a stranger has neither."""
    later = "2026-03-05T12:00:00.000000Z"
    with database.write() as unit:
        unit.customers.put_zone("C1", "UTC", MOMENT)
        unit.customers.put_zone("C1", "Asia/Tokyo", MOMENT)
        unit.customers.put_zone("C2", None, MOMENT)
        unit.customers.put_told("C1", '{"spent":7}')
        unit.customers.put_told("C9", '{"spent":8}')
        unit.customers.put_permissions(
            [permission("email", "given"), permission("sms", "refused", purpose="service")]
        )
        unit.customers.put_permissions([permission("email", "given", later)])
    with database.read() as unit:
        assert unit.customers.known("C1", "marketing") == (
            "Asia/Tokyo", '{"spent":7}', [("email", "given", later)],
        )  # fmt: skip
        assert unit.customers.permissions("C1", "service") == [("sms", "refused", MOMENT)]
        assert unit.customers.known("C9", "marketing") == (None, "{}", [])
        assert unit.customers.zone("C2") == (True, None)
        assert unit.customers.zone("C9") == (False, None)
        assert [row.purpose for row in unit.customers.all_permissions()] == [
            "marketing", "service",
        ]  # fmt: skip


def test_reports_of_permissions(database: Database) -> None:
    """An id says one thing."""
    with database.write() as unit:
        assert unit.customers.report("p1") is None
        unit.customers.add_report("p1", "a", MOMENT)
        assert unit.customers.report("p1") == "a"
    with pytest.raises(DataLoss), database.write() as unit:
        unit.customers.add_report("p1", "b", MOMENT)


def test_outcomes(database: Database) -> None:
    """Of decisions that there are, once."""
    row = OutcomeRow("o1", "d1", "purchased", 2**40, MOMENT, MOMENT, MOMENT)
    with pytest.raises(DataLoss), database.write() as unit:
        unit.outcomes.add(row)
    with database.write() as unit:
        unit.decisions.add([decision(1)])
        unit.outcomes.add(row)
        unit.outcomes.add(row._replace(outcome_id="o2", kind="opened"))
        assert unit.outcomes.get("o1") == row
        assert unit.outcomes.get("o9") is None
        assert list(unit.outcomes.of_kind("purchased")) == [row]
    with pytest.raises(DataLoss), database.write() as unit:
        unit.outcomes.add(row)


def test_the_registry(database: Database) -> None:
    """Proposals, votes, what answers where, and states; in one order on every kind of store."""
    vote = StoredVote("p1", "ada", "propose", MOMENT, "éß", b"\x00\xff")
    with database.write() as unit:
        for name in ("p2", "p1"):
            unit.registry.add_proposal(name, f'{{"of":"{name}"}}')
        unit.registry.add_vote(vote)
        for point in ("b", "B", "a_c", "a.b"):
            unit.registry.activate(point, "model", "p1", MOMENT)
        unit.registry.activate("b", "model", "p2", MOMENT)
        unit.registry.deactivate("B", "model")
        unit.registry.put_state("daily", "paused", MOMENT)
        unit.registry.put_state("daily", "running", MOMENT)
        unit.registry.touch()
    with database.read() as unit:
        assert [one.proposal_id for one in unit.registry.proposals()] == ["p1", "p2"]
        assert unit.registry.proposal("p1") == ("p1", '{"of":"p1"}')
        assert unit.registry.proposal("p9") is None
        assert unit.registry.count_proposals() == 2
        assert len(unit.registry.statements()) == 2
        assert unit.registry.votes("p1") == unit.registry.all_votes() == [vote]
        assert [decoded(row.decision_point) for row in unit.registry.activations()] == [
            "a.b", "a_c", "b",
        ]  # fmt: skip
        found = unit.registry.active("b", "model")
        assert found is not None
        assert RawActivation(*(decoded(cell) for cell in found)) == ("b", "model", "p2", MOMENT)
        assert unit.registry.active("b", "baseline") is None
        assert unit.registry.states() == [("daily", "running")]
        assert unit.registry.state("daily") == "running"
        assert unit.registry.state("hourly") is None
        assert unit.registry.generation() == 0


@pytest.mark.parametrize(
    "write",
    [
        lambda unit: unit.registry.activate("a", "model", "nowhere", MOMENT),
        lambda unit: unit.registry.add_vote(StoredVote("p9", "ada", "approve", MOMENT, "", b"")),
        lambda unit: unit.customers.put_permissions([permission("email", "maybe")]),
        lambda unit: unit.contacts.mark_seen([(1, 1, "guess")]),
    ],
)
def test_what_cannot_be_is_refused(database: Database, write: Callable[[UnitOfWork], None]) -> None:
    """By the store itself: references and words that are none."""
    with database.write() as unit:
        assert grant(unit, 1)
    with pytest.raises(DataLoss), database.write() as unit:
        write(unit)


# The audit log


def test_the_chain_holds(place: Place) -> None:
    """Rows as they were written, in order, and signed heads beside them."""
    database = place.open(durable=False)
    with database.write() as unit:
        assert audit_log.head(unit) == (0, chain.GENESIS)
        for number in range(3):
            chain.append(
                unit, AuditKind.SERVING_LOADED, {"n": number, "text": "é\u0000\ud7ff"},
                at=datetime(2026, 3, 4, tzinfo=UTC),
            )  # fmt: skip
        unit.audit.add_head(StoredHead(3, "a", MOMENT, "key", b"\x00\x01"))
        unit.audit.add_head(StoredHead(3, "b", MOMENT, "key", b""))
        assert unit.audit.heads() == [StoredHead(3, "a", MOMENT, "key", b"\x00\x01")]
    with database.read() as unit:
        rows = list(chain.rows(unit))
        assert [row.seq for row in rows] == [1, 2, 3]
        assert all(row.hash == row.expected_hash() for row in rows)
        assert unit.audit.hash_at(2) == rows[1].hash == rows[2].previous
        assert unit.audit.hash_at(9) is None
        assert [row.seq for row in chain.rows(unit, after=2)] == [3]
        assert list(chain.rows(unit, kind="x.y")) == []
        assert unit.audit.count() == 3
        assert [seq for seq, _ in unit.audit.payloads("serving.loaded")] == [1, 2, 3]
        assert len(list(unit.audit.payloads_of_either("x.y", "serving.loaded"))) == 3
        assert [row[:2] for row in unit.audit.governance()] == [
            (seq, "serving.loaded") for seq in (1, 2, 3)
        ]


def test_the_same_log_has_the_same_bytes(place: Place) -> None:
    """Whatever store it is in: times and payloads are text, and hashes are over them."""
    database = place.open(durable=False)
    with database.write() as unit:
        for number in range(2):
            chain.append(
                unit, AuditKind.SERVING_LOADED, {"n": number}, at=datetime(2026, 3, 4, tzinfo=UTC)
            )
        assert unit.audit.hash_at(2) == (
            "5d9d627c06381c077276514e9294255cfff545ba0e6a0452ecc8fdb7d4d37013"
        )


def test_the_log_is_appended_to_only(database: Database) -> None:
    """By the slip of a hand, that is; the chain is what proves it."""
    with database.write() as unit:
        chain.append(unit, AuditKind.SERVING_LOADED, {})
    for statement in ("UPDATE audit SET kind = 'x'", "DELETE FROM audit"):
        with pytest.raises(DataLoss, match="append-only"), database.write() as unit:
            unit.execute(statement)
    with pytest.raises(DataLoss), database.write() as unit:
        unit.audit.append(LogRow(1, MOMENT, "x.y", "{}", "a", "b"))
    assert audit_log.verify(database).rows == 1


def test_tampering_is_found(database: Database, place: Place) -> None:
    """A row changed past the log, and a trigger that would swallow one."""
    with database.write() as unit:
        chain.append(unit, AuditKind.SERVING_LOADED, {})
    assert audit_log.verify(database).ok
    with database.write() as unit:
        unit.registry.put_state("daily", "running", MOMENT)
    (found,) = audit_log.verify(database).findings
    assert "the state of daily is running, by the log None" in found.message
    database.require_own_schema()
    with database.write() as unit:
        unit.execute("CREATE TABLE spare (a TEXT)")
        unit.execute("DROP INDEX decisions_by_audit")
    assert database.foreign() == (
        "the table 'spare' is not ours", "the index 'decisions_by_audit' is gone",
    )  # fmt: skip
    with pytest.raises(DataLoss, match="spare"):
        database.require_own_schema()
