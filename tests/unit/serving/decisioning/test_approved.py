"""What a process takes from the registry: only what it has verified itself."""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from agents.policies.uniform import NeverContact, UniformPolicy
from serving.decisioning import approved
from serving.decisioning.approved import ApprovedPolicies
from serving.governance import braking, loading
from serving.governance.place import Place
from serving.governance.registry import Role
from tests.support.installations import Installation
from troth.errors import Unavailable
from troth.types import ServedBy


@pytest.fixture
def installed(tmp_path: Path) -> Installation:
    """A model and a baseline, both approved and active."""
    one = Installation(tmp_path / "home")
    one.model = one.save(UniformPolicy())  # type: ignore[attr-defined]
    one.baseline = one.save(NeverContact())  # type: ignore[attr-defined]
    one.activate(one.model, Role.MODEL)  # type: ignore[attr-defined]
    one.activate(one.baseline, Role.BASELINE)  # type: ignore[attr-defined]
    return one


def policies(
    one: Installation,
    *,
    later: timedelta = timedelta(0),
    monotonic: Callable[[], float] = time.monotonic,
) -> ApprovedPolicies:
    """A fresh process's look at the registry."""
    source = ApprovedPolicies(
        one.database,
        one.artifacts,
        one.settings.board,
        one.config.digest,
        Place.of(one.settings),
        clock=lambda: datetime.now(UTC) + later,
        monotonic=monotonic,
    )
    source.refresh()
    return source


def roles(source: ApprovedPolicies) -> list[ServedBy]:
    """Who may answer ``daily``."""
    return [answerer.role for answerer in source.standing("daily").answerers]


def refusals(one: Installation) -> int:
    """Audited refusals to serve."""
    with one.database.read() as connection:
        return int(
            connection.execute(
                "SELECT count(*) FROM audit WHERE kind = 'serving.refused'"
            ).fetchone()[0]
        )


def test_approved_policies_answer_in_order(installed: Installation) -> None:
    """Model first, then baseline; a point nobody registered has no answerer."""
    source = policies(installed)
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    standing = source.standing("daily")
    assert standing.answerers[0].digest == installed.model  # type: ignore[attr-defined]
    assert standing.reasons == ()
    assert source.standing("nowhere").reasons == ("no_policy",)


def test_registry_row_without_signatures_is_not_served(installed: Installation) -> None:
    """Whoever can write the registry cannot make a policy served."""
    unsigned = installed.propose(installed.save(UniformPolicy()))
    with installed.database.write() as connection:
        connection.execute(
            "UPDATE activations SET proposal_id = ? WHERE role = 'model'", (unsigned.proposal_id,)
        )
    source = policies(installed)
    assert roles(source) == [ServedBy.BASELINE]
    assert source.standing("daily").reasons == ("model_not_approved_quorum",)
    assert refusals(installed) == 1


def test_changed_bytes_are_not_served(installed: Installation) -> None:
    """An artifact that was edited or deleted leaves the answer to the baseline."""
    folder = installed.settings.artifacts / installed.model  # type: ignore[attr-defined]
    manifest = folder / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert policies(installed).standing("daily").reasons == ("model_not_approved_artifact",)
    shutil.rmtree(installed.settings.artifacts)
    assert roles(policies(installed)) == []


def test_other_guardrails_are_not_what_was_approved(installed: Installation) -> None:
    """An approval binds to the guardrails it was judged behind."""
    source = ApprovedPolicies(
        installed.database,
        installed.artifacts,
        installed.settings.board,
        "0" * 64,
        Place.of(installed.settings),
    )
    source.refresh()
    assert source.standing("daily").reasons == (
        "model_not_approved_guardrails",
        "baseline_not_approved_guardrails",
    )


def test_missing_roster_serves_nobody(installed: Installation) -> None:
    """Without the host's roster no signature means anything."""
    installed.settings.board.unlink()
    source = policies(installed)
    assert roles(source) == []
    assert source.standing("daily").reasons[0] == "model_not_approved_board"


def test_expired_approval_is_not_loaded(installed: Installation) -> None:
    """After its expiry an approval is void."""
    assert roles(policies(installed, later=timedelta(days=366))) == []


def test_changes_are_taken_up_and_only_changes(installed: Installation) -> None:
    """A pause, a change of roster: seen at the next look; otherwise nothing is loaded again."""
    source = policies(installed)
    assert not source.refresh()
    braking.pause(installed.settings.home, "daily", now=datetime.now(UTC), by="test")
    assert source.refresh()
    assert roles(source) == [ServedBy.BASELINE]
    assert source.standing("daily").reasons == ("model_not_approved_paused",)
    braking.resume(
        installed.database,
        "daily",
        verifier=installed.verifier,
        now=datetime.now(UTC),
        by="test",
    )
    assert source.refresh()
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    installed.settings.board.write_text("")
    assert source.refresh()
    assert roles(source) == []


