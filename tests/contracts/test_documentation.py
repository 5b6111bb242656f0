"""The pages under docs are true: what they show runs, and what they name is there."""

from __future__ import annotations

import inspect
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import click
import pytest
import typer
from typer.testing import CliRunner

from serving.rpc import environment, handler
from simulator.calibration.command import calibrate
from simulator.calibration.own.columns import KINDS
from simulator.scenarios import load, provenance
from tests.support.pages import DOCS, ROOT, blocks, table, troth_commands
from troth.cli.entry import build
from troth.client.retries import BROKEN_ON_THE_WAY
from troth.errors import InvalidArgument
from troth.logs.facts import facts_schema
from troth.logs.tables import log_schema
from troth.questions import MOST_FEATURES, MOST_JOURNEYS
from troth.settings import Settings
from troth.text import LONGEST_QUOTE

PAGES = (ROOT / "README.md", *sorted(DOCS.glob("*.md")))
runner = CliRunner()
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_calibration_page_names_all_columns_and_options() -> None:
    """Its tables are those that are read, in full; the options and files it names exist."""
    page = (DOCS / "calibrate.md").read_text(encoding="utf-8")
    for kind, columns in KINDS.items():
        table = page.split(f"**`--{kind}`**")[1].split("\n\n")[1]
        assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(columns)
    known = {name.replace("_", "-") for name in inspect.signature(calibrate).parameters}
    known |= {"json", "customers", "days", "out", "month-first"}
    assert set(re.findall(r"--([a-z]+(?:-[a-z]+)*)", page)) <= known
    for path in re.findall(r"`(tests/[\w/]+\.py)`", page):
        assert (DOCS.parent / path).is_file()


