"""What may answer at this moment: stops, what cannot be renewed, and what health says."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from serving.decisioning import approved
from serving.decisioning.approved import ApprovedPolicies
from serving.governance import braking
from serving.governance.place import Place
from serving.governance.registry import Role
from tests.support.installations import Installation
from tests.support.looks import held_lock, pause, policies, roles
from troth.types import ServedBy


def test_a_stop_holds_before_anybody_looks_at_the_registry(installed: Installation) -> None:
    """The next answer obeys, without a look at the store, and in every role."""
    source = policies(installed)
    with held_lock(installed):
        pause(installed)
    assert roles(source) == [ServedBy.BASELINE]
    assert source.servable("daily").reasons == ("model_not_approved_paused",)
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
    assert source.servable("daily").reasons == (
        "model_not_approved_paused",
        "baseline_not_approved_paused",
    )


def test_everything_stops_and_is_not_well(installed: Installation) -> None:
    """Nobody is contacted, the reason says why, and health does not say that all is well."""
    source = policies(installed)
    home = installed.settings.home
    braking.pause_all(home, now=datetime.now(UTC), by="test")
    assert roles(source) == []
    assert source.servable("daily").reasons == ("stopped_all",)
    assert source.health() == ("stopped_all",)
    source.refresh()
    (home / "stops" / "all").unlink()  # somebody takes the file away; the row still holds
    assert source.servable("daily").reasons == ("stopped_all",)


def test_a_refusal_and_a_deactivation_hold_at_once(installed: Installation) -> None:
    """By their files, before the row is looked at."""
    source = policies(installed)
    proposal_id = source.servable("daily").policies[0].proposal_id
    (installed.settings.home / "stops" / f"refused.{proposal_id}").touch()
    assert roles(source) == [ServedBy.BASELINE]
    with held_lock(installed):
        braking.deactivate(
            installed.settings.home, "daily", Role.BASELINE, now=datetime.now(UTC), by="test"
        )
    assert roles(source) == []


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
    proposal_id = source.servable("daily").policies[0].proposal_id
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
        patched.setattr(approved.registry_version, "fingerprint", blind)
        for _ in range(3):
            clock[0] += 1.0
            source._try_refresh()
        assert source.health() == ("registry_unreadable",)
        assert caplog.text.count("the registry cannot be read") == 1
        assert roles(source) == [ServedBy.MODEL, ServedBy.BASELINE]
        clock[0] += approved.EXPIRES_S
        assert roles(source) == []
        assert source.servable("daily").reasons == ("standing_expired",)
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
    assert source.servable("daily").reasons == ("store_schema",)
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
    assert source.servable("daily").reasons == ("store_replaced",)
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
    assert source.servable("weekly").known
    assert source.servable("weekly").reasons == ("no_policy",)
    assert not source.servable("dialy").known
    assert source.servable("daily").known
    installed.propose(installed.model, point="hourly")  # type: ignore[attr-defined]
    assert not source.servable("hourly").known
    assert not source.refresh()  # nothing is verified anew for it
    assert source.servable("hourly").known


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
