"""What the page on serving shows, against a real service: Python, Node and ``buf curl``."""

from __future__ import annotations

import datetime as dt
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.support.pages import DOCS, ROOT, blocks
from tests.support.service import Served
from troth.cli.entry import build

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]

PAGE = DOCS / "serve.md"
ADDRESS = "127.0.0.1:9700"
"""Of the page."""


@pytest.fixture
def folder(served: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the page's commands run: what a channel was handed over, and the ``.proto``."""
    home = ["--home", str(served.installation.settings.home)]
    for words in (["--json"], ["--question", str(tmp_path / "question.json")]):
        done = CliRunner().invoke(build(), ["schema", "daily", *words, *home])
        assert done.exit_code == 0, done.output
        if words == ["--json"]:
            (tmp_path / "schema.json").write_text(done.stdout)
    (tmp_path / "token").write_text("s3cret\n")
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    for name, content in certificates().items():
        (tmp_path / name).write_bytes(content)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def certificates() -> dict[str, bytes]:
    """A certificate that vouches for itself, under the names that the page uses."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "channel")])
    now = dt.datetime.now(dt.UTC)
    builder = x509.CertificateBuilder(
        issuer_name=name,
        subject_name=name,
        public_key=key.public_key(),
        serial_number=x509.random_serial_number(),
        not_valid_before=now - dt.timedelta(days=1),
        not_valid_after=now + dt.timedelta(days=1),
    )
    pem = serialization.Encoding.PEM
    certificate = builder.sign(key, hashes.SHA256()).public_bytes(pem)
    private = key.private_bytes(
        pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return {"ca.pem": certificate, "channel.pem": certificate, "channel.key": private}


def run(served: Served, code: str, *command: str) -> str:
    """Run a block of the page against the service of the tests; what it printed."""
    path = os.pathsep.join((str(Path(sys.executable).parent), os.environ["PATH"]))
    done = subprocess.run(
        [*command, code.replace(ADDRESS, served.address)],
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_python_of_the_page_runs(
    served: Served, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Block after block in one session."""
    session: dict[str, object] = {}
    for block in blocks(PAGE, "python"):
        code = "\n" * (block.line - 1) + block.code.replace(ADDRESS, served.address)
        exec(compile(code, str(PAGE), "exec"), session)  # our own page
    assert getattr(session["answer"], "served_by", None) == "model"


def test_the_node_of_the_page_runs(served: Served, folder: Path) -> None:
    """A client that has the ``.proto`` and two packages of npm, and nothing of ours."""
    if shutil.which("npm") is None:
        pytest.skip("Node is not installed")
    packages = ("@grpc/grpc-js@1", "@grpc/proto-loader@0.8")
    install = ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", *packages]
    if subprocess.run(install, cwd=folder, check=False, capture_output=True).returncode:
        pytest.skip("npm cannot install @grpc/grpc-js here")
    (block,) = blocks(PAGE, "javascript")
    program = folder / "client.mjs"
    program.write_text(block.code.replace(ADDRESS, served.address))
    action, channel, propensity = run(served, str(program), "node").split()
    assert channel.startswith("CHANNEL_")
    assert 0.0 < float(propensity) <= 1.0
    assert action


def test_the_buf_curl_of_the_page_runs(served: Served, folder: Path) -> None:
    """From a shell, by the ``.proto``."""
    (block,) = (one for one in blocks(PAGE, "sh") if one.code.startswith("buf curl"))
    answer = json.loads(run(served, block.code, "bash", "-euo", "pipefail", "-c"))
    assert answer["servedBy"] == "SERVED_BY_MODEL"
    assert answer["propensity"] > 0


def test_the_first_steps_of_the_page_run(served: Served, folder: Path) -> None:
    """Customers are loaded, and a question that the service takes is written."""
    steps = [b.code for b in blocks(PAGE, "sh") if "profiles load" in b.code or "schema " in b.code]
    asked = next(b.code for b in blocks(PAGE, "sh") if b.code.startswith("troth decide @"))
    home = f"export TROTH_HOME={served.installation.settings.home}\n"
    told = run(served, home + "\n".join(steps), "bash", "-euo", "pipefail", "-c")
    assert "C1" in told
    assert json.loads((folder / "question.json").read_text())["decisionPoint"] == "daily"
    address = f"export TROTH_ADDRESS={served.address}\n"
    assert "model: approved_model" in run(served, address + asked, "bash", "-euo", "pipefail", "-c")
