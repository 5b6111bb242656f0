"""What a process takes from the registry: only what it has verified itself."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Semaphore
from types import SimpleNamespace

import pytest

from agents.policies.uniform import UniformPolicy
from serving.decisioning import approved
from serving.decisioning.approved import ApprovedPolicies
from serving.governance import braking, loading
from serving.governance.place import Place
from tests.support.installations import Installation
from tests.support.looks import policies, roles
from troth.errors import Unavailable
from troth.types import ServedBy


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
    standing = source.servable("daily")
    assert standing.policies[0].digest == installed.model  # type: ignore[attr-defined]
    assert standing.reasons == ()
    assert source.servable("nowhere").reasons == ("no_policy",)


def test_registry_row_without_signatures_is_not_served(installed: Installation) -> None:
    """Whoever can write the registry cannot make a policy served."""
    unsigned = installed.propose(installed.save(UniformPolicy()))
    with installed.database.write() as connection:
        connection.execute(
            "UPDATE activations SET proposal_id = ? WHERE role = 'model'", (unsigned.proposal_id,)
        )
    source = policies(installed)
    assert roles(source) == [ServedBy.BASELINE]
    assert source.servable("daily").reasons == ("model_not_approved_quorum",)
    assert refusals(installed) == 1


def test_changed_bytes_are_not_served(installed: Installation) -> None:
    """An artifact that was edited or deleted leaves the answer to the baseline."""
    folder = installed.settings.artifacts / installed.model  # type: ignore[attr-defined]
    manifest = folder / "manifest.json"
    manifest.chmod(0o600)
    manifest.write_bytes(manifest.read_bytes() + b" ")
    assert policies(installed).servable("daily").reasons == ("model_not_approved_artifact",)
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
    assert source.servable("daily").reasons == (
        "model_not_approved_guardrails",
        "baseline_not_approved_guardrails",
    )


def test_missing_roster_serves_nobody(installed: Installation) -> None:
    """Without the host's roster no signature means anything."""
    installed.settings.board.unlink()
    source = policies(installed)
    assert roles(source) == []
    assert source.servable("daily").reasons[0] == "model_not_approved_board"


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
    assert source.servable("daily").reasons == ("model_not_approved_paused",)
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


class Gate:
    """Stands in the watch's way: it looks when a test says so."""

    def __init__(self) -> None:
        self.pauses: list[float] = []
        self._there, self._turn, self._end = Semaphore(0), Semaphore(0), False

    def wait(self, seconds: float) -> bool:
        """Where the watch waits for its next look; whether it is to end."""
        self.pauses.append(seconds)
        self._there.release()
        self._turn.acquire()
        return self._end

    def arrived(self) -> None:
        """Wait until the watch stands here."""
        assert self._there.acquire(timeout=60), "the watch does not look any more"

    def look(self) -> None:
        """Let the watch look once."""
        self._turn.release()
        self.arrived()

    def set(self) -> None:
        """The watch is to end."""
        self._end = True
        self._turn.release()


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    """Stands in the way of every watch that is made."""
    one = Gate()
    monkeypatch.setattr(
        approved, "threading", SimpleNamespace(**(vars(threading) | {"Event": lambda: one}))
    )
    return one


@pytest.fixture
def watching(installed: Installation, gate: Gate) -> Iterator[ApprovedPolicies]:
    """A source whose watch stands before its first look."""
    source = ApprovedPolicies(
        installed.database,
        installed.artifacts,
        installed.settings.board,
        installed.config.digest,
        Place.of(installed.settings),
    )
    source.start()
    try:
        gate.arrived()
        yield source
    finally:
        source.stop()


def test_a_pause_holds_at_the_next_question(
    installed: Installation, watching: ApprovedPolicies
) -> None:
    """The kill switch waits for no look at the registry."""
    assert roles(watching) == [ServedBy.MODEL, ServedBy.BASELINE]
    braking.pause(installed.settings.home, "daily", now=datetime.now(UTC), by="test")
    assert roles(watching) == [ServedBy.BASELINE]


def test_the_watch_takes_up_a_change_at_its_next_look(
    installed: Installation, gate: Gate, watching: ApprovedPolicies
) -> None:
    """Nobody has to ask; looks are so frequent that two of them fall into two seconds."""
    assert roles(watching) == [ServedBy.MODEL, ServedBy.BASELINE]
    with installed.database.write() as connection:
        connection.execute("DELETE FROM activations WHERE role = 'model'")
    assert roles(watching) == [ServedBy.MODEL, ServedBy.BASELINE]
    gate.look()
    assert roles(watching) == [ServedBy.BASELINE]
    assert max(gate.pauses) <= 1.0


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
