"""Files are written whole in one way."""

from __future__ import annotations

import re

from tests.architecture.inventory import ROOT
from tests.architecture.test_structure import sources

_BY_HAND = re.compile(r"\.(?:rename|replace)\([\w.]+\)|\bfsync\(|\bos\.(?:rename|replace)\(")


def test_files_are_written_whole_in_one_place() -> None:
    """Elsewhere only what is no such writing: keys that are never replaced, stops put aside."""
    found = {str(p.relative_to(ROOT)) for p in sources() if _BY_HAND.search(p.read_text())}
    assert found == {
        "troth/files.py",
        "serving/signing/keys.py",
        "serving/governance/stops.py",
        "experiments/proofs/brake.py",
    }
