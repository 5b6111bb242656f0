"""Text files to one table: records with the lines they begin in, columns of text, faults."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import chain, islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.tables.dialect import CALLED, Dialect
from troth.tables.encoding import TextFile, text_file
from troth.tables.faults import MOST_KEPT, Fault, Faults
from troth.tables.records import Chunk, chunks
from troth.tables.table import Column, Places, Table

FEW = 64
"""Different values up to which a column that nobody asked for is kept."""
_NAMED = re.compile(r"sep=(\t|[^\w\s\"])(?:\r\n?|\n)?")
"""What spreadsheets write first to be told by others what separates."""
_TITLES = 20
"""Lines below the first one in which a header is looked for."""
_QUOTED = re.compile(r'"[^"]*"?')
_LINE = re.compile(r"\r\n?|\n")

Choose = Callable[[str, tuple[str, ...]], Collection[str]]
"""The columns wanted, given the file and those that are there."""


def read_table(
    paths: Path | Sequence[Path],
    dialect: Dialect | None = None,
    columns: Collection[str] | Choose | None = None,
) -> Table:
    """Read one file, or several of the same columns one below the other.

    Args:
        paths: text with a header, packed by gzip or not.
        dialect: what is known of how all of them are written.
        columns: those to read, or what chooses them, and may raise; by default all.

    Raises:
        NotFound: if a file is not there.
        InvalidArgument: if a file is no text; for columns without a row, missing, or there twice,
            or other in one file than in another; and, when the table is first used, for all rows
            at fault.
    """
    files = [paths] if isinstance(paths, Path) else list(paths)
    dialect = dialect or Dialect()
    parts: list[_Part] = []
    for at, path in enumerate(files):
        parts.append(_Part.read(at, text_file(path, dialect.encoding), dialect, columns))
        if set(parts[at].header) != set(parts[0].header):
            odd = ", ".join(sorted(set(parts[at].header) ^ set(parts[0].header)))
            raise InvalidArgument(f"has other columns than {files[0]}: {odd}", field=str(path))
    return _joined(parts, dialect)


class _Texts:
    """A column while it grows; beyond ``most`` different texts, where that is given, it ends."""

    def __init__(self, most: int | None) -> None:
        self.codes: defaultdict[str, int] = defaultdict()
        self.codes.default_factory = self.codes.__len__
        self.most, self.ended = most, False
        self.parts: list[NDArray[np.int32]] = []

    def add(self, cells: Sequence[str]) -> None:
        if self.ended:
            return
        found = map(self.codes.__getitem__, cells)
        self.parts.append(np.fromiter(found, dtype=np.int32, count=len(cells)))
        if self.most is not None and len(self.codes) > self.most:
            self.codes.clear()
            self.parts.clear()
            self.ended = True

    def column(self) -> Column:
        codes = np.concatenate(self.parts) if self.parts else np.zeros(0, dtype=np.int32)
        return Column(tuple(self.codes), codes)


@dataclass
class _Part:
    """One file; ``cells`` are the header as it is written."""

    at: int
    path: Path
    cells: list[str] = field(default_factory=list)
    header: tuple[str, ...] = ()
    delimiter: str = ","
    wanted: dict[str, Column] = field(default_factory=dict)
    others: dict[str, Column] = field(default_factory=dict)
    lines: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, dtype=np.int64))
    notes: list[str] = field(default_factory=list)
    broken: list[int] = field(default_factory=list)
    empty: list[int] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)

    @classmethod
    def read(
        cls, at: int, file: TextFile, dialect: Dialect, columns: Collection[str] | Choose | None
    ) -> _Part:
        part = cls(at, file.path)
        if file.guessed:
            part.notes.append("encoded in Windows-1252")
        with file.open() as stream:
            line, named, head = _head(stream)
            if not head:
                raise InvalidArgument("is empty", field=str(part.path))
            try:
                part.delimiter = dialect.delimiter or named or _separator(head, part.path)
                records = chunks(chain((head,), stream), part.delimiter, line)
                first = next(records)
                wanted = part._begin(first, columns)
            except InvalidArgument as error:
                below = part._header_below(line, file, dialect, columns)
                if below is None:
                    raise
                raise InvalidArgument(
                    f"does not begin with its header: line {below} looks like the header: remove "
                    "what stands above it",
                    field=f"{part.path}:{line}",
                ) from error
            if part.delimiter != "," and dialect.delimiter is None:
                called = CALLED.get(part.delimiter, repr(part.delimiter))
                part.notes.append(f"separated by {called}")
            part._fill(chain((first,), records), wanted)
        return part

    def _begin(self, first: Chunk, columns: Collection[str] | Choose | None) -> set[str]:
        """Take the header off the first records; the columns wanted."""
        line, self.cells = self._header(first)
        self.header = tuple(name.strip() for name in self.cells)
        return self._wanted(line, columns)

    def _header_below(
        self,
        line: int,
        file: TextFile,
        dialect: Dialect,
        columns: Collection[str] | Choose | None,
    ) -> int | None:
        """The line below ``line``, which is no header, that looks like one; ``None`` if none does.

        Spreadsheets export titles that stand above their tables.
        """
        if columns is None:
            return None
        with file.open() as stream:
            for below, text in islice(enumerate(stream, start=1), line, line + _TITLES):
                try:
                    sign = dialect.delimiter or _separator(text, self.path)
                    found = next(chunks(iter((text,)), sign, below))
                    _Part(self.at, self.path)._begin(found, columns)
                except (InvalidArgument, IndexError):
                    continue
                return below
        return None

    def _fill(self, records: Iterator[Chunk], wanted: Collection[str]) -> None:
        header = self.cells
        named = [
            (at, _Texts(None if name in wanted else FEW))
            for at, name in enumerate(self.header)
            if name
        ]
        lines: list[NDArray[np.int64]] = []
        for chunk in records:
            for fault in chunk.faults:
                self._fault(*fault)
            if not _is_plain(chunk, header):
                self._check(chunk, header)
            if chunk.rows:
                cells = list(zip(*chunk.rows, strict=True))
                for at, column in named:
                    column.add(cells[at])
                lines.append(np.array(chunk.lines, dtype=np.int64))
        for at, column in named:
            if not column.ended:
                kept = self.wanted if self.header[at] in wanted else self.others
                kept[self.header[at]] = column.column()
        if lines:
            self.lines = np.concatenate(lines)
        self._tell()

    def _header(self, first: Chunk) -> tuple[int, list[str]]:
        """Take the header, and its line, off the first records."""
        if not first.rows or (first.faults and first.faults[0][0] < first.lines[0]):
            self._fault(*first.faults[0])
            self.faults.refuse()
        first.ends = {at - 1: end for at, end in first.ends.items() if at}
        return first.lines.pop(0), first.rows.pop(0)

    def _tell(self) -> None:
        """Note what was left out or is odd."""
        for where, what in (
            (self.broken, "rows with a line break in a cell"),
            (self.empty, "rows without a value, not read"),
        ):
            if where:
                self.notes.append(f"{what}: {len(where):,}, the first in line {where[0]}")
        if "" in self.header:
            self.notes.append("a column without a name is not read")
        if not len(self.lines) and not self.faults:
            raise InvalidArgument("has no rows below the header", field=str(self.path))

    def _wanted(self, line: int, columns: Collection[str] | Choose | None) -> set[str]:
        if callable(columns):
            columns = columns(str(self.path), self.header)
        wanted = set(self.header if columns is None else columns) - {""}
        times = Counter(self.header)
        where = f"{self.path}:{line}"
        for name in sorted(wanted):
            if not times[name]:
                raise InvalidArgument(
                    f"column {name!r} is missing; found {', '.join(self.header)}", field=where
                )
            if times[name] > 1:
                raise InvalidArgument(
                    f"column {name!r} is there {times[name]} times, must be there once",
                    field=where,
                )
        return wanted

    def _check(self, chunk: Chunk, header: list[str]) -> None:
        """Keep the rows with as many cells as the header; of others, faults or counts."""
        width = len(header)
        kept = []
        for at, (line, cells) in enumerate(zip(chunk.lines, chunk.rows, strict=True)):
            if width > 1 and not any(map(str.strip, cells)):
                self.empty.append(line)
            elif len(cells) != width:
                self._fault(line, f"{len(cells)} values, where the header has {width}")
            elif cells == header:
                self._fault(line, "repeats the header")
            elif at in chunk.ends and _holds_rows(cells, self.delimiter):
                end = chunk.ends[at]
                what = f"a cell holds what look like rows, up to line {end}: is a quote not closed?"
                self._fault(line, what)
            else:
                if at in chunk.ends:
                    self.broken.append(line)
                kept.append(at)
        chunk.rows = [chunk.rows[at] for at in kept]
        chunk.lines = [chunk.lines[at] for at in kept]

    def _fault(self, line: int, what: str) -> None:
        kept = len(self.faults.found) < MOST_KEPT
        fault = Fault(self.at, line, f"{self.path}:{line}", what)
        self.faults.add([fault] if kept else [], 0 if kept else 1)


def _is_plain(chunk: Chunk, header: list[str]) -> bool:
    """Whether no row of ``chunk`` needs a look of its own: almost always, and much faster."""
    return (
        not chunk.ends
        and set(map(len, chunk.rows)) == {len(header)}
        and header not in chunk.rows
        and all(cells[0].strip() for cells in chunk.rows)
    )


def _head(stream: Iterator[str]) -> tuple[int, str, str]:
    """The first line that is not blank, its number, and the delimiter that one before it names."""
    named = ""
    for line, text in enumerate(stream, start=1):
        if not named and (found := _NAMED.fullmatch(text)) is not None:
            named = found[1]
        elif text.strip():
            return line, named, text
    return 1, named, ""


def _separator(line: str, path: Path) -> str:
    """What separates the names of the header.

    Names in quotes may hold anything, and do not count.
    """
    bare = _QUOTED.sub("", line)
    counts = {sign: bare.count(sign) for sign in CALLED}
    most = max(counts.values())
    likely = [sign for sign, count in counts.items() if count == most]
    if most > 0 and len(likely) > 1:
        raise InvalidArgument(
            f"may be separated by {' or '.join(CALLED[sign] for sign in likely)}: say the "
            "delimiter (--delimiter)",
            field=str(path),
        )
    return likely[0]


def _holds_rows(cells: Sequence[str], delimiter: str) -> bool:
    """Whether a cell seems to go from a column of one row to the same column of another.

    Then it has as many delimiters as rows, or a whole row stands in one of its lines; of what
    people write in several lines, little has.
    """
    most = len(cells) - 1
    if most < 2:
        return False
    for cell in cells:
        lines = _LINE.split(cell)
        signs = [line.count(delimiter) for line in lines]
        if len(lines) > 1 and (most in signs or sum(signs) == most * (len(lines) - 1)):
            return True
    return False


def _joined(parts: Sequence[_Part], dialect: Dialect) -> Table:
    faults = Faults()
    for part in parts:
        faults.add(part.faults.found, part.faults.more)
    names = [str(part.path) for part in parts]
    several = len(parts) > 1
    return Table(
        header=parts[0].header,
        columns={name: _stacked([p.wanted[name] for p in parts]) for name in parts[0].wanted},
        others={
            name: _stacked([part.others[name] for part in parts])
            for name in parts[0].others
            if all(name in part.others for part in parts)
        },
        places=Places(
            tuple(names),
            np.repeat(np.arange(len(parts), dtype=np.int32), [len(part.lines) for part in parts]),
            np.concatenate([part.lines for part in parts]),
        ),
        dialect=dialect,
        points=tuple(part.delimiter == "," for part in parts),
        notes=[
            f"{part.path}: {note}" if several else note for part in parts for note in part.notes
        ],
        faults=faults,
    )


def _stacked(columns: Sequence[Column]) -> Column:
    """One column of all, each distinct text kept once."""
    if len(columns) == 1:
        return columns[0]
    together = _Texts(None)
    codes = []
    for column in columns:
        at = np.fromiter(map(together.codes.__getitem__, column.texts), np.int32, len(column.texts))
        codes.append(at[column.codes])
    return Column(tuple(together.codes), np.concatenate(codes))
