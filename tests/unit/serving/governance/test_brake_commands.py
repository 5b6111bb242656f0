"""What the commands that take away and give back say, and how they end."""

from __future__ import annotations

import json
import os
import sqlite3
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest
import typer
from typer.testing import CliRunner

from agents.policies.uniform import NeverContact, UniformPolicy
from serving.governance import braking, stops, uptake
from serving.governance.commands import register
from serving.governance.presence import Presence
from serving.installation import SERVICE_FILE
from tests.support.installations import Installation
from troth import brake
from troth.cli.entry import EXIT_CODES, main
from troth.errors import Code, InvalidArgument, NotApproved, Unavailable
from troth.settings import Settings
from troth.types import Role


@pytest.fixture
def one(tmp_path: Path) -> Installation:
    """A model and a baseline at ``daily``."""
    made = Installation(tmp_path / "home")
    made.activate(made.save(UniformPolicy()), Role.MODEL)
    made.activate(made.save(NeverContact()), Role.BASELINE)
    return made


def run(one: Installation, *words: str) -> tuple[Any, BaseException | None]:
    """What a command prints as JSON, and what it raised."""
    app = typer.Typer(pretty_exceptions_enable=False)
    register(app)
    done = CliRunner().invoke(app, [*words, "--home", str(one.settings.home), "--json"])
    found = None if isinstance(done.exception, SystemExit) else done.exception
    return (json.loads(done.stdout) if done.stdout else None), found


def test_a_pause_says_who_took_it_up(one: Installation) -> None:
    """Nobody runs; then one does; and it is undone by a resume."""
    said, error = run(one, "pause", "daily", "--reason", "odd")
    assert error is None
    assert said == {
        "paused": "daily",
        "generation": 3,
        "recorded": True,
        "unrecorded": "",
        "replicas": {"running": 0, "took_up": 0},
    }
    assert run(one, "resume", "daily")[0]["running"] == "daily"
    replica = Presence(one.settings.home, dict)
    replica.start()
    try:
        assert run(one, "pause", "--all")[0]["replicas"] == {"running": 1, "took_up": 1}
        assert run(one, "deactivate", "daily")[0]["replicas"] == {"running": 1, "took_up": 1}
    finally:
        replica.stop()
    assert run(one, "resume", "--all")[0]["running"] == "all"


