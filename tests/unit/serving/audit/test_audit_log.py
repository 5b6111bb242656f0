"""The log tells what happened, and tells when it was tampered with."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest

from serving.audit import audit_log, chain, checkpoints
from serving.audit.audit_log import FindingKind, Head
from serving.audit.kinds import AuditKind
from serving.governance.registry import Role
from serving.signing import keys
from troth.digests import canonical_json, digest, sha256
from troth.errors import DataLoss, InvalidArgument, NotFound, PermissionDenied, TrothError
from troth.types import Vote

Office = Any


def kinds(office: Office, **arguments: Any) -> set[FindingKind]:
    """What a verification finds."""
    return {finding.kind for finding in audit_log.verify(office.database, **arguments).findings}


def write(office: Office, count: int) -> None:
    """Append ``count`` rows."""
    with office.database.write() as connection:
        for at in range(count):
            audit_log.append(connection, "serving.loaded", {"at": at}, at=office.now)


def test_rows_are_chained_as_published(office: Office) -> None:
    """Anybody can recompute a hash with a JSON library and SHA-256."""
    write(office, 2)
    with office.database.read() as connection:
        first, second = audit_log.rows(connection)
    assert (first.seq, first.previous) == (1, "0" * 64)
    assert (second.seq, second.previous) == (2, first.hash)
    text = (
        '{"at":"2026-05-04T09:30:00.000000Z","kind":"serving.loaded","payload":"{\\"at\\":0}",'
        f'"previous":"{"0" * 64}","seq":1}}'
    )
    assert first.hash == sha256(text.encode())
    assert first.to_dict()["payload"] == {"at": 0}


def test_a_row_is_part_of_the_callers_transaction(office: Office) -> None:
    """What is undone was never logged."""

    def work() -> None:
        with office.database.write() as connection:
            audit_log.append(connection, "serving.loaded", {})
            raise NotFound("x")

    with pytest.raises(NotFound):
        work()
    assert audit_log.verify(office.database).rows == 0


@pytest.mark.parametrize(
    "kind", ["", "noun", "outcome.recorded", "SERVING.LOADED", "serving.loaded "]
)
def test_only_kinds_that_are_listed_are_written(office: Office, kind: str) -> None:
    """Whoever reads the log finds every kind in one place, with what its payload holds."""
    with office.database.write() as connection, pytest.raises(InvalidArgument, match="kind"):
        audit_log.append(connection, kind, {})


@pytest.mark.parametrize("kind", AuditKind)
def test_kinds_have_a_form(office: Office, kind: AuditKind) -> None:
    """Two words with a dot between, so that the log can be searched; each can be written."""
    assert re.fullmatch(r"[a-z]+\.[a-z_]+", kind)
    with office.database.write() as connection:
        audit_log.append(connection, kind, {})
        (row,) = audit_log.rows(connection, kind=kind)
    assert row.kind == kind


def test_only_canonical_json_is_logged(office: Office) -> None:
    """What has no one spelling cannot be hashed."""
    with office.database.write() as connection:
        for payload in (float("nan"), {"a": 2**60}, {"a": b""}, {1: 2}, "\ud800"):
            with pytest.raises(InvalidArgument):
                audit_log.append(connection, "serving.loaded", payload)


def test_the_seatbelt_holds(office: Office) -> None:
    """A slip of a hand cannot edit or delete; dropping the trigger is no slip."""
    write(office, 2)
    for statement in ("UPDATE audit SET payload = '{}'", "DELETE FROM audit"):
        with pytest.raises(Exception, match="append-only"), office.database.write() as connection:
            connection.execute(statement)
    assert audit_log.verify(office.database).ok


def test_acts_of_governance_leave_a_whole_log(office: Office) -> None:
    """Everything that can be done, and nothing found; heads follow every act."""
    proposal = office.approved()
    office.load()
    office.approved("bob", role=Role.BASELINE)
    office.pause()
    office.resume()
    office.deactivate()
    office.vote(proposal, "dan", vote=Vote.REFUSE, reason="no longer")
    report = audit_log.verify(office.database)
    assert report.findings == ()
    assert report.ok
    assert report.rows == report.seq == 13
    kept = checkpoints.kept(office.home)
    assert kept is not None
    assert (kept.seq, kept.hash) == (report.seq, report.hash)


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("UPDATE audit SET payload = '{\"at\":9}' WHERE seq = 3", FindingKind.EDITED),
        ("UPDATE audit SET payload = payload || ' ' WHERE seq = 3", FindingKind.EDITED),
        ("UPDATE audit SET at = '2020' WHERE seq = 3", FindingKind.EDITED),
        ("UPDATE audit SET kind = 'test.other' WHERE seq = 3", FindingKind.EDITED),
        ("UPDATE audit SET hash = previous WHERE seq = 3", FindingKind.EDITED),
        ("UPDATE audit SET previous = hash WHERE seq = 3", FindingKind.BROKEN_LINK),
        ("UPDATE audit SET payload = CAST(x'ff' AS TEXT) WHERE seq = 3", FindingKind.UNREADABLE),
        ("DELETE FROM audit WHERE seq = 3", FindingKind.MISSING),
        ("DELETE FROM audit WHERE seq = 1", FindingKind.MISSING),
        ("UPDATE audit SET seq = 9 WHERE seq = 6", FindingKind.MISSING),
        ("UPDATE audit SET seq = 0 WHERE seq = 1", FindingKind.UNREADABLE),
        ("INSERT INTO audit VALUES (7, '', 'serving.loaded', '{}', '', '')", FindingKind.EDITED),
    ],
)
def test_each_way_of_tampering_is_named(office: Office, statement: str, found: FindingKind) -> None:
    """The chain alone, without any signed head."""
    write(office, 6)
    assert kinds(office) == set()
    office.tamper(statement)
    assert found in kinds(office)


def rewrite(office: Office, first: int) -> None:
    """Recompute every hash from row ``first`` on, as a forger would."""
    with office.database.read() as connection:
        rows = list(audit_log.rows(connection))
    previous = rows[first - 2].hash if first > 1 else audit_log.GENESIS
    for seq, row in enumerate(rows[first - 1 :], start=first):
        fresh = chain.row_hash(seq, row.at, row.kind, row.payload, previous)
        office.tamper(
            "UPDATE audit SET seq = ?, previous = ?, hash = ? WHERE seq = ?",
            seq, previous, fresh, row.seq,
        )  # fmt: skip
        previous = fresh


def test_a_recomputed_chain_is_found_by_its_heads(office: Office) -> None:
    """The forger edits a row, recomputes all hashes and deletes the checkpoints."""
    write(office, 4)
    head = audit_log.checkpoint(office.database)
    assert head is not None
    write(office, 2)
    office.tamper("UPDATE audit SET payload = '{}' WHERE seq = 2")
    rewrite(office, 2)
    # In the store, on the host.
    assert kinds(office) == {FindingKind.REWRITTEN}
    office.tamper("DELETE FROM checkpoints")
    assert kinds(office) == {FindingKind.REWRITTEN}
    # A host that lost its memory too: only the exported head is left.
    checkpoints.kept_path(office.home).unlink()
    assert kinds(office) == set()
    assert kinds(office, against=head) == {FindingKind.REWRITTEN}


def test_a_cut_tail_is_found_by_its_heads(office: Office) -> None:
    """Rows after the newest head are the only ones that can go unseen."""
    write(office, 4)
    head = audit_log.checkpoint(office.database)
    write(office, 2)
    office.tamper("DELETE FROM audit WHERE seq > 4")
    assert kinds(office) == set()
    office.tamper("DELETE FROM audit WHERE seq > 3")
    office.tamper("DELETE FROM checkpoints")
    assert kinds(office) == {FindingKind.TRUNCATED}
    checkpoints.kept_path(office.home).unlink()
    assert kinds(office, against=head) == {FindingKind.TRUNCATED}


def test_a_lost_store_is_found(office: Office) -> None:
    """An empty log in place of the old one is the longest cut of all."""
    office.approved()
    for table in ("audit", "checkpoints", "activations", "votes", "proposals"):
        office.tamper(f"DELETE FROM {table}")
    assert kinds(office) == {FindingKind.TRUNCATED}


def test_no_head_is_signed_over_damage(office: Office) -> None:
    """Governance stops on a damaged log, so that new heads do not bury the finding."""
    proposal = office.approved()
    office.tamper("UPDATE audit SET payload = '{}' WHERE seq = 2")
    rewrite(office, 2)
    office.tamper("DELETE FROM checkpoints")
    before = checkpoints.kept(office.home)
    for act in (
        lambda: office.propose("bob"),
        lambda: office.vote(proposal, "dan"),
        lambda: office.activate(proposal),
        lambda: audit_log.checkpoint(office.database),
    ):
        with pytest.raises(DataLoss, match="audit verify"):
            act()
    assert checkpoints.kept(office.home) == before
    assert FindingKind.REWRITTEN in kinds(office)


def test_damage_after_the_last_head_stops_the_next(office: Office) -> None:
    """The walk from head to head checks every link."""
    write(office, 3)
    audit_log.checkpoint(office.database)
    write(office, 3)
    office.tamper("UPDATE audit SET payload = '{}' WHERE seq = 5")
    with pytest.raises(DataLoss, match="row 5 does not continue row 4"):
        audit_log.checkpoint(office.database)


def test_stopping_works_on_a_damaged_log(office: Office) -> None:
    """Refusing, pausing and taking out must not wait for the log to be mended."""
    proposal = office.approved()
    office.tamper("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)")
    office.vote(proposal, "dan", vote=Vote.REFUSE)
    office.pause()
    with pytest.raises(DataLoss):
        office.resume()
    office.deactivate()
    assert FindingKind.REWRITTEN in kinds(office)


def test_a_forged_checkpoint_is_found(office: Office) -> None:
    """Signed with a key of the forger's own, in the store and as a head handed in."""
    write(office, 3)
    head = audit_log.checkpoint(office.database)
    assert head is not None
    forged = checkpoints.sign(keys.generate(), 2, digest("x"))
    with office.database.write() as connection:
        checkpoints.insert(connection, forged)
    assert kinds(office) == {FindingKind.BAD_CHECKPOINT}
    office.tamper("UPDATE checkpoints SET signature = x'' WHERE seq = 2")
    assert kinds(office) == {FindingKind.BAD_CHECKPOINT}
    office.tamper("DELETE FROM checkpoints WHERE seq = 2")
    assert kinds(office) == set()
    assert kinds(office, against=forged) == {FindingKind.BAD_CHECKPOINT}
    edited = Head.from_dict({**head.to_dict(), "seq": 2})
    assert kinds(office, against=edited) == {FindingKind.BAD_CHECKPOINT}


