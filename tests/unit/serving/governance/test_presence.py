"""What replicas say of themselves, and what a command makes of it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from serving.governance import presence, stops
from serving.governance.presence import Presence
from serving.governance.uptake import Uptake, await_uptake
from serving.installation import SERVICE_FILE, create
from troth import locks
from troth.errors import Unavailable


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh installation."""
    create(tmp_path / "home")
    return tmp_path / "home"


def report() -> dict[str, Any]:
    """What a replica serves."""
    answerer = {"role": "model", "policy_digest": "ab" * 32, "proposal_id": "p"}
    return {
        "generation": 3,
        "standing": {"daily": {"answerers": [answerer], "reasons": []}},
        "health": [],
        "clock": "system",
    }


@pytest.fixture
def replica(home: Path) -> Iterator[Presence]:
    """One that lives."""
    one = Presence(home, report)
    one.start()
    yield one
    one.stop()


def test_a_living_replica_is_seen_as_it_is(home: Path, replica: Presence) -> None:
    """With its process, its stops and what it serves; and gone when it ends."""
    (seen,) = presence.living(home)
    assert (seen.pid, seen.generation, seen.clock) == (os.getpid(), 3, "system")
    assert seen.standing["daily"]["answerers"][0]["role"] == "model"
    assert seen.stops == frozenset()
    replica.stop()
    assert presence.living(home) == ()
    assert list((home / "replicas").iterdir()) == []


def test_a_killed_replica_is_not_counted(home: Path) -> None:
    """Its lock went with it, whatever it left behind."""
    code = (
        "import sys; from pathlib import Path; from serving.governance.presence import Presence;"
        "Presence(Path(sys.argv[1]), dict).start(); print('up', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(home)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"up\n"
        assert [seen.pid for seen in presence.living(home)] == [child.pid]
        child.kill()
        child.wait()
    (told,) = (home / "replicas").glob("*.json")
    told.with_name(f".{told.name}.1.ab.partial").touch()  # killed while it wrote
    assert len(list((home / "replicas").iterdir())) == 3
    assert presence.living(home) == ()
    assert list((home / "replicas").iterdir()) == []


def test_a_stop_is_taken_up_by_whoever_lives(home: Path, replica: Presence) -> None:
    """The thread says so by itself, well before a command gives up."""
    stops.put(home, "all", {})
    uptake = await_uptake(home, frozenset({"all"}), within_s=2.0)
    assert uptake == Uptake(running=1, took_up=1, service=False)
    assert str(uptake) == "taken up by 1 of 1 replicas"
    uptake.require_known()


def test_a_brake_that_cannot_be_read_counts_as_taken_up(home: Path, replica: Presence) -> None:
    """Then the replica contacts nobody at all."""
    (home / "stops" / "whatever").touch()
    assert await_uptake(home, frozenset({"point.daily"}), within_s=2.0).is_known


def test_a_replica_that_does_not_answer_is_said(home: Path) -> None:
    """It lives, and nobody knows whether it looks: that is not success."""
    jammed = Presence(home, report)
    jammed._watch = lambda: None  # type: ignore[method-assign]
    jammed._thread._target = jammed._watch  # type: ignore[attr-defined]
    jammed.start()
    try:
        stops.put(home, "all", {})
        uptake = await_uptake(home, frozenset({"all"}), within_s=0.1)
        assert uptake == Uptake(running=1, took_up=0, service=False)
        with pytest.raises(Unavailable, match="only 0 of 1"):
            uptake.require_known()
    finally:
        jammed.stop()


def test_a_service_without_a_replica_in_sight_is_said(home: Path) -> None:
    """Something serves, and nobody says that it stopped; an ended service is no service."""
    (home / SERVICE_FILE).write_text(json.dumps({"pid": os.getpid(), "replicas": 2}))
    uptake = await_uptake(home, frozenset({"all"}), within_s=0.0)
    assert not uptake.is_known
    with subprocess.Popen([sys.executable, "-c", ""]) as ended:
        pass
    (home / SERVICE_FILE).write_text(json.dumps({"pid": ended.pid}))
    uptake = await_uptake(home, frozenset({"all"}), within_s=0.0)
    assert (uptake.is_known, str(uptake)) == (True, "no replica is running")
    (home / SERVICE_FILE).write_text("{")
    assert await_uptake(home, frozenset({"all"}), within_s=0.0).is_known


def test_a_file_that_cannot_be_read_is_a_replica_that_does_not_answer(
    home: Path, replica: Presence
) -> None:
    """It lives by its lock, so it is counted."""
    replica.stop()
    with locks.held(home / "replicas" / "7-ab.lock"):
        (home / "replicas" / "7-ab.json").write_text("{")
        (seen,) = presence.living(home)
        assert seen.health == ("unreadable",)
        assert not await_uptake(home, frozenset({"all"}), within_s=0.0).is_known


@pytest.mark.parametrize("kind", ["folder", "link", "unreadable"])
def test_what_cannot_be_asked_may_live(
    home: Path, kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lock that is another user's, or none at all, makes no command fail before its stop."""
    lock = home / "replicas" / "x.lock"

    def refused(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied", str(lock))

    if kind == "folder":
        lock.mkdir()
    elif kind == "link":
        lock.symlink_to(lock)
    else:
        lock.touch()
        monkeypatch.setattr(presence.os, "open", refused)  # root may open anything
    (seen,) = presence.living(home)
    assert seen.health == ("unreadable",)


@pytest.mark.parametrize(
    "standing",
    [
        [],
        {"daily": []},
        {"daily": {"answerers": [{"role": "model", "policy_digest": "../x", "proposal_id": ""}]}},
        {"daily": {"answerers": [1], "reasons": []}},
    ],
)
def test_a_description_of_another_form_is_unreadable(
    home: Path, replica: Presence, standing: object
) -> None:
    """Nothing of it is believed, and no file is named after it."""
    (path,) = (home / "replicas").glob("*.json")
    found = json.loads(path.read_text())
    path.write_text(json.dumps({**found, "standing": standing}))
    (seen,) = presence.living(home)
    assert seen.health == ("unreadable",)
    assert seen.standing == {}
