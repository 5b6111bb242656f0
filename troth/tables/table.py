"""A table in memory: columns of text that become ids, numbers and days, or faults with lines."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.tables.dates import NONE, dates, moments
from troth.tables.dialect import Dialect
from troth.tables.faults import MOST_KEPT, Fault, Faults
from troth.tables.names import ABSENT, cut, mangled, names
from troth.tables.numbers import SCIENTIFIC, SIGNS, Numbers, numbers
from troth.text import quoted

MIN_CUT = 5
"""Long ids that end in zeros by a spreadsheet's doing, more than half of a file's long ones."""
_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "t"})
_FALSE = frozenset({"0", "0.0", "false", "no", "n", "f"})


@dataclass(frozen=True)
class Column:
    """Text by row, each distinct text kept once: exports say the same things over and over.

    Attributes:
        texts: (k,) distinct, as they stand in the file.
        codes: int32 (n,) positions in ``texts``.
    """

    texts: Sequence[str]
    codes: NDArray[np.int32]

    @cached_property
    def times(self) -> NDArray[np.int64]:
        """How often each text occurs, int64 (k,)."""
        return np.bincount(self.codes, minlength=len(self.texts)).astype(np.int64)

    def text(self, row: int) -> str:
        """The cell of ``row``."""
        return self.texts[int(self.codes[row])]

    def where(self, positions: Collection[int]) -> NDArray[np.int64]:
        """Rows whose text is at one of ``positions``, int64."""
        chosen = np.zeros(len(self.texts), dtype=np.bool_)
        chosen[list(positions)] = True
        return np.flatnonzero(chosen[self.codes])


@dataclass(frozen=True, slots=True)
class Places:
    """Where rows stand.

    Attributes:
        sources: the files.
        source: int32 (n,) positions in ``sources``.
        line: int64 (n,), of the file, from 1, where the row begins.
        word: what messages write before it, where it is no line.
    """

    sources: tuple[str, ...]
    source: NDArray[np.int32]
    line: NDArray[np.int64]
    word: str = ""

    def __call__(self, row: int) -> str:
        """``FILE:LINE`` of ``row``."""
        return f"{self.sources[self.source[row]]}:{self.word}{self.line[row]}"


@dataclass
class Table:
    """Columns, and what is found out about them as they are read.

    What is asked for is checked. A fault is raised at once; or, within :meth:`checking`, at its
    end with all others, and what was handed out stands in for what could not be read.

    Attributes:
        header: the names of all columns, in order.
        columns: those that were wanted, by name.
        others: of the rest those that hold few different values.
        places: where each row stands.
        dialect: what is known of how it is written.
        points: of each file, whether decimal points need no proof: commas separate its values.
        typed: columns that came as numbers, not as text; no decimal sign has to be told of them.
        notes: what was found out, one sentence each.
        warnings: what may be wrong without being a fault, likewise.
        faults: not raised yet.
    """

    header: tuple[str, ...]
    columns: Mapping[str, Column]
    others: Mapping[str, Column]
    places: Places
    dialect: Dialect = field(default_factory=Dialect)
    points: tuple[bool, ...] = (True,)
    typed: Collection[str] = ()
    notes: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    _gathering: bool = False

    def __len__(self) -> int:
        return len(self.places.line)

    @contextmanager
    def checking(self) -> Iterator[None]:
        """Gather faults, and raise them together.

        Raises:
            InvalidArgument: ``FILE:LINE:COLUMN: 'VALUE' WHY``, for each.
        """
        self._gathering = True
        try:
            yield
        except InvalidArgument:
            self.faults.refuse()  # what came of a fault is not the fault
            raise
        finally:
            self._gathering = False
        self.faults.refuse()

    def rows(self) -> Iterator[tuple[int, dict[str, str]]]:
        """Line and cells of each row, for tables that fit into memory many times over."""
        self._settle()
        for row, line in enumerate(self.places.line.tolist()):
            yield line, {name: column.text(row) for name, column in self.columns.items()}

    def numbers(
        self, name: str, low: float, high: float, *, below: str = "", empty: str = ""
    ) -> NDArray[np.float64]:
        """Values as float64 (n,), each finite and in [low, high].

        ``below`` is said of smaller ones, ``empty`` of cells that are.
        """
        column, read = self._numbers(name)
        bad = ~((read.values >= low) & (read.values <= high))
        range_ = f"is not a number in [{low:g}, {high:g}]"
        why = {
            at: range_
            + (below if read.values[at] < low else "" if column.texts[at].strip() else empty)
            for at in np.flatnonzero(bad).tolist()
        }
        self._refuse_texts(name, why | read.why, column)
        if read.commas:
            files = self.places.sources
            named = ", ".join(Path(files[at]).name for at in read.commas)
            where = f" in {named}" if len(read.commas) < len(files) else ""
            self._note(f"{name}: read with {SIGNS[',']}{where}")
        if read.currency:
            self._note(f"{name}: in {read.currency}")
        rounded = [at for at, text in enumerate(column.texts) if SCIENTIFIC.fullmatch(text.strip())]
        self._tell(
            name, rounded, "in scientific notation, maybe rounded by a spreadsheet,", column=column
        )
        return read.values[column.codes]

    def integers(self, name: str, low: int, high: int) -> NDArray[np.int64]:
        """Values as int64 (n,), each a whole number in [low, high]."""
        column, read = self._numbers(name)
        bad = ~((read.values >= low) & (read.values <= high)) | (
            read.values != np.rint(read.values)
        )
        why = f"is not a whole number in [{low}, {high}]"
        whys = dict.fromkeys(np.flatnonzero(bad).tolist(), why) | read.why
        self._refuse_texts(name, whys, column)
        return np.where(bad, low, read.values).astype(np.int64)[column.codes]

    def days(self, name: str, *, missing: bool = False) -> NDArray[np.datetime64]:
        """Values as datetime64[D] (n,), from 1900 to 2100; NaT where missing, if that may be."""
        return self.times(name, missing=missing)[0]

    def times(
        self, name: str, *, missing: bool = False
    ) -> tuple[NDArray[np.datetime64], NDArray[np.int64]]:
        """Values as :meth:`days`, and the microseconds of the day, int64 (n,), 0 without a time."""
        column = self.columns[name]
        values, clock, why = dates(column.texts, self.dialect.day_first)
        if missing:
            for at in [at for at in why if column.texts[at].strip().lower() in NONE]:
                del why[at]
        self._refuse_texts(name, why)
        return values[column.codes], clock[column.codes]

    def moments(self, name: str) -> NDArray[np.datetime64]:
        """Values as datetime64[us] (n,) in UTC, each with its zone."""
        column = self.columns[name]
        values, why = moments(column.texts)
        self._refuse_texts(name, why)
        return values[column.codes]

    def labels(self, name: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """Names (k,) in order, none missing, and each row's position in them, int64 (n,)."""
        column = self.columns[name]
        read = names(column.texts)
        self._refuse_texts(name, read.why)
        self._tell(name, read.trimmed, "blanks around names left out", warn=False)
        self._tell(name, read.rounded, "rounded by a spreadsheet, so that several may be one,")
        distinct = sorted(set(read.names))
        place = {name: at for at, name in enumerate(distinct)}
        at = np.fromiter(map(place.__getitem__, read.names), np.int64, len(read.names))
        floats = set(read.floats)
        whole = {name for at, name in enumerate(read.names) if at not in floats}
        both = [at for at in read.floats if read.names[at] in whole]
        self._tell(name, both, "taken for the whole number that others have", warn=False)
        return np.array(distinct, dtype=np.str_), at[column.codes]

    def ids(self, name: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """As :meth:`labels`, of who or what has one: none stands for a missing value.

        Warned of are ids that may be others', as something took zeros or digits off them.
        """
        column = self.columns[name]
        absent = [at for at, text in enumerate(column.texts) if text.strip().lower() in ABSENT]
        why = dict.fromkeys(absent, "stands for a missing value, where an id is needed")
        self._refuse_texts(name, {at: said for at, said in why.items() if column.texts[at].strip()})
        found, at = self.labels(name)
        if others := mangled(found.tolist()):
            one, other = next(iter(others.items()))
            what = f"{len(others):,} ids are others' but for zeros in front, capitals or blanks, "
            rows = np.flatnonzero(np.isin(found, list(others))[at])
            what += f"such as {quoted(one)} for {quoted(other)},"
            self._note(f"{name}: {what} in {self.told(name, rows)}", warn=True)
        column, files = self._by_file(name)
        long, zeros = cut(column.texts)
        of, ended = (np.bincount(files[some], minlength=len(self.points)) for some in (long, zeros))
        odd = (ended >= MIN_CUT) & (2 * ended > of)
        self._tell(
            name,
            [at for at in zeros if odd[files[at]]],
            "cut to fifteen digits by a spreadsheet, so that several may be one,",
            column=column,
        )
        return found, at

    def texts(self, name: str) -> NDArray[np.str_]:
        """Names by row (n,), none missing; see :meth:`labels`."""
        distinct, at = self.labels(name)
        return distinct[at]

    def choices(self, name: str, allowed: Sequence[str]) -> NDArray[np.int64]:
        """Values as int64 (n,) positions in ``allowed``."""
        column = self.columns[name]
        places = {text: at for at, text in enumerate(allowed)}
        found = [places.get(text.strip(), -1) for text in column.texts]
        why = f"is not one of {', '.join(allowed)}"
        self._refuse_texts(name, {at: why for at, place in enumerate(found) if place < 0})
        return np.array(found, dtype=np.int64)[column.codes]

    def flags(self, name: str) -> NDArray[np.bool_]:
        """Values as bool (n,), from 0/1, true/false, yes/no."""
        column = self.columns[name]
        told = [text.strip().lower() for text in column.texts]
        why = "is not one of 0, 1, true, false, yes, no"
        bad = {at: why for at, text in enumerate(told) if text not in _TRUE and text not in _FALSE}
        self._refuse_texts(name, bad)
        return np.array([text in _TRUE for text in told], dtype=np.bool_)[column.codes]

    def refuse(self, bad: NDArray[np.bool_], name: str, why: str) -> None:
        """Refuse the rows where ``bad`` (n,) holds, for what stands in column ``name``.

        Raises:
            InvalidArgument: ``FILE:LINE:COLUMN: 'VALUE' WHY``, for each.
        """
        rows = np.flatnonzero(bad)
        self._add(rows, name, lambda _row: why)
        self._settle()

    def told(self, name: str, rows: NDArray[np.int64]) -> str:
        """How many ``rows`` these are, and which is the first."""
        first = int(rows[0])
        places = f"{self.places(first)}:{name}: {quoted(self._column(name).text(first))}"
        return f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'} ({places})"

    def _numbers(self, name: str) -> tuple[Column, Numbers]:
        """The column, each text kept once in each file, and what its texts are as numbers."""
        column, files = self._by_file(name)
        typed = name in self.typed
        read = numbers(
            column.texts,
            column.times,
            "." if typed else self.dialect.decimal,
            points=self.points,
            files=files,
        )
        return column, read

    def _by_file(self, name: str) -> tuple[Column, NDArray[np.int64]]:
        """The column with each text kept once in each file, and the files of its texts."""
        column = self.columns[name]
        if len(self.places.sources) == 1:
            return column, np.zeros(len(column.texts), dtype=np.int64)
        key = self.places.source * np.int64(len(column.texts)) + column.codes
        there = np.zeros(len(self.places.sources) * len(column.texts), dtype=np.bool_)
        there[key] = True
        files, at = np.divmod(np.flatnonzero(there), len(column.texts))
        codes = (np.cumsum(there) - 1)[key].astype(np.int32)
        return Column([column.texts[place] for place in at.tolist()], codes), files

    def _refuse_texts(
        self, name: str, why: Mapping[int, str], column: Column | None = None
    ) -> None:
        """Refuse the rows whose text of column ``name`` has a reason in ``why``."""
        if why:
            column = column or self.columns[name]
            codes = column.codes
            self._add(column.where(why), name, lambda row: why[int(codes[row])])
        self._settle()

    def _add(self, rows: NDArray[np.int64], name: str, why: Callable[[int], str]) -> None:
        column, places = self._column(name), self.places
        self.faults.add(
            [
                Fault(
                    int(places.source[row]),
                    int(places.line[row]),
                    f"{places(row)}:{name}",
                    f"{quoted(column.text(row))} {why(row)}",
                )
                for row in rows[:MOST_KEPT].tolist()
            ],
            max(0, len(rows) - MOST_KEPT),
        )

    def _column(self, name: str) -> Column:
        return self.columns[name] if name in self.columns else self.others[name]

    def _settle(self) -> None:
        if not self._gathering:
            self.faults.refuse()

    def _tell(
        self,
        name: str,
        positions: Collection[int],
        what: str,
        *,
        warn: bool = True,
        column: Column | None = None,
    ) -> None:
        if positions:
            rows = (column or self.columns[name]).where(positions)
            self._note(f"{name}: {what} in {self.told(name, rows)}", warn=warn)

    def _note(self, sentence: str, *, warn: bool = False) -> None:
        notes = self.warnings if warn else self.notes
        if sentence not in notes:
            notes.append(sentence)
