"""The commands do what the library does, say so as JSON, and fail with typed errors."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any
from unittest import mock

import pytest
import typer
from typer.testing import CliRunner

from serving.governance import loading, proposal_commands
from serving.governance.board import Board
from serving.governance.commands import register
from serving.governance.registry import Role
from serving.governance.verification import Verifier
from serving.storage.database import Database
from tests.support.evidence import evidence
from troth.errors import (
    AlreadyExists,
    DataLoss,
    FailedPrecondition,
    InvalidArgument,
    NotApproved,
    NotFound,
    PermissionDenied,
    TrothError,
)
from troth.guardrails.config import GuardrailConfig
from troth.settings import Settings
from troth.types import Scope

Office = Any


class Shell:
    """The governance commands on one installation."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.app = typer.Typer(pretty_exceptions_enable=False)
        register(self.app)

    def text(self, *arguments: object) -> str:
        """What a command prints; raises what it raises."""
        done = CliRunner().invoke(
            self.app, [str(a) for a in arguments], env={"TROTH_HOME": str(self.home)}
        )
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        assert done.exit_code == 0, done.output
        return done.stdout

    def json(self, *arguments: object) -> Any:
        """The same with ``--json``."""
        return json.loads(self.text(*arguments, "--json"))


@pytest.fixture
def shell(tmp_path: Path) -> Shell:
    """An installation with three keys and no board yet."""
    shell = Shell(tmp_path / "home")
    for name in ("ada", "bob", "cyd"):
        shell.text("keys", "new", name, "--out", tmp_path)
    return shell


def found_board(shell: Shell, *names: str) -> None:
    """A board of ``names``."""
    shell.text("board", "init")
    for name in names:
        shell.text("board", "add", name, "--public-key", shell.home.parent / f"{name}.pub")


def test_keys_and_board(shell: Shell) -> None:
    """A key pair is for its owner; a roster is made once and grows."""
    folder = shell.home.parent
    assert (folder / "ada.pem").stat().st_mode & 0o777 == 0o600
    with pytest.raises(AlreadyExists):
        shell.text("keys", "new", "ada", "--out", folder)
    with pytest.raises(NotFound, match="board init"):
        shell.text("board", "show")
    found_board(shell, "ada")
    bob = (folder / "bob.pub").read_text().strip()
    assert shell.json("board", "add", "bob", "--public-key", bob)["members"]["bob"] == {
        "public_key": bob
    }
    with pytest.raises(AlreadyExists):
        shell.text("board", "init")
    with pytest.raises(NotFound):
        shell.text("board", "add", "eve", "--public-key", folder / "eve.pub")
    with pytest.raises(InvalidArgument):
        shell.text("board", "add", "eve", "--public-key", "AAAA")
    shown = shell.json("board", "show")
    assert shown["digest"] == Board.load(shell.home / "board.toml").digest
    assert sorted(shown["members"]) == ["ada", "bob"]


@pytest.mark.parametrize("name", ["../../x", "/tmp/x", "..", "", "Ada", "a b", "a\x1b", "a" * 65])
def test_a_key_is_written_where_it_was_asked_for(tmp_path: Path, name: str) -> None:
    """A name is a slug: no path leads out of the folder, and nothing is written."""
    out = tmp_path / "deep" / "er" / "keys"
    with pytest.raises(InvalidArgument, match="slug") as refused:
        Shell(tmp_path / "home").text("keys", "new", "--out", out, "--", name)
    assert refused.value.field == "name"
    assert not list(tmp_path.rglob("*.p*"))


def test_a_file_that_is_no_public_key_is_refused(shell: Shell) -> None:
    """Binary or endless, in one line."""
    found_board(shell)
    for data in (b"\xff\xfe\x00", b"x" * 10**6, b""):
        (shell.home.parent / "eve.pub").write_bytes(data)
        with pytest.raises(InvalidArgument, match="base64"):
            shell.text("board", "add", "eve", "--public-key", shell.home.parent / "eve.pub")