def test_watch_takes_up_a_pause_within_two_seconds(installed: Installation) -> None:
    """The kill switch holds in under two seconds without anybody asking."""
    source = ApprovedPolicies(
        installed.database,
        installed.artifacts,
        installed.settings.board,
        installed.config.digest,
        Place.of(installed.settings),
    )
    source.start()
    try:
        assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
        braking.pause(installed.settings.home, "daily", now=datetime.now(UTC), by="test")
        deadline = time.monotonic() + 2.0
        while roles(source) != [ServedBy.BASELINE]:
            assert time.monotonic() < deadline, "the pause was not taken up"
            time.sleep(0.02)
    finally:
        source.stop()


def test_a_change_behind_the_registry_is_noticed(installed: Installation) -> None:
    """Taking a row out with raw SQL, counter untouched, takes the policy out of service."""
    source = policies(installed)
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    with installed.database.write() as connection:
        connection.execute("DELETE FROM activations WHERE role = 'model'")
    assert source.refresh()
    assert roles(source) == [ServedBy.BASELINE]


def test_an_incomplete_look_is_repeated_after_a_while(
    installed: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A policy that could not be verified is tried again, but not at every poll."""
    clock = [1000.0]

    def busy(*_: object) -> None:
        raise Unavailable("the store is busy")

    with monkeypatch.context() as patched:
        patched.setattr(loading, "verify_active", busy)
        source = policies(installed, monotonic=lambda: clock[0])
    assert roles(source) == []
    assert not source.refresh()
    clock[0] += approved.RETRY_S
    assert source.refresh()
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    assert not source.refresh()


def pause(one: Installation) -> None:
    """Stop the model of ``daily``."""
    braking.pause(one.settings.home, "daily", now=datetime.now(UTC), by="test")


def test_a_stop_holds_before_anybody_looks_at_the_registry(installed: Installation) -> None:
    """The next answer obeys, without a look at the store, and in every role."""
    source = policies(installed)
    with held_lock(installed):
        pause(installed)
    assert roles(source) == [ServedBy.BASELINE]
    assert source.standing("daily").reasons == ("model_not_approved_paused",)
    assert source.health() == ()


def test_a_paused_policy_is_no_baseline_either(installed: Installation) -> None:
    """The same bytes, approved in the other role, do not answer while they are stopped."""
    installed.activate(installed.model, Role.BASELINE)  # type: ignore[attr-defined]
    source = policies(installed)
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    pause(installed)
    assert roles(source) == []
    source.refresh()
    assert roles(source) == []
    assert source.standing("daily").reasons == (
        "model_not_approved_paused",
        "baseline_not_approved_paused",
    )


def test_everything_stops_and_is_not_well(installed: Installation) -> None:
    """Nobody is contacted, the reason says why, and health does not say that all is well."""
    source = policies(installed)
    home = installed.settings.home
    braking.pause_all(home, now=datetime.now(UTC), by="test")
    assert roles(source) == []
    assert source.standing("daily").reasons == ("stopped_all",)
    assert source.health() == ("stopped_all",)
    source.refresh()
    (home / "stops" / "all").unlink()  # somebody takes the file away; the row still holds
    assert source.standing("daily").reasons == ("stopped_all",)


def test_a_refusal_and_a_deactivation_hold_at_once(installed: Installation) -> None:
    """By their files, before the row is looked at."""
    source = policies(installed)
    proposal_id = source.standing("daily").answerers[0].proposal_id
    (installed.settings.home / "refusals" / f"{proposal_id}.ada.json").write_text("")
    assert roles(source) == [ServedBy.BASELINE]
    with held_lock(installed):
        braking.deactivate(
            installed.settings.home, "daily", Role.BASELINE, now=datetime.now(UTC), by="test"
        )
    assert roles(source) == []


@contextmanager
def held_lock(one: Installation) -> Iterator[None]:
    """Another writer that does not let go."""
    other = sqlite3.connect(one.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    try:
        yield
    finally:
        other.execute("ROLLBACK")
        other.close()


@pytest.mark.parametrize(
    "row",
    [
        "('daily', 'modle', ?, '')",
        "('weekly', 'model', ?, CAST(x'ff' AS TEXT))",
        "(CAST(x'ff' AS TEXT), 'model', ?, '')",
    ],
)
def test_one_unreadable_row_costs_itself(installed: Installation, row: str) -> None:
    """The others go on, are stopped like any, and health tells of it."""
    source = policies(installed)
    proposal_id = source.standing("daily").answerers[0].proposal_id
    with installed.database.write() as connection:
        connection.execute(f"INSERT INTO activations VALUES {row}", (proposal_id,))
    assert source.refresh()
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    assert "activation_unreadable" in source.health()
    pause(installed)
    assert source.refresh()
    assert roles(source) == [ServedBy.BASELINE]


def test_verification_does_not_wait_for_a_writer(installed: Installation) -> None:
    """What is found is served at once, and written down when the store is free."""
    with held_lock(installed):
        source = policies(installed)
        assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
        assert loads(installed) == 0
    assert not source.refresh()
    assert loads(installed) == 2
    assert not source.refresh()
    assert loads(installed) == 2


def loads(one: Installation) -> int:
    """Audited loads."""
    query = "SELECT count(*) FROM audit WHERE kind = 'serving.loaded'"
    with one.database.read() as connection:
        return int(connection.execute(query).fetchone()[0])


def test_what_cannot_be_renewed_ends(
    installed: Installation, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A watch that cannot look is not well, says so once, and after a while nobody answers."""
    clock = [100.0]
    source = policies(installed, monotonic=lambda: clock[0])

    def blind(*_: object) -> str:
        raise sqlite3.OperationalError("disk I/O error")

    with monkeypatch.context() as patched:
        patched.setattr(approved.generations, "fingerprint", blind)
        for _ in range(3):
            clock[0] += 1.0
            source._try_refresh()
        assert source.health() == ("registry_unreadable",)
        assert caplog.text.count("the registry cannot be read") == 1
        assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
        clock[0] += approved.EXPIRES_S
        assert roles(source) == []
        assert source.standing("daily").reasons == ("standing_expired",)
        assert source.health() == ("standing_expired", "registry_unreadable")
    source._try_refresh()
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
    assert source.health() == ()


def test_a_schema_that_is_not_ours_ends_the_standing(installed: Installation) -> None:
    """A trigger that could swallow what the replica must see."""
    source = policies(installed)
    with installed.database.write() as connection:
        connection.execute(
            "CREATE TRIGGER x BEFORE INSERT ON votes BEGIN SELECT RAISE(IGNORE); END"
        )
    source._try_refresh()
    assert source.standing("daily").reasons == ("store_schema",)
    assert "store_schema" in source.health()
    with installed.database.write() as connection:
        connection.execute("DROP TRIGGER x")
    source._try_refresh()
    assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]