def test_the_files_on_the_calibration_page_need_their_options(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each is read as shown; without the option it is refused, or means something else."""
    monkeypatch.chdir(tmp_path)
    shown = {}
    after = ""
    for block in blocks(DOCS / "calibrate.md"):
        if after:
            words = shlex.split(block.code)
            option = words[words.index("orders.csv") + 1]
            (tmp_path / "orders.csv").write_text(after, encoding="utf-8")
            said = runner.invoke(build(), [*words[1:], "--json"], catch_exceptions=False)
            assert said.exit_code == 0
            shown[option] = json.loads(said.stdout)["notes"]
            at = words.index(option)
            bare = [*words[1:at], *words[at + (1 if option == "--day-first" else 2) :]]
            refused = runner.invoke(build(), bare)
            assert isinstance(refused.exception, InvalidArgument) == (option != "--until"), option
        after = block.code if block.language == "csv" else ""
    assert len(shown) == 6
    assert any("until 2024-01-31: left out after it 1 row" in note for note in shown["--until"])
    assert any("1 row" in note and "taken off" in note for note in shown["--returns"])


def test_the_scenario_page_shows_a_scenario(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its file loads, its values are in force, and its Python runs beside it."""
    monkeypatch.chdir(tmp_path)
    page = (DOCS / "scenarios.md").read_text(encoding="utf-8")
    (tmp_path / "mine.toml").write_text(page.split("```toml\n")[1].split("```")[0])
    mine = load("mine.toml")
    assert (mine.wallet.redeem_from, mine.shocks[0].name) == (500, "strike")
    marks = {origin.key: origin.kind for origin in provenance("mine.toml")}
    assert marks["wallet.redeem_from"] == "doc"
    (block,) = BLOCK.findall(page)
    exec(block, {})


def run_in_one_session(page: Path) -> int:
    """Run a page's blocks of Python one after the other; returns how many there are."""
    blocks = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    session: dict[str, object] = {}
    for block in blocks:
        line = page.read_text(encoding="utf-8")[: block.start()].count("\n") + 1
        code = "\n" * line + block[1]  # so that a traceback has the page's own lines
        exec(compile(code, str(page), "exec"), session)  # our own page
    return len(blocks)


@pytest.mark.slow
def test_what_the_python_page_shows_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block after block in one session, in an empty folder."""
    monkeypatch.chdir(tmp_path)
    assert run_in_one_session(DOCS / "python.md") > 8
    assert (tmp_path / "episode.png").stat().st_size > 10_000


def test_what_the_evaluation_page_shows_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From a DataFrame to a verdict; the columns it names are those that are read."""
    monkeypatch.chdir(tmp_path)
    page = DOCS / "evaluate.md"
    assert run_in_one_session(page) == 9
    named = {
        name for row in table(page, "column | holds") for name in re.findall(r"`(\w+)`", row[0])
    }
    assert named == set(log_schema(2, 3).names)
    facts = {row[0].strip("`") for row in table(page, "fact | holds")}
    assert facts == set(facts_schema(3).names)


def option_names(command: click.Command) -> set[str]:
    """Every way to write an option of ``command``."""
    named = (
        getattr(one, "opts", []) + getattr(one, "secondary_opts", []) for one in command.params
    )
    return {name for names in named for name in names} | {"--help"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_that_a_page_shows_exist(page: Path) -> None:
    """Each with the options that it is shown with."""
    for words in troth_commands(page):
        command = typer.main.get_command(build())
        rest = list(words)
        while subcommands := getattr(command, "commands", None):
            name = rest.pop(0)
            assert name in subcommands, f"troth {' '.join(words)}"
            command = subcommands[name]
        shown = {word.split("=")[0] for word in rest if word.startswith("--")}
        assert shown <= option_names(command), f"troth {' '.join(words)}"


def test_the_readme_names_every_page() -> None:
    """Nobody has to look for one."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in DOCS.glob("*.md") if f"(docs/{page.name})" not in text] == []


def test_the_serving_page_tells_figures_as_they_are() -> None:
    """Every setting with its default; the limits; every status that the client sends again."""
    page = DOCS / "serve.md"
    told = {row[0].strip("`"): row[1].strip("`") for row in table(page, "variable | default")}
    defaults = {
        name: field.get_default(call_default_factory=True, validated_data={"home": Path("HOME")})
        for name, field in Settings.model_fields.items()
    }
    assert told == {
        f"TROTH_{name.upper()}": f"{value:g}" if isinstance(value, float) else f"{value}"
        for name, value in defaults.items()
    }
    limits = {row[0]: row[1] for row in table(page, "what | at most")}
    assert limits["any other message"] == f"{environment.LARGEST_MESSAGE >> 20} MiB"
    own = "a message of `Decide`, `RecordOutcome` or `SetPermission`"
    assert limits[own] == f"{handler.LARGEST_MESSAGE >> 10} KiB"
    assert limits["features, journeys in one request"] == f"{MOST_FEATURES}, {MOST_JOURNEYS}"
    assert limits["a connection without a call"].startswith(f"{environment.IDLE_S} s")
    assert f"at most {LONGEST_QUOTE} characters of a value" in page.read_text(encoding="utf-8")
    rows = table(page, "status | its message holds")
    retried = [(row[0].strip("`"), row[1].strip("`")) for row in rows]
    assert retried == [(code.name, text) for code, text in BROKEN_ON_THE_WAY]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_what_the_governing_page_shows_runs(tmp_path: Path) -> None:
    """Block after block in one shell, in an empty folder; the first that fails ends it."""
    script = ["set -euo pipefail"]
    for block in blocks(DOCS / "govern.md"):
        if block.language == "python":
            (tmp_path / f"line_{block.line}.py").write_text(block.code, encoding="utf-8")
            script.append(f"python3 line_{block.line}.py")
        else:
            script.append(f"echo 'govern.md, line {block.line}'\n{block.code}")
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    modules = os.pathsep.join((str(ROOT), os.environ.get("PYTHONPATH", "")))
    done = subprocess.run(
        ["bash", "-c", "\n".join(script)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "PYTHONPATH": modules},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-4000:] + done.stderr[-4000:]