def test_a_forged_memory_of_the_host_is_found(office: Office) -> None:
    """The kept head must carry the host's own signature."""
    write(office, 3)
    audit_log.checkpoint(office.database)
    checkpoints.sign(keys.generate(), 3, digest("x")).write(checkpoints.kept_path(office.home))
    assert kinds(office) == {FindingKind.BAD_CHECKPOINT}
    checkpoints.kept_path(office.home).write_text("{}")
    assert kinds(office) == {FindingKind.BAD_CHECKPOINT}
    with pytest.raises(DataLoss):
        audit_log.checkpoint(office.database)


def test_an_audit_key_others_can_read_is_refused(office: Office) -> None:
    """Whoever can sign heads can rewrite the past."""
    write(office, 1)
    audit_log.checkpoint(office.database)
    checkpoints.key_path(office.home).chmod(0o644)
    with pytest.raises(PermissionDenied):
        audit_log.verify(office.database)


def test_a_head_survives_the_disk(office: Office) -> None:
    """What was exported is what is compared; what is no head is refused."""
    write(office, 1)
    head = audit_log.checkpoint(office.database)
    assert head is not None
    path = office.home / "out" / "head.json"
    head.write(path)
    assert Head.read(path) == head
    assert audit_log.checkpoint(office.database) == head
    with pytest.raises(NotFound):
        Head.read(office.home / "none")
    for change in ({"seq": "1"}, {"hash": "x"}, {"at": "x"}, {"signature": "?"}, {"public_key": 1}):
        path.write_bytes(canonical_json({**head.to_dict(), **change}))
        with pytest.raises(TrothError):
            Head.read(path)


