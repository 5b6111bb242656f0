"""The pages under docs are true: what they show runs, and what they name is there."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

import pytest

from simulator.calibration.command import calibrate
from simulator.calibration.own_data import KINDS
from simulator.scenarios import load, provenance

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def test_the_calibration_page_names_all_columns_and_options() -> None:
    """Its tables are those that are read, in full; the options and files it names exist."""
    page = (DOCS / "calibrate.md").read_text(encoding="utf-8")
    for kind, columns in KINDS.items():
        table = page.split(f"**`--{kind}`**")[1].split("\n\n")[1]
        assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == set(columns)
    known = set(inspect.signature(calibrate).parameters) | {"json", "customers", "days", "out"}
    assert set(re.findall(r"--([a-z]+)", page)) <= known
    for path in re.findall(r"`(tests/[\w/]+\.py)`", page):
        assert (DOCS.parent / path).is_file()


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


@pytest.mark.slow
def test_what_the_python_page_shows_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Block after block in one session, in an empty folder."""
    pytest.importorskip("minari")
    monkeypatch.chdir(tmp_path)
    page = DOCS / "python.md"
    blocks = list(BLOCK.finditer(page.read_text(encoding="utf-8")))
    session: dict[str, object] = {}
    for block in blocks:
        line = page.read_text(encoding="utf-8")[: block.start()].count("\n") + 1
        code = "\n" * line + block[1]  # so that a traceback has the page's own lines
        exec(compile(code, str(page), "exec"), session)  # our own page
    assert len(blocks) > 8
    assert (tmp_path / "episode.png").stat().st_size > 10_000
