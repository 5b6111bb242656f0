"""The ``troth`` command: errors become one line and a documented exit code."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from troth.cli import entry
from troth.errors import Code, DataLoss, InvalidArgument, NotApproved, TrothError
from troth.tables import read_table


def run(monkeypatch: pytest.MonkeyPatch, error: Exception, *arguments: str) -> int:
    """Exit code of a command that raises ``error``."""

    def failing() -> None:
        raise error

    monkeypatch.setattr(entry, "build", lambda _: failing)
    monkeypatch.setattr(entry.sys, "argv", ["troth", "something", *arguments])
    with pytest.raises(SystemExit) as stopped:
        entry.main()
    return int(stopped.value.code or 0)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (InvalidArgument("is wrong", field="seed"), 3),
        (NotApproved("has 1 of 2 approvals", field="approval.quorum"), 5),
        (DataLoss("is damaged", field="audit"), 6),
        (TrothError("broke", field="x"), 1),
    ],
)
def test_a_typed_error_is_one_line(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    error: TrothError,
    code: int,
) -> None:
    """The field, the message, no traceback, and the exit code of its status."""
    assert run(monkeypatch, error) == code
    assert capsys.readouterr().err == f"troth: {error.field}: {error.message}\n"


@pytest.mark.parametrize("count", [2, 20, 23])
def test_faults_of_a_file_stand_one_a_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, count: int
) -> None:
    """The first twenty, and how many more; all of them with --json."""
    path = tmp_path / "x.csv"
    path.write_text("a\n" + "bad\n" * count)
    with pytest.raises(InvalidArgument) as refused:
        read_table(path).numbers("a", 0.0, 1.0)
    run(monkeypatch, refused.value)
    lines = capsys.readouterr().err.splitlines()
    assert lines[0] == f"troth: refused for {count} faults:"
    told = [f"  {path}:{n + 2}:a: 'bad' is not a number in [0, 1]" for n in range(min(count, 20))]
    assert lines[1 : 1 + len(told)] == told
    assert lines[1 + len(told) :] == (["  and 3 more, which --json lists"] if count > 20 else [])
    run(monkeypatch, refused.value, "--json")
    body = json.loads(capsys.readouterr().err)["error"]
    assert body["fault_count"] == len(body["faults"]) == count
    assert body["faults"][-1] == f"{path}:{count + 1}:a: 'bad' is not a number in [0, 1]"
    assert body["message"].startswith("'bad' is not a number in [0, 1]; ")


def test_faults_steer_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A fault stays one line, whatever it quotes."""
    run(monkeypatch, InvalidArgument("x", faults=["a\x1b[2J\nb", "c"]))
    assert capsys.readouterr().err.splitlines() == [
        "troth: refused for 2 faults:", "  a\\x1b[2J\\nb", "  c",
    ]  # fmt: skip


def test_an_error_that_quotes_others_steers_nothing(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """One line stays one line, whatever the value it names holds."""
    run(monkeypatch, InvalidArgument("'\x1b[2J\ntroth: all is well' is wrong", field="name"))
    printed = capsys.readouterr().err
    assert printed == "troth: name: '\\x1b[2J\\ntroth: all is well' is wrong\n"


def test_with_json_the_error_is_json(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A program that asked for JSON gets the error as JSON too."""
    run(monkeypatch, InvalidArgument("is wrong", field="seed"), "--json")
    assert json.loads(capsys.readouterr().err)["error"] == {
        "code": "INVALID_ARGUMENT",
        "reason": "INVALID_ARGUMENT",
        "field": "seed",
        "message": "is wrong",
    }


def test_a_refused_file_is_one_line(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """What the system refuses about a file is said without a traceback; other faults are not."""
    taken = tmp_path / "taken"
    taken.write_text("")
    with pytest.raises(FileExistsError) as refused:
        taken.mkdir()
    assert run(monkeypatch, refused.value) == 5
    assert capsys.readouterr().err == f"troth: {taken}: file exists\n"

    def broken() -> None:
        raise OSError("of no file")

    monkeypatch.setattr(entry, "build", lambda _: broken)
    with pytest.raises(OSError, match="of no file"):
        entry.main()


def test_a_missing_extra_is_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The light installation says what it lacks; a broken import of ours is not hidden."""
    assert run(monkeypatch, ModuleNotFoundError("no torch", name="torch.nn")) == 5
    assert "needs an extra" in capsys.readouterr().err

    def broken() -> None:
        raise ModuleNotFoundError(name="troth.gone")

    monkeypatch.setattr(entry, "build", lambda _: broken)
    with pytest.raises(ModuleNotFoundError):
        entry.main()


def test_help_is_written_in_paragraphs(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lines of a docstring are joined and broken anew, whatever the terminal's width."""
    monkeypatch.setenv("COLUMNS", "80")
    shown = CliRunner().invoke(entry.build(), ["calibrate", "--help"]).stdout.splitlines()
    at = next(at for at, line in enumerate(shown) if "Without --transactions" in line)
    assert all(len(line.strip()) > 50 for line in shown[at : at + 3])


def test_every_status_has_an_exit_code_or_is_internal() -> None:
    """Exit codes stay within the documented 3 to 7."""
    assert set(entry.EXIT_CODES.values()) == {3, 4, 5, 6, 7}
    assert Code.INTERNAL not in entry.EXIT_CODES