def test_an_older_head_does_not_replace_a_newer_one(office: Office) -> None:
    """Two processes may come out of order."""
    write(office, 1)
    first = audit_log.checkpoint(office.database)
    write(office, 1)
    second = audit_log.checkpoint(office.database)
    assert first is not None
    checkpoints.keep(office.home, first)
    assert checkpoints.kept(office.home) == second


@pytest.mark.parametrize(
    ("statement", "found"),
    [
        ("DELETE FROM votes WHERE member = 'bob'", FindingKind.MISSING),
        ("UPDATE votes SET signature = x'00' WHERE member = 'bob'", FindingKind.UNCOVERED),
        ("UPDATE votes SET reason = 'fine' WHERE member = 'bob'", FindingKind.UNCOVERED),
        ("UPDATE votes SET vote = 'refuse' WHERE member = 'bob'", FindingKind.UNCOVERED),
        (
            "UPDATE proposals SET statement = replace(statement, '0.5', '0.6')",
            FindingKind.CONTRADICTED,
        ),
        ("UPDATE activations SET proposal_id = (SELECT max(proposal_id) FROM proposals)", None),
        ("DELETE FROM activations", FindingKind.CONTRADICTED),
        ("UPDATE activations SET role = 'baseline'", FindingKind.CONTRADICTED),
        ("INSERT INTO decision_point_states VALUES ('daily', 'paused', '')", "contradicted"),
        ("DROP TABLE votes", FindingKind.UNREADABLE),
    ],
)
def test_the_tables_are_compared_with_the_log(
    office: Office, statement: str, found: FindingKind | None
) -> None:
    """A change behind the log's back is found in the table where it was made."""
    office.approved()
    office.tamper(statement)
    assert kinds(office) == set() if found is None else found in kinds(office)


