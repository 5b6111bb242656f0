"""Processes exclude each other in one way."""

from __future__ import annotations

import re

from tests.architecture.inventory import ROOT
from tests.architecture.test_structure import sources

_LOCKS = re.compile(r"\bfcntl\b|\bflock\(|\bfilelock\b")


def test_files_are_locked_in_one_place() -> None:
    """By ``troth/locks``: free when the holder is gone, and refused in the caller's words."""
    assert [str(p.relative_to(ROOT)) for p in sources() if _LOCKS.search(p.read_text())] == [
        "troth/locks.py"
    ]
