"""Tables in text files, as spreadsheets and exports write them.

Read is what needs no guess: a byte order mark, commas, semicolons, bars or tabs, a first line
that names them (``sep=;``), UTF-8 or the Windows code page. Everything else is refused, with
all its lines at once.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from troth.errors import InvalidArgument, NotFound

MOST_FAULTS = 20
"""Faults told one by one."""
_DELIMITERS = {",": "','", ";": "';'", "\t": "tabs", "|": "'|'"}
_NAMED = re.compile(r"sep=([,;\t|])(?:\r\n?|\n)")
"""What spreadsheets write first to be told by others what separates."""
_QUOTED = re.compile(r'"[^"]*"?')
_MARKS = {b"\xef\xbb\xbf": "utf-8-sig", b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


@dataclass(frozen=True, slots=True)
class TextRow:
    """A row of a table.

    Attributes:
        line: of the file, from 1, where the row begins.
        cells: text by column.
    """

    line: int
    cells: dict[str, str]


@dataclass(frozen=True, slots=True)
class TextTable:
    """A table.

    Attributes:
        columns: in order.
        rows: in order, without empty lines.
        notes: what was found out about the file, one sentence each.
    """

    columns: tuple[str, ...]
    rows: list[TextRow]
    notes: tuple[str, ...]


def read_text_table(path: Path) -> TextTable:
    """Read ``path``.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: naming encoding or lines at fault, all of them.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise NotFound(f"{path} cannot be read: {error.strerror}", field="file") from error
    text, notes = _decode(data, path)
    delimiter, named = _delimiter(text)
    if delimiter != ",":
        notes.append(f"separated by {_DELIMITERS[delimiter]}")
    records = _records(text, delimiter, path)
    if named:
        next(records)
    _, names = next(records, (1, []))
    columns = tuple(name.strip() for name in names)
    _check_columns(columns, path)
    rows, faults, broken = [], [], 0
    for line, cells in records:
        if len(cells) != len(columns):
            faults.append(f"line {line}: {len(cells)} values where the header has {len(columns)}")
            continue
        broken += any("\n" in cell or "\r" in cell for cell in cells)
        rows.append(TextRow(line, dict(zip(columns, cells, strict=True))))
    if faults:
        raise InvalidArgument(f"{path}: {listed(faults)}", field="file")
    if broken:
        notes.append(f"{broken} rows have a line break in a cell")
    return TextTable(columns, rows, tuple(notes))


def listed(faults: Sequence[str]) -> str:
    """Faults in one line, the first few of them in full."""
    more = len(faults) - MOST_FAULTS
    return "; ".join(faults[:MOST_FAULTS]) + (f"; and {more} more" if more > 0 else "")


def _decode(data: bytes, path: Path) -> tuple[str, list[str]]:
    notes: list[str] = []
    encoding = next((e for mark, e in _MARKS.items() if data.startswith(mark)), "utf-8")
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError as error:
        if encoding != "utf-8":
            raise InvalidArgument(f"{path} is not {encoding}: {error}", field="file") from error
        try:
            text = data.decode("cp1252")
        except UnicodeDecodeError as again:
            line = data[: again.start].count(b"\n") + 1
            raise InvalidArgument(
                f"{path} is encoded neither in UTF-8 nor in Windows-1252:"
                f" byte 0x{data[again.start]:02x} in line {line}",
                field="file",
            ) from again
        notes.append("encoded in Windows-1252")
    if "\0" in text:
        raise InvalidArgument(f"{path} is not a text file", field="file")
    return text, notes


def _delimiter(text: str) -> tuple[str, bool]:
    """What separates, and whether a line before the header says so.

    Names in quotes may hold anything, and do not count.
    """
    named = _NAMED.match(text)
    if named is not None:
        return named[1], True
    lines = text.lstrip("\r\n")
    head = _QUOTED.sub("", lines[: next((i for i, c in enumerate(lines) if c in "\r\n"), None)])
    return max(_DELIMITERS, key=head.count), False


def _records(text: str, delimiter: str, path: Path) -> Iterator[tuple[int, list[str]]]:
    """Each record and the line it begins in; empty lines are left out."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    while True:
        line = reader.line_num + 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            what = "a quote is not closed" if "unexpected end" in str(error) else str(error)
            raise InvalidArgument(f"{path}: line {line}: {what}", field="file") from error
        if cells:
            yield line, cells


def _check_columns(columns: tuple[str, ...], path: Path) -> None:
    if not columns:
        raise InvalidArgument(f"{path} is empty", field="file")
    for name, times in Counter(columns).items():
        if not name:
            raise InvalidArgument(f"{path}: a column has no name", field="file")
        if times > 1:
            raise InvalidArgument(f"{path}: column {name!r} is there twice", field=name)