def test_what_cannot_be_known_is_no_success(
    one: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service is there and no replica speaks: it is in force, said, and ends as unavailable."""
    (one.settings.home / SERVICE_FILE).write_text(json.dumps({"pid": os.getpid()}))
    monkeypatch.setattr(uptake, "WITHIN_S", 0.1)
    said, error = run(one, "pause", "daily")
    assert isinstance(error, Unavailable)
    assert said["replicas"] == {"running": 0, "took_up": 0}
    assert (one.settings.home / "stops" / "point.daily").exists()


def test_a_pause_under_a_held_lock_says_that_it_is_in_force(one: Installation) -> None:
    """And that its row comes later."""
    other = sqlite3.connect(one.database.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    said, error = run(one, "pause", "daily")
    other.execute("ROLLBACK")
    other.close()
    assert error is None
    assert (said["recorded"], said["generation"]) == (False, None)
    assert "busy" in said["unrecorded"]
    assert run(one, "resume", "daily")[1] is None


@pytest.mark.parametrize("words", [("pause",), ("pause", "daily", "--all"), ("resume",)])
def test_one_thing_must_be_named(one: Installation, words: tuple[str, ...]) -> None:
    """A decision point or everything, not neither nor both."""
    assert isinstance(run(one, *words)[1], InvalidArgument)


def test_the_registry_shows_what_is_really_served(one: Installation) -> None:
    """Beside what it says itself: the stops with who and why, each replica and its reasons."""
    answerer = {"role": "baseline", "policy_digest": "ab" * 32, "proposal_id": "p"}
    report = {
        "generation": 2,
        "standing": {"daily": {"answerers": [answerer], "reasons": ["model_not_approved_quorum"]}},
        "health": ["registry_unreadable"],
        "clock": "system",
    }
    replica = Presence(one.settings.home, lambda: report)
    replica.start()
    run(one, "pause", "daily", "--reason", "odd [/x]")
    try:
        said, error = run(one, "registry")
        assert error is None
        app = typer.Typer(pretty_exceptions_enable=False)
        register(app)
        shown = CliRunner().invoke(app, ["registry", "--home", str(one.settings.home)])
        assert shown.exit_code == 0, shown.output
    finally:
        replica.stop()
    assert {row["role"] for row in said["activations"]} == {"model", "baseline"}
    assert ("point.daily", "odd [/x]") in {(s["stop"], s["reason"]) for s in said["stops"]}
    (seen,) = said["replicas"]
    assert seen["pid"] == os.getpid()
    assert seen["standing"] == report["standing"]
    assert (seen["health"], seen["clock"]) == (["registry_unreadable"], "system")


def test_the_role_of_an_activation_is_the_one_that_was_signed(one: Installation) -> None:
    """Given otherwise it is refused; left out it is taken from the proposal."""
    with one.database.read() as connection:
        name = connection.execute(
            "SELECT proposal_id FROM activations WHERE role = 'baseline'"
        ).fetchone()[0]
    said, error = run(one, "activate", name)
    assert error is None
    assert said["role"] == "baseline"
    said, error = run(one, "activate", name, "--role", "model")
    assert isinstance(error, NotApproved)
    assert error.metadata["cause"] == "role"


@pytest.mark.parametrize("data", [b"replicas = 'x'", b"not TOML [", b"\xff", b"elsewhere = 1"])
def test_settings_that_cannot_be_hold_no_stop_up(one: Installation, data: bytes) -> None:
    """What stops reads no settings: neither the file of the home nor variables."""
    (one.settings.home / "settings.toml").write_bytes(data)
    assert run(one, "pause", "--all")[1] is None
    assert run(one, "pause", "daily")[1] is None
    assert run(one, "deactivate", "daily", "--role", "baseline")[1] is None
    names = stops.look(one.settings.home).names
    assert {"all", "point.daily", "role.baseline.daily"} <= names


def test_a_stop_that_was_put_first_stays_unless_it_names_nothing(
    one: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever else is amiss when the command comes to it."""
    home = one.settings.home
    monkeypatch.setenv("TROTH_REPLICAS", "many")
    monkeypatch.setattr(braking, "pause", Mock(side_effect=InvalidArgument("x", field="other")))
    for point, stays in (("daily", True), ("-x", False)):
        monkeypatch.setattr("sys.argv", ["troth", "pause", point, "--home", str(home)])
        with pytest.raises(SystemExit):
            main()
        assert stops.look(home).names == ({"point.daily"} if stays else set())
        (home / "stops" / "point.daily").unlink(missing_ok=True)


def test_the_home_of_a_stop_is_that_of_the_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """Found alike, though the stop reads nothing else."""
    for environment in ({}, {"TROTH_HOME": ""}, {"TROTH_HOME": "x"}, {"troth_home": "y"}):
        for name in ("TROTH_HOME", "troth_home"):
            monkeypatch.delenv(name, raising=False)
        for name, value in environment.items():
            monkeypatch.setenv(name, value)
        assert brake.home_of(None, os.environ) == Settings().home
    assert brake.home_of("z", os.environ) == Path("z")


@pytest.mark.parametrize("table", ["activations", "audit", "generations", "proposals"])
def test_a_store_without_a_table_is_said_to_be_damaged(
    one: Installation, table: str, monkeypatch: pytest.MonkeyPatch, capsys: Any
) -> None:
    """One line and an exit code, whichever command comes upon it."""
    with one.database.write() as connection:
        connection.execute("PRAGMA defer_foreign_keys=ON")
        connection.execute(f"ALTER TABLE {table} RENAME TO elsewhere")
    home = str(one.settings.home)
    for words in (["registry"], ["audit", "list"], ["proposals", "list"]):
        monkeypatch.setattr("sys.argv", ["troth", *words, "--home", home])
        with pytest.raises(SystemExit) as ended:
            main()
        assert ended.value.code in (0, EXIT_CODES[Code.DATA_LOSS])
        assert "Traceback" not in capsys.readouterr().err


@pytest.mark.parametrize("last", ["0", "-1", "9" * 30])
def test_a_number_of_rows_that_cannot_be_is_wrong_usage(
    one: Installation, monkeypatch: pytest.MonkeyPatch, last: str
) -> None:
    """However long it is."""
    home = str(one.settings.home)
    monkeypatch.setattr("sys.argv", ["troth", "audit", "list", "--last", last, "--home", home])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2
