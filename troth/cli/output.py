"""How commands speak: tables for people, JSON for programs, progress on stderr.

What is printed may hold words of others: a reason, a name, an error that quotes them. So no
text is read as markup here, and what could steer a terminal is made visible.
"""

from __future__ import annotations

import json
import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any

import typer
from rich.cells import cell_len
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)
from rich.table import Table
from rich.text import Text

from troth.text import visible

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

LINE_EVERY_S = 5.0
"""How often a task that goes on gets a line where there is no terminal."""

_PAIR = 2
"""A table of two columns, name and value, is folded however narrow the terminal."""
_WORD = 40
"""Longer words, such as digests, may be folded too."""

_stdout = Console()
_stderr = Console(stderr=True)


def emit(data: Any) -> None:
    """Print ``data`` as one JSON document on stdout."""
    typer.echo(json.dumps(data, indent=2, sort_keys=False, default=str, allow_nan=False))


def say(text: str, *, style: str = "") -> None:
    """Print a line for people on stdout; ``style`` is rich's, for all of it."""
    _stdout.print(Text(visible(text), style))


def note(text: str, *, style: str = "") -> None:
    """Print a line for people on stderr, so that ``--json`` output stays clean."""
    _stderr.print(Text(visible(text), style))


def say_lines(text: str) -> None:
    """Print a text of ours that has several lines, such as a page."""
    for line in text.splitlines():
        say(line)


def show_table(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Print a table; numbers are right-aligned, floats get four decimals.

    A narrow terminal folds cells rather than cutting them: names that begin alike stay apart.
    Where words would be torn in many short pieces, each row becomes lines of name and value.
    """
    cells = [[_cell(value) for value in row] for row in rows]
    headed = [[visible(name), *column] for name, *column in zip(columns, *cells, strict=True)]
    unbroken = [
        min(_WORD, max(cell_len(word) for text in column for word in text.split() or [""]))
        for column in headed
    ]
    # Names first: they stay in one piece up to half of the terminal.
    names = max(map(cell_len, headed[0]))
    if names <= _stdout.width // 2:
        unbroken[0] = names
    rules = 3 * len(columns) + 1
    if rows and len(columns) > _PAIR and sum(unbroken) + rules > _stdout.width:
        _show_records(title, columns, cells)
        return
    table = Table(title=Text(visible(title), "table.title"), title_justify="left")
    for at, name in enumerate(columns):
        numeric = bool(rows) and all(isinstance(row[at], int | float) for row in rows)
        table.add_column(
            Text(visible(name)),
            justify="right" if numeric else "left",
            overflow="fold",
            width=names if at == 0 and 0 < names <= _stdout.width // 2 else None,
        )
    for row in cells:
        table.add_row(*map(Text, row))
    _stdout.print(table)


def _show_records(title: str, columns: Sequence[str], cells: Sequence[Sequence[str]]) -> None:
    """The rows of a table one below the other; what is empty is left out."""
    say(title, style="table.title")
    for row in cells:
        _stdout.print(
            _grid([(name, text) for name, text in zip(columns, row, strict=True) if text])
        )
        _stdout.print()


def _grid(lines: Sequence[tuple[str, str]]) -> Table:
    grid = Table.grid(padding=(0, 2, 0, 0))
    grid.add_column(no_wrap=True, style="bold")
    grid.add_column(overflow="fold")
    for what, text in lines:
        grid.add_row(Text(visible(what)), Text(visible(text)))
    return grid


def show_mapping(title: str, values: Mapping[str, object]) -> None:
    """Print names and values, one per line."""
    show_table(title, ("name", "value"), [(k, _cell(v)) for k, v in values.items()])


def show_lines(title: str, lines: Sequence[tuple[str, str]]) -> None:
    """Print sentences for people, each beside a word for what it is about."""
    say(title, style="bold")
    _stdout.print(_grid(lines))


def _cell(value: object) -> str:
    return f"{value:,.4f}" if isinstance(value, float) else visible(str(value))


def _count(value: float) -> str:
    """A count in full: 1,600,000 and not 1.6e+06."""
    return f"{value:,.0f}" if float(value).is_integer() else f"{value:,.1f}"


class _Lines(Progress):
    """Progress for logs and pipes: a line when a task begins, every few seconds, at its end."""

    def __init__(self) -> None:
        super().__init__(console=_stderr, disable=True)
        self._said: dict[TaskID, tuple[float, bool]] = {}

    def add_task(self, *args: Any, **kwargs: Any) -> TaskID:
        """See :class:`rich.progress.Progress`."""
        task_id = super().add_task(*args, **kwargs)
        self._say(task_id)
        return task_id

    def update(self, task_id: TaskID, *args: Any, **kwargs: Any) -> None:
        """See :class:`rich.progress.Progress`."""
        super().update(task_id, *args, **kwargs)
        self._say(task_id)

    def advance(self, task_id: TaskID, advance: float = 1) -> None:
        """See :class:`rich.progress.Progress`."""
        super().advance(task_id, advance)
        self._say(task_id)

    def _say(self, task_id: TaskID) -> None:
        task = self._tasks[task_id]
        at, ended = self._said.get(task_id, (-math.inf, False))
        now = time.monotonic()
        if ended or (now - at < LINE_EVERY_S and not task.finished):
            return
        self._said[task_id] = (now, task.finished)
        left = "" if task.time_remaining is None else f", {task.time_remaining:.0f} s left"
        took = f"{task.elapsed or 0.0:.0f} s{'' if task.finished else left}"
        counted = "" if task.total is None else f" {_count(task.completed)}/{_count(task.total)},"
        note(f"{task.description}:{counted} {took}")


@contextmanager
def progress() -> Iterator[Progress]:
    """Progress on stderr with elapsed and remaining time: bars on a terminal, else lines."""
    if not _stderr.is_terminal:
        with _Lines() as lines:
            yield lines
        return
    with Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
        console=_stderr,
    ) as bars:
        yield bars
