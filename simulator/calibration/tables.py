"""Reading a delimited text file with every value checked, and errors that point at the cell."""

from __future__ import annotations

import csv
import gzip
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument, NotFound


@dataclass(frozen=True, slots=True)
class Table:
    """Columns of text with the line each row came from.

    Attributes:
        path: the file.
        columns: name -> (n,) text, only the columns asked for.
        lines: int64 (n,), the 1-based line of each row.
    """

    path: Path
    columns: dict[str, NDArray[np.str_]]
    lines: NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.lines)

    def numbers(self, name: str, low: float, high: float) -> NDArray[np.float64]:
        """Column ``name`` as float64 (n,), each value finite and in [low, high].

        Raises:
            InvalidArgument: at the first value that is not, naming file, line and column.
        """
        values = self._parsed(name)
        bad = ~((values >= low) & (values <= high))  # NaN fails both comparisons
        self.refuse(bad, name, f"is not a number in [{low:g}, {high:g}]")
        return values

    def integers(self, name: str, low: int, high: int) -> NDArray[np.int64]:
        """Column ``name`` as int64 (n,), each a whole number in [low, high].

        Raises:
            InvalidArgument: at the first value that is not, naming file, line and column.
        """
        values = self._parsed(name)
        bad = ~((values >= low) & (values <= high)) | (values != np.rint(values))
        self.refuse(bad, name, f"is not a whole number in [{low}, {high}]")
        return values.astype(np.int64)

    def choices(self, name: str, allowed: Sequence[str]) -> NDArray[np.int64]:
        """Column ``name`` as int64 (n,) positions in ``allowed``.

        Raises:
            InvalidArgument: at the first value not in ``allowed``, naming file, line and column.
        """
        text = self.columns[name]
        positions = np.full(len(text), -1, dtype=np.int64)
        for at, choice in enumerate(allowed):
            positions[text == choice] = at
        self.refuse(positions < 0, name, f"is not one of {', '.join(allowed)}")
        return positions

    def refuse(self, bad: NDArray[np.bool_], name: str, why: str) -> None:
        """Raise at the first row where ``bad`` (n,) holds; do nothing if there is none.

        Raises:
            InvalidArgument: ``FILE:LINE:COLUMN: 'VALUE' WHY``.
        """
        if bad.any():
            at = int(bad.argmax())
            value = str(self.columns[name][at])
            raise InvalidArgument(f"{value!r} {why}", field=f"{self.path}:{self.lines[at]}:{name}")

    def _parsed(self, name: str) -> NDArray[np.float64]:
        """Column ``name`` as float64 (n,), NaN where it is no number."""
        text = self.columns[name]
        try:
            return text.astype(np.float64)
        except ValueError:
            return np.array([_number(cell) for cell in text], dtype=np.float64)


def read_table(path: Path, required: Sequence[str], *, delimiter: str | None = ",") -> Table:
    """Read the ``required`` columns of a text file with a header line; ``.gz`` is unpacked.

    Args:
        path: the file, UTF-8.
        required: names that must be in the header; other columns are left unread.
        delimiter: the separator, or ``None`` for runs of white space.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: for a missing column, a row of another length, no rows, or bytes that
            are not text; the message names file and line.
    """
    if not path.is_file():
        raise NotFound("no such file", field=str(path))
    try:
        rows = list(_rows(path, delimiter))
    except (OSError, EOFError, UnicodeDecodeError, csv.Error) as error:
        raise InvalidArgument(f"not readable as text: {error}", field=str(path)) from error
    if len(rows) < 2:
        raise InvalidArgument("has no rows below the header", field=str(path))
    header_line, header = rows.pop(0)
    for name in required:
        if name not in header:
            raise InvalidArgument(
                f"column {name!r} is missing; found {', '.join(header)}",
                field=f"{path}:{header_line}",
            )
    for line, cells in rows:
        if len(cells) != len(header):
            raise InvalidArgument(
                f"{len(cells)} values, where the header has {len(header)}", field=f"{path}:{line}"
            )
    columns = {
        name: np.array([cells[at] for _, cells in rows], dtype=np.str_)
        for name, at in ((name, header.index(name)) for name in required)
    }
    return Table(path, columns, np.array([line for line, _ in rows], dtype=np.int64))


def _rows(path: Path, delimiter: str | None) -> Iterator[tuple[int, list[str]]]:
    """Each line that is not blank, with its 1-based number, as stripped cells."""
    opener = gzip.open if path.suffix == ".gz" else open
    with opener(path, "rt", encoding="utf-8-sig", newline="") as stream:
        if delimiter is None:
            for line, text in enumerate(stream, start=1):
                if cells := text.split():
                    yield line, cells
            return
        reader = csv.reader(stream, delimiter=delimiter, strict=True)
        for cells in reader:
            if cells:
                yield reader.line_num, [cell.strip() for cell in cells]


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