def test_the_whole_way(shell: Shell, office: Office) -> None:
    """From keys to a policy a replica loads, and out again, by commands alone."""
    folder = shell.home.parent
    found_board(shell, "ada", "bob", "cyd")
    (shell.home / "artifacts").symlink_to(office.artifacts.root)
    document = evidence(office.policy_digest, GuardrailConfig.shipped().digest, note="[/x]")
    (folder / "evidence.json").write_text(json.dumps(document))

    def key(name: str) -> tuple[str, Path]:
        return "--key", folder / f"{name}.pem"

    statement = shell.json(
        "propose", "--policy", office.policy_digest, "--evidence", folder / "evidence.json",
        "--decision-point", "daily", "--expires", "90d", "--share", "0.5", *key("ada"),
    )  # fmt: skip
    name = statement["proposal_id"]
    assert statement["guardrails_digest"] == GuardrailConfig.shipped().digest
    assert shell.json("proposals", "list")[0]["standing"] == "quorum"
    with pytest.raises(PermissionDenied):
        shell.text("approve", name, *key("ada"), "--yes")
    signed = shell.json("approve", name, *key("bob"), "--yes")
    assert signed["message"] == "has 1 of 2 approvals"
    with pytest.raises(NotApproved):
        shell.text("activate", name)
    signed = shell.json("approve", name, *key("cyd"), "--yes", "--reason", "fine [/x]")
    assert signed["standing"] == "approved"
    shown = shell.json("proposals", "show", name)
    assert shown["evidence"] == document
    assert [(v["member"], v["verifies"]) for v in shown["votes"]] == [
        ("ada", True),
        ("bob", True),
        ("cyd", True),
    ]
    with pytest.raises(NotApproved, match="as a model, not as a baseline"):
        shell.text("activate", name, "--role", "baseline")
    assert shell.text("activate", name).startswith("active daily, role model, generation ")
    with pytest.raises(InvalidArgument, match="the private one is in"):
        shell.text("approve", name, "--key", folder / "bob.pub", "--yes")
    with pytest.raises(NotFound, match="`troth proposals list` shows them"):
        shell.text("approve", name[:8], *key("bob"), "--yes")
    database = Database(shell.home / "troth.db")
    served = loading.load_approved(
        database,
        Verifier.of(Settings(home=shell.home)),
        "daily",
        Role.MODEL,
        served_at(),
    )
    assert served.artifact.digest == office.policy_digest
    shell.text("pause", "daily", "--reason", "odd answers")
    assert {row["state"] for row in shell.json("registry")["activations"]} == {"paused"}
    with pytest.raises(FailedPrecondition):
        shell.text("pause", "daily")
    shell.text("resume", "daily")
    assert shell.json("deactivate", "daily")["replicas"] == {"running": 0, "took_up": 0}
    assert shell.json("registry")["activations"] == []
    assert "no replica is running" in shell.text(
        "refuse", name, *key("ada"), "--reason", "superseded"
    )
    assert shell.json("proposals", "list")[0]["standing"] == "refused"
    assert shell.json("audit", "verify")["ok"]
    for command in ("registry", "proposals list", f"proposals show {name}", "audit list"):
        assert shell.text(*command.split())
    database.close()


def served_at() -> Any:
    """Now, as the commands know it."""
    from troth.clock import utc_now

    return utc_now()


def test_the_audit_commands(office: Office) -> None:
    """Verify says ok, or prints its findings and fails as damaged data."""
    shell = Shell(office.home)
    with pytest.raises(NotFound):
        Shell(office.home / "none").text("audit", "verify")
    with pytest.raises(FailedPrecondition, match="empty"):
        shell.text("audit", "export-head")
    office.approved()
    head = office.home / "elsewhere" / "head.json"
    shell.text("audit", "export-head", "--out", head)
    assert shell.json("audit", "export-head") == json.loads(head.read_text())
    assert "the log is whole" in shell.text("audit", "verify", "--head", head)
    rows = shell.json("audit", "list", "--last", 2)
    assert [row["kind"] for row in rows] == ["governance.approved", "registry.activated"]
    assert len(shell.json("audit", "list", "--kind", "governance.approved")) == 2
    office.tamper("DELETE FROM audit WHERE seq = 4")
    with pytest.raises(DataLoss, match="findings"):
        shell.text("audit", "verify", "--head", head)
    done = CliRunner().invoke(
        shell.app, ["audit", "verify", "--json"], env={"TROTH_HOME": str(office.home)}
    )
    assert not json.loads(done.stdout)["ok"]
    assert isinstance(done.exception, DataLoss)


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"--evidence": "none.json"}, NotFound, "evidence"),
        ({"--evidence": "text.json"}, InvalidArgument, "evidence"),
        ({"--evidence": "deep.json"}, InvalidArgument, "evidence"),
        ({"--evidence": "empty.json"}, InvalidArgument, "evidence.policy_digest"),
        ({"--evidence": "other.json"}, InvalidArgument, "evidence.policy_digest"),
        ({"--guardrails-digest": "c" * 64}, InvalidArgument, "evidence.guardrails_digest"),
        ({"--expires": "soon"}, InvalidArgument, "expires"),
        ({"--expires": "2020-01-01T00:00:00Z"}, InvalidArgument, "scope.expires_at"),
        ({"--share": "1.5"}, InvalidArgument, "scope.traffic_share"),
        ({"--policy": "abc"}, InvalidArgument, "digest"),
        ({"--policy": "a" * 64}, NotFound, "digest"),
        ({"--guardrails-digest": "abc"}, InvalidArgument, "guardrails_digest"),
        ({"--guardrails": "none.toml"}, NotFound, "guardrails"),
        ({"--guardrails": "g.toml", "--guardrails-digest": "a"}, InvalidArgument, "guardrails"),
        ({"--key": "none.pem"}, NotFound, "key"),
    ],
)
def test_a_wrong_proposal_names_its_fault(
    office: Office,
    monkeypatch: pytest.MonkeyPatch,
    changes: dict[str, str],
    error: type[TrothError],
    field: str,
) -> None:
    """Each option, with the field at fault; nothing is proposed."""
    from serving.governance import proposals
    from serving.signing import keys

    monkeypatch.chdir(office.home)
    keys.save(office.private["ada"], office.home / "ada.pem")
    behind = GuardrailConfig.shipped().digest
    Path("good.json").write_text(json.dumps(evidence(office.policy_digest, behind)))
    Path("other.json").write_text(json.dumps(evidence("b" * 64, behind)))
    Path("empty.json").write_text("{}")
    Path("deep.json").write_text("[" * 100_000)
    Path("text.json").write_text("no json")
    options = {
        "--policy": office.policy_digest,
        "--evidence": "good.json",
        "--expires": "90d",
        "--decision-point": "daily",
        "--key": "ada.pem",
        **changes,
    }
    with pytest.raises(error) as refused:
        Shell(office.home).text("propose", *[part for pair in options.items() for part in pair])
    assert refused.value.field == field
    assert proposals.list_all(office.database) == ()


