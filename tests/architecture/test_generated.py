"""The committed wire code is what the protos give, and the protos pass Buf's lint."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

from tests.architecture.generated import ROOT, generate, stale


def test_generated_code_is_current(tmp_path: Path) -> None:
    """Regenerating changes nothing; a changed byte would be noticed."""
    expected = generate(tmp_path)
    assert stale(expected) == []
    spoiled = {**expected, "decision_service_pb2.py": b"# edited by hand"}
    assert stale(spoiled) == ["decision_service_pb2.py"]
    assert stale({n: c for n, c in expected.items() if not n.endswith(".pyi")}) != []


def buf(where: Path) -> subprocess.CompletedProcess[str]:
    """Run ``buf lint`` in ``where``."""
    binary = Path(sys.executable).parent / "buf"
    return subprocess.run([binary, "lint"], cwd=where, capture_output=True, text=True, check=False)


def test_protos_pass_buf_lint(tmp_path: Path) -> None:
    """STANDARD lint holds, and a message named in lower case would break it."""
    assert buf(ROOT).returncode == 0
    shutil.copy(ROOT / "buf.yaml", tmp_path)
    shutil.copytree(ROOT / "protos", tmp_path / "protos")
    source = tmp_path / "protos" / "troth" / "v1" / "decision_service.proto"
    source.write_text(source.read_text() + "\nmessage lower_case {}\n")
    assert "lower_case" in buf(tmp_path).stdout