def test_progress_is_told(office: Office) -> None:
    """From the first thousand rows to the last."""
    write(office, 5000)
    seen: list[tuple[str, int, int]] = []
    assert audit_log.verify(office.database, on_progress=lambda *at: seen.append(at)).rows == 5000
    assert seen == [("audit", 4096, 5000), ("audit", 5000, 5000), ("decisions", 0, 0)]


def test_appending_costs_the_same_however_long_the_log_is(office: Office) -> None:
    """Each group commit of decisions pays for a row: so many steps of the database, no scan."""
    payload = {"count": 8, "digest": digest("x")}

    def steps() -> int:
        taken = 0

        def step() -> int:
            nonlocal taken
            taken += 1
            return 0

        with office.database.write() as connection:
            connection.connection.set_progress_handler(step, 1)
            try:
                audit_log.append(connection, AuditKind.DECISIONS_COMMITTED, payload)
            finally:
                connection.connection.set_progress_handler(None, 1)
        return taken

    write(office, 10)
    steps()  # its statements are prepared once
    short = steps()
    write(office, 3000)
    assert 0 < steps() == short < 200


def test_times_are_the_callers_if_given(office: Office) -> None:
    """Naive times are refused; aware ones are written in UTC."""
    with office.database.write() as connection:
        with pytest.raises(InvalidArgument):
            audit_log.append(connection, "serving.loaded", {}, at=office.now.replace(tzinfo=None))
        audit_log.append(connection, "serving.loaded", {}, at=office.now + timedelta(seconds=1))
    with office.database.read() as connection:
        (row,) = audit_log.rows(connection)
    assert row.at == "2026-05-04T09:30:01.000000Z"
    assert json.loads(row.payload) == {}


@pytest.mark.parametrize("payload", ["no JSON", "[NaN]", "[1e999]", "[" * 100_000])
def test_a_row_with_a_forged_payload_can_be_shown(payload: str) -> None:
    """Whoever looks at night sees the text that is there."""
    row = chain.AuditRow(seq=1, at="", kind="x.y", payload=payload, previous="", hash="")
    assert row.to_dict()["payload"] == payload
    json.dumps(row.to_dict(), allow_nan=False)
