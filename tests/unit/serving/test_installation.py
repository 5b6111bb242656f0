"""Only what is made on purpose is an installation, and it has an identity of its own."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from serving import installation
from serving.governance.board import Board
from serving.storage.database import Database
from tests.support.installations import Installation
from troth.cli.entry import build
from troth.errors import DataLoss, NotFound
from troth.settings import Settings

NAME = "00000000-0000-7000-8000-000000000000"
COMMANDS = [
    "pause daily",
    "pause --all",
    "resume daily",
    "resume --all",
    "deactivate daily",
    f"activate {NAME}",
    f"refuse {NAME} --key KEY --reason no",
    f"approve {NAME} --key KEY",
    "propose --policy P --evidence KEY --expires 9d --key KEY --decision-point daily",
    "proposals list",
    f"proposals show {NAME}",
    "registry",
    "audit verify",
    "audit list",
    "audit export-head",
    "board show",
    "profiles load KEY",
    f"replay {NAME}",
    "log export OUT",
    "serve",
]


@pytest.mark.parametrize("command", COMMANDS)
def test_no_other_command_makes_one(tmp_path: Path, command: str) -> None:
    """In the wrong folder each is refused in one line, and leaves no trace."""
    key = tmp_path / "key"
    key.write_text("{}")
    home = tmp_path / "wrong"
    words = [{"KEY": str(key), "OUT": str(tmp_path / "out")}.get(w, w) for w in command.split()]
    done = CliRunner().invoke(build(), [*words, "--home", str(home)])
    assert isinstance(done.exception, NotFound), done.output
    assert not home.exists()
    assert not (tmp_path / "out").exists()


def test_one_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    """Folder 0700, store 0600, also what SQLite puts beside it; the id stays."""
    home = tmp_path / "home"
    name = installation.create(home)
    assert home.stat().st_mode & 0o777 == 0o700
    database = installation.opened(Settings(home=home))
    with database.write() as connection:
        connection.execute("UPDATE generations SET generation = 1")
    for path in home.glob("troth.db*"):
        assert path.stat().st_mode & 0o777 == 0o600, path
    assert installation.create(home) == name == installation.installation_id(home)
    database.close()


def test_a_store_that_others_could_read_is_closed_to_them(tmp_path: Path) -> None:
    """One of an earlier version, mode 0644, is not left so."""
    installation.create(tmp_path)
    (tmp_path / "troth.db").chmod(0o644)
    Database(tmp_path / "troth.db").close()
    assert (tmp_path / "troth.db").stat().st_mode & 0o777 == 0o600


def test_a_copy_is_the_same_installation(tmp_path: Path) -> None:
    """The identity travels with the folder, so that what was approved holds after a restore."""
    one = Installation(tmp_path / "home")
    shutil.copytree(one.settings.home, tmp_path / "copy")
    assert installation.installation_id(tmp_path / "copy") == installation.installation_id(
        one.settings.home
    )


@pytest.mark.parametrize(
    "text", ["", "{}", "[]", '{"installation_id": 7}', '{"installation_id": "x"}']
)
def test_a_damaged_identity_is_said(tmp_path: Path, text: str) -> None:
    """It is stored data that is damaged, not a folder that is none."""
    installation.create(tmp_path)
    (tmp_path / installation.ID_FILE).write_text(text)
    with pytest.raises(DataLoss):
        installation.opened(Settings(home=tmp_path))


def test_one_of_an_earlier_version_is_brought_up_by_board_init(tmp_path: Path) -> None:
    """Refused with the command to run; that gives it an identity and keeps its roster."""
    one = Installation(tmp_path / "home")
    home = one.settings.home
    (home / installation.ID_FILE).unlink()
    shutil.rmtree(home / "stops")
    with pytest.raises(NotFound, match="board init"):
        installation.opened(one.settings)
    done = CliRunner().invoke(build(), ["board", "init", "--home", str(home), "--json"])
    assert done.exit_code == 0, done.output
    assert json.loads(done.stdout)["digest"] == Board.load(one.settings.board).digest
    assert (home / "stops").is_dir()
    installation.opened(one.settings).close()