def test_a_restored_store_ends_the_standing(installed: Installation, tmp_path: Path) -> None:
    """Written over the file itself, whose inode stays: what was decided since is not in it."""
    backup = tmp_path / "backup.db"
    with sqlite3.connect(installed.database.path) as source_db, sqlite3.connect(backup) as copy:
        source_db.backup(copy)
    source_db.close()
    copy.close()
    source = policies(installed)  # which is audited, so that the log has gone on
    source.refresh()
    with (
        sqlite3.connect(backup) as old,
        sqlite3.connect(installed.database.path) as present,
    ):
        old.backup(present)  # over it: the inode stays
    old.close()
    present.close()
    source._try_refresh()
    assert source.standing("daily").reasons == ("store_replaced",)
    assert "store_replaced" in source.health()


def test_health_tells_why_nobody_answers(installed: Installation) -> None:
    """Approvals that are void are not well; a person's pause is; an empty registry is not."""
    later = policies(installed, later=timedelta(days=366))
    assert later.health() == ("nobody_answers_daily",)
    source = policies(installed)
    assert source.health() == ()
    for role in Role:
        braking.deactivate(installed.settings.home, "daily", role, now=datetime.now(UTC), by="test")
    assert source.health() == ()  # what people took out on purpose
    source.refresh()
    assert source.health() == ("nothing_active",)
    edited = ApprovedPolicies(
        installed.database,
        installed.artifacts,
        installed.settings.board,
        "0" * 64,
        Place.of(installed.settings),
    )
    installed.activate(installed.model, Role.MODEL)  # type: ignore[attr-defined]
    edited.refresh()
    assert edited.health() == ("nobody_answers_daily",)


def test_an_unknown_decision_point_is_told_from_an_empty_one(installed: Installation) -> None:
    """Proposed is known, if nobody serves there; misspelt is not."""
    installed.propose(installed.model, point="weekly")  # type: ignore[attr-defined]
    source = policies(installed)
    assert source.standing("weekly").known
    assert source.standing("weekly").reasons == ("no_policy",)
    assert not source.standing("dialy").known
    assert source.standing("daily").known
    installed.propose(installed.model, point="hourly")  # type: ignore[attr-defined]
    assert not source.standing("hourly").known
    assert not source.refresh()  # nothing is verified anew for it
    assert source.standing("hourly").known


def test_a_process_tells_what_it_serves(installed: Installation) -> None:
    """Role, bytes and approval by decision point, and why not more."""
    source = policies(installed)
    said = source.report()
    assert said["generation"] == 2
    assert [one["policy_digest"] for one in said["standing"]["daily"]["answerers"]] == [
        installed.model,  # type: ignore[attr-defined]
        installed.baseline,  # type: ignore[attr-defined]
    ]
    pause(installed)
    said = source.report()
    assert [one["role"] for one in said["standing"]["daily"]["answerers"]] == ["baseline"]
    assert said["standing"]["daily"]["reasons"] == ["model_not_approved_paused"]
