"""A stop is its name: whatever the file holds, and whatever else goes wrong."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from serving.governance import stops
from serving.governance.stops import Stop
from serving.installation import create
from troth import brake
from troth.errors import Unavailable
from troth.types import Role

POLICY, PROPOSAL = "ab" * 32, "00000000-0000-7000-8000-000000000000"
points = st.from_regex(r"[a-z0-9][a-z0-9_.-]{0,63}", fullmatch=True)
digests = st.from_regex(r"[0-9a-f]{64}", fullmatch=True)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh installation."""
    create(tmp_path / "home")
    return tmp_path / "home"


@given(point=points, digest=digests, role=st.sampled_from(Role))
def test_a_name_says_what_it_stops(point: str, digest: str, role: Role) -> None:
    """Every name that is made is read as what it was made for, dots and all."""
    name = stops.point_name(point)
    assert stops.parse(name) == Stop(name, "point", point)
    name = stops.policy_name(digest, point)
    assert stops.parse(name) == Stop(name, "policy", point, digest=digest)
    name = stops.role_name(role, point)
    assert stops.parse(name) == Stop(name, "role", point, role=role)
    assert len(name) < 255


def held(home: Path, point: str = "daily", role: Role = Role.MODEL) -> str | None:
    """Why the policy must not answer."""
    found = stops.look(home)
    return found.everything or found.hold(point, role, POLICY, PROPOSAL)


def test_nothing_is_stopped_at_first(home: Path) -> None:
    """A fresh installation holds nobody."""
    assert held(home) is None


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[1]", b"null"])
def test_the_name_alone_stops(home: Path, data: bytes) -> None:
    """Also when nothing can be read in it."""
    for name in ("all", "point.daily", f"policy.{POLICY}.daily", "role.model.daily"):
        path = home / "stops" / name
        path.write_bytes(data)
        assert held(home)
        assert stops.facts_of(home, name) == {}
        path.unlink()
        assert held(home) is None


def test_each_stop_holds_what_it_names(home: Path) -> None:
    """A point its model, a policy that policy everywhere, a role that role there."""
    stops.put(home, "point.daily", {})
    assert held(home) == "paused"
    assert held(home, role=Role.BASELINE) is None
    assert held(home, "weekly") is None
    stops.put(home, f"policy.{POLICY}.daily", {})
    assert held(home, "weekly", Role.BASELINE) == "paused"
    stops.lift(home, stops.held(home, "point.daily", f"policy.{POLICY}.daily"))
    stops.put(home, "role.baseline.daily", {})
    assert held(home) is None
    assert held(home, role=Role.BASELINE) == "deactivated"
    (home / "stops" / f"refused.{PROPOSAL}").touch()
    assert held(home, "weekly") == "refused"
    stops.put(home, "all", {})
    assert held(home, "weekly") == "stopped_all"


@pytest.mark.parametrize("name", ["daily", "All", "point.", "point.A", "policy.ab.daily", "all~"])
def test_what_is_not_understood_stops_everything(home: Path, name: str) -> None:
    """Somebody may have wanted to stop something."""
    (home / "stops" / name).touch()
    assert held(home) == "brake_unreadable"
    assert repr(name) in stops.look(home).unreadable


def test_a_file_on_its_way_in_is_none(home: Path) -> None:
    """A partial file is not a stop yet, and stops nothing."""
    (home / "stops" / ".all.1.ab.partial").touch()
    assert held(home) is None


def test_a_folder_that_is_gone_stops_everything(home: Path) -> None:
    """What cannot be listed may hold anything."""
    (home / "stops").rmdir()
    assert held(home) == "brake_unreadable"


def test_a_full_disk_still_takes_the_name(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Facts that cannot be written are left out; that not even a name can be is said."""

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(brake, "write_whole", full)
    stops.put(home, "all", {"by": "ada"})
    assert held(home) == "stopped_all"
    (home / "stops" / "all").unlink()
    monkeypatch.setattr(os, "open", full)
    with pytest.raises(Unavailable):
        stops.put(home, "all", {})


def test_a_stop_that_was_put_anew_is_not_lifted(home: Path) -> None:
    """Whoever gives back takes away only the stop that they saw."""
    stops.put(home, "point.daily", {"by": "ada"})
    seen = stops.held(home, "point.daily", "all")
    assert set(seen) == {"point.daily"}
    stops.put(home, "point.daily", {"by": "bob"})
    stops.lift(home, seen)
    assert held(home) == "paused"
    stops.lift(home, stops.held(home, "point.daily"))
    assert held(home) is None


@pytest.mark.parametrize("kind", ["touched", "folder", "pipe", "link to nowhere"])
def test_a_stop_of_any_kind_stops_and_is_lifted_as_it_was_seen(home: Path, kind: str) -> None:
    """Nothing that stands there makes whoever gives back wait, and a touch counts as anew."""
    path = home / "stops" / "point.daily"
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "touched":
        path.touch()
    else:
        path.symlink_to(home / "nowhere")
    seen = stops.held(home, "point.daily")
    assert held(home) == "paused"
    assert stops.facts_of(home, "point.daily") == {}
    os.utime(path, ns=(1, 1), follow_symlinks=False)
    stops.lift(home, seen)
    assert held(home) == "paused"
    stops.lift(home, stops.held(home, "point.daily"))
    assert held(home) is None
    assert list((home / "stops").iterdir()) == []


def test_a_stop_put_while_another_is_lifted_stays(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However late it comes."""
    stops.put(home, "all", {})
    seen = stops.held(home, "all")
    rename = Path.rename

    def late(path: Path, target: Path) -> Path:
        if path.name == "all":
            stops.put(home, "all", {"by": "bob"})
        return rename(path, target)

    monkeypatch.setattr(Path, "rename", late)
    stops.lift(home, seen)
    assert held(home) == "stopped_all"


def test_a_stop_in_a_folder_that_is_gone_gives_nothing_back(home: Path) -> None:
    """What the folder held is not known any more, so everything stays stopped."""
    stops.put(home, "all", {})
    shutil.rmtree(home / "stops")
    assert held(home) == "brake_unreadable"
    stops.put(home, "point.daily", {})
    assert stops.look(home).names == {"all", "point.daily"}
    assert "gone" in stops.facts_of(home, "all")["reason"]
    assert not [path for path in home.iterdir() if path.name.startswith(".stops")]
