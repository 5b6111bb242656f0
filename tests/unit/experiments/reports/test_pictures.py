"""The pictures of the README: there, small, shown, and drawn again by the command."""

from __future__ import annotations

import json
from pathlib import Path
from types import SimpleNamespace

import pytest
from PIL import Image
from typer.testing import CliRunner

from experiments.reports import pictures
from experiments.reports.report import render, write
from experiments.runs.run_folder import RunFolder
from tests.support.pages import ROOT
from troth.cli.entry import build
from troth.errors import FailedPrecondition, NotFound

FOLDER = ROOT / "docs" / "pictures"
LARGEST = 300_000
NAMES = (pictures.REPORT, pictures.DASHBOARD)


@pytest.mark.parametrize("name", NAMES)
def test_the_readme_shows_it(name: str) -> None:
    """With words for those who do not see it; small enough for a slow line."""
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    assert f"](docs/pictures/{name})" in text
    assert "![](" not in text
    path = FOLDER / name
    assert 10_000 < path.stat().st_size < LARGEST
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        assert picture.width > 1000


def test_no_picture_of_nothing(
    tmp_path: Path, records: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither without a report nor without a browser; each says what is missing."""
    with pytest.raises(NotFound):
        pictures.take_report(RunFolder(tmp_path), tmp_path)
    write(tmp_path / "report.html", render(records.results()))
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(FailedPrecondition, match="chromium"):
        pictures.take_report(RunFolder(tmp_path), tmp_path)
    assert not list(tmp_path.glob("*.png"))


@pytest.mark.slow
@pytest.mark.timeout(180)
def test_the_command_draws_both(tmp_path: Path, records: SimpleNamespace) -> None:
    """Of the size of those that are shown, and neither is empty."""
    if pictures.browser() is None:
        pytest.skip("Chromium is not installed")
    write(
        tmp_path / "report.html",
        render(records.results(), served=records.served(), checks=records.checks()),
    )
    command = ["pictures", "--home", str(tmp_path), "--output", str(tmp_path / "out"), "--json"]
    done = CliRunner().invoke(build(), command, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    drawn = json.loads(done.stdout)["pictures"]
    assert [Path(path).name for path in drawn] == list(NAMES)
    for name in NAMES:
        with Image.open(tmp_path / "out" / name) as now, Image.open(FOLDER / name) as shown:
            assert now.size == shown.size
            assert len(now.convert("RGB").getcolors(1 << 24) or ()) > 30  # an empty page has one
