"""Delimited text is read in one place."""

from __future__ import annotations

import re

from tests.architecture.inventory import ROOT
from tests.architecture.test_structure import sources

_SPLITS = re.compile(
    r"\bcsv\.(?:reader|DictReader)\(|\bread_(?:csv|fwf)\(|\b(?:gen|load)(?:from)?txt\("
)


def test_tables_are_read_by_one_reader() -> None:
    """Any other would lose rows that this one refuses; its benchmark splits, and keeps nothing."""
    found = {str(p.relative_to(ROOT)) for p in sources() if _SPLITS.search(p.read_text())}
    assert found == {"troth/tables/records.py", "experiments/benchmarks/reading.py"}
