"""Records of a text file, and the lines they begin in."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import TYPE_CHECKING

from troth.tables.dialect import BLANKS

if TYPE_CHECKING:
    from _csv import Reader

_ROWS = 1 << 9
"""In a chunk: few enough to stay in the processor's cache, and not to wake the collector."""


@dataclass(slots=True)
class Chunk:
    """Some records on end, without blank lines.

    Attributes:
        rows: the cells of each.
        lines: where each begins, from 1.
        ends: of those that go over several lines, by position in ``rows``, where they end.
        faults: lines of records that cannot be read, and why.
    """

    rows: list[list[str]] = field(default_factory=list)
    lines: list[int] = field(default_factory=list)
    ends: dict[int, int] = field(default_factory=dict)
    faults: list[tuple[int, str]] = field(default_factory=list)


def chunks(stream: Iterator[str], delimiter: str, begun: int) -> Iterator[Chunk]:
    """All records of ``stream``, whose first line is line ``begun`` of its file.

    A record that cannot be read ends with the line in which that shows.
    """
    if delimiter == BLANKS:
        numbered = enumerate(stream, start=begun)
        while some := list(islice(numbered, _ROWS)):
            split = [(line, cells) for line, text in some if (cells := text.split())]
            yield Chunk([cells for _, cells in split], [line for line, _ in split])
        return
    reader = csv.reader(stream, delimiter=delimiter, strict=True)
    before = begun - 1  # lines that the reader does not see
    while True:
        chunk = Chunk()
        ended = _fill(chunk, reader, before)
        yield chunk
        if ended:
            return


def _fill(chunk: Chunk, reader: Reader, before: int) -> bool:
    """Add records to ``chunk`` until it is full; whether there are no more."""
    rows, lines = chunk.rows, chunk.lines
    last = reader.line_num
    while len(rows) < _ROWS:
        try:
            for cells in reader:
                end = reader.line_num
                if cells:
                    if end > last + 1:
                        chunk.ends[len(rows)] = end + before
                    rows.append(cells)
                    lines.append(last + 1 + before)
                last = end
                if len(rows) == _ROWS:
                    break
            else:
                return True
        except csv.Error as error:
            what = _explained(str(error), reader.line_num + before)
            chunk.faults.append((last + 1 + before, what))
            last = reader.line_num
    return False


def _explained(error: str, end: int) -> str:
    if "unexpected end" in error:
        return "a quote is not closed"
    if "field limit" in error:
        return (
            f"a cell is longer than {csv.field_size_limit():,} characters: is a quote not closed?"
        )
    return f"{error}, in line {end}: is a quote not closed?"
