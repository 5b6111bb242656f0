"""What the page on packages of one's own shows is built, installed and run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.pages import DOCS, ROOT

FILE = re.compile(r"`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", re.MULTILINE | re.DOTALL)
PAGE = (DOCS / "extend.md").read_text(encoding="utf-8")


@pytest.mark.slow
def test_the_guardrail_of_the_page_is_installed_and_refuses(tmp_path: Path) -> None:
    """Its files, then its commands, then its session, in one folder; pip builds the package."""
    section = PAGE.split("\n## A guardrail\n")[1].split("\n## ")[0]
    files = FILE.findall(section)
    assert [name for name, _ in files] == [
        "acme-tickets/pyproject.toml",
        "acme-tickets/acme_tickets.py",
    ]
    (tmp_path / "acme-tickets").mkdir()
    for name, text in files:
        (tmp_path / name).write_text(text, encoding="utf-8")
    (commands,) = re.findall(r"^```sh\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    *_, session = re.findall(r"^```python\n(.*?)^```$", section, re.MULTILINE | re.DOTALL)
    (tmp_path / "session.py").write_text(session, encoding="utf-8")
    # Beside the environment of the tests, without the network.
    offline = (
        "install --quiet --no-index --no-deps --no-build-isolation --target site ./acme-tickets"
    )
    script = (
        commands.replace("pip install ./acme-tickets", f"pip {offline}") + "python session.py\n"
    )
    assert offline in script
    modules = (str(tmp_path / "site"), str(ROOT), os.environ.get("PYTHONPATH", ""))
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", script],
        cwd=tmp_path,
        env={
            **os.environ,
            "PATH": os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"])),
            "PYTHONPATH": os.pathsep.join(modules),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    assert re.search(r"^tickets ticket_open \[ *0 +\d+ +0 *\]$", done.stdout, re.MULTILINE)
    assert "'distribution': 'acme-tickets', 'version': '1.0', 'digest': '" in done.stdout