@pytest.fixture
def asked(office: Office) -> tuple[Shell, str, Path]:
    """A proposal in an installation, and the key of a member who may approve it."""
    from serving.signing import keys

    key = keys.save(office.private["bob"], office.home / "bob.pem")
    now = served_at()
    scope = Scope(
        decision_points=("daily",), traffic_share=0.5, expires_at=now + timedelta(days=90)
    )
    return Shell(office.home), office.propose(scope=scope, now=now).proposal_id, key


def answer(shell: Shell, said: str, *arguments: object) -> Any:
    """A command at a terminal where somebody types ``said``."""
    with mock.patch.object(proposal_commands, "_is_terminal", return_value=True):
        return CliRunner().invoke(
            shell.app,
            [str(a) for a in arguments],
            input=said,
            env={"TROTH_HOME": str(shell.home), "COLUMNS": "200"},
        )


def test_nobody_approves_unseen(asked: tuple[Shell, str, Path], office: Office) -> None:
    """The lines come first, then the question; only yes signs."""
    shell, name, key = asked
    refused = answer(shell, "n\n", "approve", name, "--key", key)
    assert isinstance(refused.exception, FailedPrecondition)
    assert "USD 2.19 per customer in 28 days (95 %: 1.96 to 2.42)" in refused.stdout
    assert "bob" not in {vote["member"] for vote in shell.json("proposals", "show", name)["votes"]}
    done = answer(shell, "y\n", "approve", name, "--key", key)
    assert done.exit_code == 0, done.output
    assert done.stdout.index("Opt-outs") < done.stdout.index("Sign that it may be served?")
    assert "bob signed: approve. Not approved: has 1 of 2 approvals." in done.stdout


@pytest.mark.parametrize("options", [[], ["--json"]])
def test_a_script_says_that_it_signs_unasked(
    asked: tuple[Shell, str, Path], options: list[str]
) -> None:
    """Where nobody can be asked, and for JSON, --yes is needed; without it nothing is signed."""
    shell, name, key = asked
    with pytest.raises(InvalidArgument) as refused:
        shell.text("approve", name, "--key", key, *options)
    assert refused.value.field == "yes"
    assert len(shell.json("proposals", "show", name)["votes"]) == 1
    assert "Money" in shell.text("approve", name, "--key", key, "--yes")


def test_what_makes_no_case_is_not_approved(asked: tuple[Shell, str, Path], office: Office) -> None:
    """Evidence that was lost since is refused before anything is signed; a refusal is not."""
    shell, name, key = asked
    for path in (office.home / "evidence").iterdir():
        path.unlink()
    with pytest.raises(NotFound):
        shell.text("approve", name, "--key", key, "--yes")
    assert "Makes no case" in shell.text("proposals", "show", name)
    assert shell.json("proposals", "show", name)["evidence"] is None
    shell.text("refuse", name, "--key", key, "--reason", "no evidence")


def test_what_is_signed_is_what_was_shown(asked: tuple[Shell, str, Path], office: Office) -> None:
    """A statement that is changed under the reader's eyes is not the one that is signed."""
    shell, name, key = asked

    def meanwhile(*_: object, **__: object) -> bool:
        office.tamper("UPDATE proposals SET statement = replace(statement, '0.5', '1.0')")
        return True

    with (
        mock.patch.object(typer, "confirm", meanwhile),
        mock.patch.object(proposal_commands, "_is_terminal", return_value=True),
        pytest.raises(NotApproved),
    ):
        shell.text("approve", name, "--key", key)


def test_words_of_others_steer_no_terminal(asked: tuple[Shell, str, Path], office: Office) -> None:
    """An escape in a reason, or an end of a line, reaches no other member's terminal."""
    shell, name, key = asked
    evil = "\x1b[2J\u202e\r\nada signed: approve [link=http://x]"
    shell.text("refuse", name, "--key", key, "--reason", evil)
    for command in (f"proposals show {name}", "audit list", "proposals list"):
        printed = shell.text(*command.split())
        assert not {"\x1b", "\u202e", "\r"} & set(printed)
        assert not any(line.startswith("ada signed") for line in printed.splitlines())
