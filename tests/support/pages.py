"""Pages of the documentation as their tests read them: blocks of code, and tables."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
_BLOCK = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A block of code.

    Attributes:
        language: as the page names it; empty if it does not.
        code: what is in it.
        line: of the page, the first of its code.
    """

    language: str
    code: str
    line: int


def blocks(page: Path, *languages: str) -> list[Block]:
    """The blocks of ``page`` in these languages, all of them if none is named."""
    text = page.read_text(encoding="utf-8")
    return [
        Block(found[1], found[2], text[: found.start()].count("\n") + 2)
        for found in _BLOCK.finditer(text)
        if not languages or found[1] in languages
    ]


def troth_commands(page: Path) -> Iterator[list[str]]:
    """The words of each ``troth ...`` that a shell block of ``page`` shows."""
    for block in blocks(page, "sh", ""):
        for line in block.code.replace("\\\n", " ").splitlines():
            words = shlex.split(line, comments=True)
            if words and words[0] == "troth":
                yield words[1:]


def table(page: Path, header: str) -> list[list[str]]:
    """The rows of the table whose header line begins so; cells as they are written."""
    text = page.read_text(encoding="utf-8")
    _, _, rest = text.partition(f"\n| {header} |")
    assert rest, f"{page.name} has no table | {header} |"
    lines = rest.split("\n\n")[0].splitlines()[2:]
    return [[cell.strip() for cell in line.strip().strip("|").split("|")] for line in lines]
