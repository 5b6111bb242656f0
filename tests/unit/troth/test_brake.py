"""A stop that is put before anything is loaded, and only where one is surely meant."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from agents.policies.uniform import UniformPolicy
from serving.governance.decision_points import known
from serving.governance.upkeep import try_record
from serving.installation import create
from tests.support.installations import Installation
from troth import brake
from troth.cli import entry
from troth.cli.entry import main


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A fresh installation."""
    create(tmp_path / "home")
    return tmp_path / "home"


def names(home: Path) -> list[str]:
    """Of the stops there are."""
    return sorted(p.name for p in (home / "stops").iterdir() if not p.name.startswith("."))


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("pause daily --home HOME", "point.daily"),
        ("pause --home=HOME daily --json", "point.daily"),
        ("pause --reason odd --home HOME daily", "point.daily"),
        ("pause --all --home HOME", "all"),
        ("pause daily", "point.daily"),
    ],
)
def test_a_pause_is_put_at_once(home: Path, line: str, name: str) -> None:
    """However the line is written; with who and why."""
    words = line.replace("HOME", str(home)).split()
    path = brake.first(words, {"TROTH_HOME": str(home)})
    assert path == home / "stops" / name
    facts = json.loads(path.read_bytes())
    assert facts["reason"] == ("odd" if "odd" in line else "")
    assert brake.first(words, {"TROTH_HOME": str(home)}) is None  # there already
    brake.take_back(path)
    assert names(home) == []


@pytest.mark.parametrize(
    "line",
    [
        "",
        "resume daily",
        "pause",
        "pause --help",
        "pause daily --help",
        "pause daily weekly",
        "pause daily --all",
        "pause Daily",
        "pause daily --reason",
        "pause daily --home /nowhere",
        "pause daily --unknown",
    ],
)
def test_what_is_not_surely_meant_stops_nothing(home: Path, line: str) -> None:
    """The command will say what it makes of it."""
    assert brake.first(line.split(), {"TROTH_HOME": str(home)}) is None
    assert names(home) == []


def test_a_refused_pause_is_taken_back(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A decision point that is not there is told so, and leaves no stop behind."""
    monkeypatch.setattr(sys, "argv", ["troth", "pause", "dialy", "--home", str(home)])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 4
    assert "there are: none" in capsys.readouterr().err
    assert names(home) == []


def test_a_service_that_records_it_first_is_no_second_pause(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Between the file and the command a running service wrote the row: done, not refused."""
    one = Installation(tmp_path / "home")
    one.propose(one.save(UniformPolicy()))
    home = one.settings.home
    early = brake.first

    def first_then_recorded(words: list[str], environment: dict[str, str]) -> Path | None:
        path = early(words, environment)
        try_record(one.database)
        return path

    monkeypatch.setattr(brake, "first", first_then_recorded)
    for point, code in (("daily", 0), ("daily", 5), ("dialy", 4)):
        monkeypatch.setattr(sys, "argv", ["troth", "pause", point, "--home", str(home)])
        with pytest.raises(SystemExit) as ended:
            main()
        assert (ended.value.code or 0) == code, capsys.readouterr()
        brake._put_first.clear()  # each command is a process of its own
    assert names(home) == ["point.daily"]
    with one.database.read() as connection:
        assert known(connection) == ("daily",)


def test_a_line_that_is_no_command_leaves_no_stop(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in an installation of the client alone, which has no such command."""
    monkeypatch.setattr(sys, "argv", ["troth", "pause", "--all", "--home", str(home)])

    def usage() -> None:
        raise SystemExit(2)

    monkeypatch.setattr(entry, "build", lambda _: usage)
    with pytest.raises(SystemExit):
        main()
    assert names(home) == []


def test_it_waits_for_nothing_to_load() -> None:
    """What the stop needs is the standard library and a page of ours."""
    code = "import sys, troth.cli.entry; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    heavy = {"typer", "rich", "pydantic", "numpy", "sqlite3", "cryptography", "serving"}
    assert not heavy & set(done.stdout.split())
