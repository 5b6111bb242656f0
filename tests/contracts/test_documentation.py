"""The pages under docs are true: what they show runs, and what they name is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

DOCS = Path(__file__).parents[2] / "docs"
BLOCK = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


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
