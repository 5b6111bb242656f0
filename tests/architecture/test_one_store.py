"""SQL is written in one place, and a database driver used in one place."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

from tests.architecture.inventory import ROOT
from tests.architecture.test_structure import imported, sources

STORAGE = ROOT / "serving" / "storage"
DRIVERS = {"sqlite3", "sqlalchemy", "alembic", "psycopg"}
_SQL = re.compile(
    r"\b(?:SELECT\s.+?\sFROM|INSERT\s+(?:OR\s+\w+\s+)?INTO|UPDATE\s+\w+\s+SET|DELETE\s+FROM"
    r"|(?:CREATE|DROP|ALTER)\s+(?:UNIQUE\s+)?(?:TABLE|INDEX|TRIGGER|VIEW)"
    r"|BEGIN\s+IMMEDIATE|PRAGMA\s+\w+)\b",
    re.DOTALL,
)


def texts(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """Line and text of every string, its parts of an f-string together; docstrings too."""
    inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr)
              for part in node.values}  # fmt: skip
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            parts = (part.value if isinstance(part, ast.Constant) else "x" for part in node.values)
            yield node.lineno, "".join(str(part) for part in parts)
        elif (
            isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in inside
        ):
            yield node.lineno, node.value


def elsewhere() -> Iterator[Path]:
    """Our modules outside the storage."""
    return (path for path in sources() if STORAGE not in path.parents)


def test_sql_is_in_the_storage() -> None:
    """Whoever needs rows asks a repository; strange calls name customers as an attacker would."""
    found = {
        str(path.relative_to(ROOT))
        for path in elsewhere()
        for _, text in texts(ast.parse(path.read_text()))
        if _SQL.search(text)
    }
    assert found == {"experiments/proofs/strange.py"}


def test_drivers_are_in_the_storage() -> None:
    """What a driver raises is an error of ours by the time anybody else sees it."""
    found = {
        f"{path.relative_to(ROOT)}: {name}"
        for path in elsewhere()
        for name in DRIVERS & set(imported(ast.parse(path.read_text())))
    }
    assert found == set()


def test_sql_would_be_seen() -> None:
    """In plain strings, joined ones and formatted ones; words of English are not taken for it."""
    code = '''
a = "SELECT seq FROM audit"
b = f"DELETE FROM {table}"
c = ("INSERT OR IGNORE INTO x" " VALUES (1)")
d = "UPDATE generations SET generation = 1"
e = "PRAGMA journal_mode=WAL"
f = """Select whom to contact from a list; update it, and set the table."""
'''
    assert [line for line, text in texts(ast.parse(code)) if _SQL.search(text)] == [2, 3, 4, 5, 6]


def test_the_storage_has_what_is_looked_for() -> None:
    """The patterns find the SQL and the drivers that there are."""
    inside = [path for path in sources() if STORAGE in path.parents]
    assert {name for path in inside for name in imported(ast.parse(path.read_text()))} >= DRIVERS
    assert any(
        _SQL.search(text) for path in inside for _, text in texts(ast.parse(path.read_text()))
    )
