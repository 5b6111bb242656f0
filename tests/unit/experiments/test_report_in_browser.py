"""The report as a browser shows it: laid out, drawn, and without a complaint."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from experiments.reports.report import render, write

pytestmark = [pytest.mark.slow, pytest.mark.timeout(120)]

FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-logging=stderr",
    "--window-size=1000,3000",
)


def chromium(profile: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run headless Chromium; skip where there is none."""
    program = shutil.which("chromium") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    return subprocess.run(
        [program, *FLAGS, f"--user-data-dir={profile}", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )


def test_the_report_is_drawn(tmp_path: Path, records: SimpleNamespace) -> None:
    """Every plot has size on the page, and the page's own policy refuses nothing it needs."""
    page = tmp_path / "report.html"
    write(page, render(records.results(), served=records.served(), checks=records.checks()))
    picture = tmp_path / "report.png"
    shown = chromium(tmp_path / "profile", f"--screenshot={picture}", page.as_uri())
    assert not re.search(r"CONSOLE.*(Refused|Error|violat)", shown.stderr)
    data = picture.read_bytes()
    width, height = (int.from_bytes(data[at : at + 4], "big") for at in (16, 20))
    assert (width, height) == (1000, 3000)
    # A page without style or plots compresses to a tenth of this.
    assert len(data) > 60_000


def test_a_refused_resource_would_be_seen(tmp_path: Path) -> None:
    """The check above fails for a page that its own policy forbids to draw."""
    page = tmp_path / "bad.html"
    policy = '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'">'
    page.write_text(f"<html><head>{policy}</head><body><script>1</script></body></html>")
    shown = chromium(tmp_path / "profile", f"--screenshot={tmp_path / 'bad.png'}", page.as_uri())
    assert re.search(r"CONSOLE.*(Refused|Error|violat)", shown.stderr)
