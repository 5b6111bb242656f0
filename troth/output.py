"""How commands speak: tables for people, JSON for programs, progress on stderr."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

_stdout = Console()
_stderr = Console(stderr=True)


def emit(data: Any) -> None:
    """Print ``data`` as one JSON document on stdout."""
    typer.echo(json.dumps(data, indent=2, sort_keys=False, default=str, allow_nan=False))


def say(text: str) -> None:
    """Print a line for people on stdout; rich markup is honoured."""
    _stdout.print(text, highlight=False)


def note(text: str) -> None:
    """Print a line for people on stderr, so that ``--json`` output stays clean."""
    _stderr.print(text, highlight=False)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are right-aligned, floats get four significant decimals."""
    table = Table(title=title, title_justify="left")
    for at, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[at], int | float) for row in rows)
        table.add_column(name, justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(_cell(value) for value in row))
    _stdout.print(table)


def show_mapping(title: str, values: Mapping[str, object]) -> None:
    """Print names and values, one per line."""
    show_table(title, ("name", "value"), [(k, _cell(v)) for k, v in values.items()])


def _cell(value: object) -> str:
    return f"{value:,.4f}" if isinstance(value, float) else str(value)


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress bars on stderr with elapsed and remaining time."""
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=_stderr,
    ) as bars:
        yield bars
