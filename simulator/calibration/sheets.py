"""A user's table, from text, Parquet or pandas, under the calibration's names for its columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.estimates import EstimateOrigin
from troth.digests import file_sha256, sha256
from troth.errors import InvalidArgument, NotFound
from troth.tables import Column, Dialect, Places, Table, read_table
from troth.tables.reading import FEW

if TYPE_CHECKING:
    import pandas as pd

    Source = str | Path | pd.DataFrame | Sequence[str | Path]

_TEXT = (".csv", ".tsv", ".txt")
_ENDINGS = (*_TEXT, *(f"{ending}.gz" for ending in _TEXT), ".parquet")
_MOST_NAMES = 12
"""Columns that are not read, told by name."""

ColumnMap = Callable[[Sequence[str]], Mapping[str, str]]
"""The calibration's name -> the table's where they differ, given the table's own."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns of one table under the calibration's names.

    What is read is checked; within ``sheet.table.checking()`` all faults are raised together.

    Attributes:
        table: the table itself.
        digest: of the file or files, or of the frame's values.
        theirs: the calibration's name -> the table's own.
    """

    table: Table
    digest: str
    theirs: dict[str, str]

    def __len__(self) -> int:
        return len(self.table)

    def __contains__(self, column: str) -> bool:
        return column in self.theirs

    @property
    def name(self) -> str:
        """The file's path, or "transactions" and the like for a data frame."""
        return ", ".join(self.table.places.sources)

    def origin(self, rows: int, method: str) -> EstimateOrigin:
        """The origin of an estimate that rests on ``rows`` observations of this table."""
        names = ", ".join(Path(source).name for source in self.table.places.sources)
        return EstimateOrigin(names, self.digest, rows, method)

    def numbers(self, column: str, low: float, high: float) -> NDArray[np.float64]:
        """Values as float64 (n,), each finite and in [low, high]."""
        return self.table.numbers(self.theirs[column], low, high)

    def days(self, column: str, *, missing: bool = False) -> NDArray[np.datetime64]:
        """Values as datetime64[D] (n,); NaT where missing, if that may be."""
        return self.table.days(self.theirs[column], missing=missing)

    def labels(self, column: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """Names (k,) in order, and each row's position in them, int64 (n,)."""
        return self.table.labels(self.theirs[column])

    def ids(self, column: str) -> tuple[NDArray[np.str_], NDArray[np.int64]]:
        """As :meth:`labels`, where none may stand for a missing value."""
        return self.table.ids(self.theirs[column])

    def keys(self, column: str) -> NDArray[np.str_]:
        """Names by row (n,), none missing."""
        return self.table.texts(self.theirs[column])

    def flags(self, column: str) -> NDArray[np.bool_]:
        """Values as bool (n,), from 0/1, true/false, yes/no."""
        return self.table.flags(self.theirs[column])

    def refuse(self, bad: NDArray[np.bool_], column: str, why: str) -> None:
        """Refuse the rows where ``bad`` (n,) holds, for what stands in ``column``."""
        self.table.refuse(bad, self.theirs[column], why)

    def told(self, column: str, rows: NDArray[np.int64]) -> str:
        """How many ``rows`` these are, and which is the first."""
        return self.table.told(self.theirs[column], rows)


def read_sheet(
    source: Source,
    kind: str,
    required: Sequence[str],
    optional: Sequence[str],
    columns: ColumnMap,
    dialect: Dialect | None = None,
) -> Sheet:
    """Take the wanted columns of a table.

    Args:
        source: a text file, a Parquet file, several text files of the same columns, or a data
            frame, whose ``attrs`` may give it a ``source`` (its name) and a ``digest``.
        kind: what it is, for errors: "transactions", "responses" or "campaigns".
        required: names that must be there.
        optional: names that may be there.
        columns: the calibration's name -> the table's, where they differ; each must be there.
        dialect: what is known of how text is written.

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: for a file that cannot be read, no rows, or a column that is missing, or
            there twice.
    """
    import pandas as pd

    theirs: dict[str, str] = {}

    def choose(where: str, names: tuple[str, ...]) -> set[str]:
        theirs.update(_chosen(where, names, kind, required, optional, columns(names)))
        return set(theirs.values())

    if isinstance(source, pd.DataFrame):
        name = str(source.attrs.get("source", kind))
        values = pd.util.hash_pandas_object(source, index=False).to_numpy()
        digest = str(source.attrs.get("digest", sha256(values.tobytes())))
        table = _of_frame(source, name, choose, dialect)
    else:
        paths = [Path(source)] if isinstance(source, str | Path) else [Path(p) for p in source]
        for path in paths:
            _check(path)
        digests = [file_sha256(path) for path in paths]
        _refuse_copies(paths, digests)
        digest = digests[0] if len(digests) == 1 else sha256("\n".join(digests).encode())
        if paths[0].suffix.lower() == ".parquet":
            table = _of_parquet(paths, choose, dialect)
        else:
            table = read_table(paths, dialect, choose)
    unread = [name for name in table.header if name and name not in theirs.values()]
    if unread:
        more = len(unread) - _MOST_NAMES
        told = ", ".join(unread[:_MOST_NAMES]) + (f" and {more} more" if more > 0 else "")
        table.notes.append(f"columns not read: {told}")
    return Sheet(table, digest, theirs)


def _chosen(
    where: str,
    names: Sequence[str],
    kind: str,
    required: Sequence[str],
    optional: Sequence[str],
    columns: Mapping[str, str],
) -> dict[str, str]:
    """The calibration's name -> the table's, for what is there."""
    theirs = {ours: columns.get(ours, ours) for ours in (*required, *optional)}
    missing = [
        ours
        for ours, their in theirs.items()
        if their not in names and (ours in required or ours in columns)
    ]
    if missing:
        said = " and ".join(f"column {theirs[ours]!r}, the {ours} of {kind}," for ours in missing)
        raise InvalidArgument(
            f"{said} {'is' if len(missing) == 1 else 'are'} missing; found {', '.join(names)}. "
            f"What the table calls {missing[0]}, say in --columns: {kind}.{missing[0]}=NAME",
            field=where,
        )
    for ours, their in theirs.items():
        times = names.count(their)
        if times > 1:
            raise InvalidArgument(
                f"column {their!r}, the {ours} of {kind}, is there {times} times, must be there "
                "once",
                field=where,
            )
    return {ours: their for ours, their in theirs.items() if their in names}


def _check(path: Path) -> None:
    if path.is_dir():
        raise InvalidArgument(
            f"is a folder, must be a file that ends in {', '.join(_ENDINGS)}", field=str(path)
        )
    if not path.is_file():
        raise NotFound("no such file", field=str(path))
    if not path.name.lower().endswith(_ENDINGS):
        raise InvalidArgument(f"must end in {', '.join(_ENDINGS)}", field=str(path))


def _refuse_copies(paths: Sequence[Path], digests: Sequence[str]) -> None:
    seen: dict[str, Path] = {}
    for path, digest in zip(paths, digests, strict=True):
        if (first := seen.setdefault(digest, path)) is not path:
            raise InvalidArgument(f"is the same file as {first}", field=str(path))


def _of_parquet(
    paths: Sequence[Path],
    choose: Callable[[str, tuple[str, ...]], set[str]],
    dialect: Dialect | None,
) -> Table:
    import pandas as pd

    if len(paths) > 1:
        raise InvalidArgument("is one of several files, which must be text", field=str(paths[0]))
    try:
        frame = pd.read_parquet(paths[0])
    except (OSError, ValueError) as error:  # Arrow's own errors are these
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidArgument(f"not readable: {line}", field=str(paths[0])) from error
    return _of_frame(frame, str(paths[0]), choose, dialect)


def _of_frame(
    frame: pd.DataFrame,
    name: str,
    choose: Callable[[str, tuple[str, ...]], set[str]],
    dialect: Dialect | None,
) -> Table:
    """The wanted columns as text: what pandas typed reads back as the same value.

    Text in it is as open as a file's: of ``1.250`` nobody knows what separated it.
    """
    if not len(frame):
        raise InvalidArgument("has no rows", field=name)
    header = tuple(str(column) for column in frame.columns)
    wanted = choose(name, header)
    columns: dict[str, Column] = {}
    others: dict[str, Column] = {}
    typed: set[str] = set()
    for at, column in enumerate(header):
        series = frame.iloc[:, at]
        if column not in wanted and not _has_few(series):
            continue
        codes, values = _factorised(series)
        kept = columns if column in wanted else others
        kept[column] = _column(codes, values, f"{name}: {column}")
        if not any(isinstance(value, str | bytes) for value in values):
            typed.add(column)
    return Table(
        header=header,
        columns=columns,
        others=others,
        places=Places(
            (name,), np.zeros(len(frame), dtype=np.int32), np.arange(len(frame)), word="row "
        ),
        dialect=dialect or Dialect(),
        points=(False,),
        typed=typed,
    )


def _has_few(series: pd.Series[Any]) -> bool:
    """Whether a column that nobody asked for holds few different values."""
    try:
        return int(series.nunique()) <= FEW
    except TypeError:  # lists and the like
        return False


def _factorised(series: pd.Series[Any]) -> tuple[NDArray[np.int64], list[Any]]:
    """Positions (n,) in the distinct values, -1 where missing, and these."""
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(series.dtype):
        series = series if series.dt.tz is None else series.dt.tz_localize(None)
    codes, values = pd.factorize(series)
    return codes.astype(np.int64), list(values)


def _column(codes: NDArray[np.int64], values: Sequence[Any], where: str) -> Column:
    """As text; bytes are UTF-8, as other programs write text to Parquet."""
    try:
        texts = [
            value.decode("utf-8") if isinstance(value, bytes) else str(value) for value in values
        ]
    except UnicodeDecodeError as error:
        raise InvalidArgument(f"holds bytes that are no UTF-8: {error}", field=where) from None
    if (codes < 0).any():
        codes = np.where(codes < 0, len(texts), codes)
        texts.append("")
    return Column(tuple(texts), codes.astype(np.int32))


def column_map(text: str) -> dict[str, str]:
    """``customer=cust_id,date=dt`` as a mapping; a name may start with ``responses.``.

    Raises:
        InvalidArgument: for a part that is not ``name=column``, or a name given twice.
    """
    found: dict[str, str] = {}
    for part in filter(None, (piece.strip() for piece in text.split(","))):
        ours, equals, theirs = (piece.strip() for piece in part.partition("="))
        if not (ours and equals and theirs):
            raise InvalidArgument(f"{part!r} is not name=column", field="--columns")
        if ours in found:
            raise InvalidArgument(f"{ours!r} is given twice", field="--columns")
        found[ours] = theirs
    return found
