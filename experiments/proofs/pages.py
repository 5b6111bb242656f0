"""How a proof is written down: figures as JSON, and a page that says what they show."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from pydantic import BaseModel

from troth.files import write_text

COMMAND = "make prove"


def write(
    name: str,
    figures: BaseModel | Sequence[BaseModel],
    folder: Path,
    *,
    title: str,
    text: str,
    columns: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> Path:
    """Write ``{name}.json`` and ``{name}.md`` into ``folder``; returns the latter.

    Args:
        name: of the proof.
        figures: what was found.
        folder: made if need be.
        title: of the page.
        text: what was done, after the command.
        columns: of the page's table.
        rows: likewise.
    """
    plain = (
        figures.model_dump(mode="json")
        if isinstance(figures, BaseModel)
        else [row.model_dump(mode="json") for row in figures]
    )
    data = json.dumps(plain, indent=1, allow_nan=False)
    write_text(folder / f"{name}.json", data + "\n")
    lines = [
        f"# {title}",
        "",
        f"`{COMMAND}`: {text}",
        "",
        f"| {' | '.join(columns)} |",
        "|---" * len(columns) + "|",
        *(f"| {' | '.join(str(value) for value in row)} |" for row in rows),
    ]
    page = folder / f"{name}.md"
    write_text(page, "\n".join(lines) + "\n")
    return page
