"""Generate the wire code from ``protos/`` and compare it with what is committed.

``python -m tests.architecture.generated`` exits 1 if ``troth/v1`` is stale; with
``--write`` it brings it up to date.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from grpc_tools import protoc

ROOT = Path(__file__).resolve().parents[2]
OUTPUT = ROOT / "troth" / "v1"


def generate(into: Path) -> dict[str, bytes]:
    """Run protoc into ``into`` and return the generated files by name."""
    sources = sorted(str(p) for p in (ROOT / "protos").rglob("*.proto"))
    well_known = Path(protoc.__file__).parent / "_proto"
    code = protoc.main(
        [
            "protoc",
            f"-I{ROOT / 'protos'}",
            f"-I{well_known}",
            f"--plugin=protoc-gen-mypy={Path(sys.executable).parent / 'protoc-gen-mypy'}",
            f"--plugin=protoc-gen-mypy_grpc={Path(sys.executable).parent / 'protoc-gen-mypy_grpc'}",
            f"--python_out={into}",
            f"--grpc_python_out={into}",
            f"--mypy_out=quiet:{into}",
            f"--mypy_grpc_out=quiet:{into}",
            *sources,
        ]
    )
    if code:
        raise SystemExit(f"protoc failed with {code}")
    files = {p.name: p.read_bytes() for p in (into / "troth" / "v1").iterdir()}
    return {**files, "__init__.py": b'"""Generated from protos/troth/v1; do not edit."""\n'}


def stale(expected: dict[str, bytes]) -> list[str]:
    """Names whose committed content differs from ``expected``, either way."""
    present = {p.name: p.read_bytes() for p in OUTPUT.glob("*.py*") if p.is_file()}
    return sorted(n for n in present.keys() | expected.keys() if present.get(n) != expected.get(n))


def main() -> int:
    """Compare, or write with ``--write``."""
    with tempfile.TemporaryDirectory() as scratch:
        expected = generate(Path(scratch))
    if "--write" in sys.argv:
        shutil.rmtree(OUTPUT, ignore_errors=True)
        OUTPUT.mkdir(parents=True)
        for name, content in expected.items():
            (OUTPUT / name).write_bytes(content)
        return 0
    names = stale(expected)
    if names:
        print(f"troth/v1 is stale ({', '.join(names)}); run `make protos`", file=sys.stderr)
    return 1 if names else 0


if __name__ == "__main__":
    raise SystemExit(main())
