"""Commands whose extra is not installed: not listed, and said in one line when called."""

from __future__ import annotations

from importlib.metadata import EntryPoint

import pytest
from typer.testing import CliRunner

from troth.cli import extras
from troth.cli.entry import build
from troth.errors import FailedPrecondition

WITHOUT = {"decide", "protos", "scenarios"}
"""Commands that need none."""


def listed() -> set[str]:
    """Names of the commands that ``troth --help`` shows."""
    shown = CliRunner().invoke(build(), ["--help"], env={"COLUMNS": "100"}).stdout
    lines = shown.split("Commands")[1].splitlines()
    return {line.split()[1] for line in lines if line.startswith("│ ") and line[2] != " "}


def test_every_command_is_known_with_its_extras() -> None:
    """A new command is entered in the table, or needs none."""
    assert listed() == extras.NEEDS.keys() | WITHOUT


@pytest.mark.parametrize(
    ("absent", "command", "told"),
    [
        ("serve", "pause", "pip install 'troth[serve]'"),
        ("train", "evaluate", "pip install 'troth[train]'"),
        ("serve", "demo", "pip install 'troth[serve]'"),
    ],
)
def test_a_command_without_its_extra(
    monkeypatch: pytest.MonkeyPatch, absent: str, command: str, told: str
) -> None:
    """Whatever its arguments, it names the extra; the others are there as before."""
    everything = listed()
    monkeypatch.setattr(extras, "_installed", lambda extra: extra != absent)
    assert listed() == {n for n in everything if absent not in extras.NEEDS.get(n, ())}
    for arguments in ([command], [command, "log", "--home", "x", "-y"], [command, "--help"]):
        with pytest.raises(FailedPrecondition) as refused:
            CliRunner().invoke(build(), arguments, catch_exceptions=False)
        assert refused.value.message == f"{command} needs an extra: {told}"


def test_what_brings_a_module_is_known() -> None:
    """A module that is missing all the same is named with the extra that brings it."""
    assert extras.bringing("ray.serve") == "serve"
    assert extras.bringing("sb3_contrib") == "train"
    assert extras.bringing("json") is None
    assert extras.missing("scenarios") == ()


def test_an_installation_that_is_not_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands of ours that lie elsewhere than the installation says are one line, no traceback."""
    stale = EntryPoint("wire", "troth.wire_commands:register", "troth.commands")
    monkeypatch.setattr("importlib.metadata.entry_points", lambda **_: [stale])
    with pytest.raises(FailedPrecondition, match=r"no module 'troth\.wire_commands'; install"):
        build()
