"""Read the inventory in ``ARCHITECTURE.md``, or bring its module lists up to date.

``python -m tests.architecture.inventory`` rewrites the lists and keeps what the page says of
each folder; a new folder gets a row without words, to be filled in by hand.
"""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "ARCHITECTURE.md"
PACKAGES = ("troth", "simulator", "envs", "agents", "serving", "experiments")
HEADER = "| folder | what | modules |\n|---|---|---|\n"

_ROW = re.compile(r"^\| `([a-z0-9_/]+)/` \| ([^|]*) \| ([^|]*) \|$", re.MULTILINE)


def told(text: str) -> dict[str, set[str]]:
    """Folder to module names, as the page lists them."""
    return {folder: set(re.findall(r"`(\w+)`", names)) for folder, _, names in _ROW.findall(text)}


def words(text: str) -> dict[str, str]:
    """Folder to what the page says of it."""
    return {folder: what.strip() for folder, what, _ in _ROW.findall(text)}


def found() -> dict[str, set[str]]:
    """Folder to module names, as the folders hold them; generated code left out."""
    modules: dict[str, set[str]] = {}
    for package in PACKAGES:
        for path in sorted((ROOT / package).rglob("*.py")):
            if path.name in {"__init__.py", "__main__.py"} or path.parent == ROOT / "troth" / "v1":
                continue
            modules.setdefault(str(path.parent.relative_to(ROOT)), set()).add(path.stem)
    return modules


def main() -> None:
    """Rewrite the table."""
    text = PAGE.read_text()
    said = words(text)
    rows = (
        f"| `{folder}/` | {said.get(folder, '')} | {' '.join(f'`{n}`' for n in sorted(names))} |"
        for folder, names in sorted(found().items())
    )
    PAGE.write_text(text.split(HEADER)[0] + HEADER + "\n".join(rows) + "\n")


if __name__ == "__main__":
    main()
