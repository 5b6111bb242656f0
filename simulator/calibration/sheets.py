"""A user's table, from CSV, Parquet or pandas, with every value checked where it stands."""

from __future__ import annotations

import csv
import gzip
import warnings
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.estimates import Origin
from troth.digests import sha256
from troth.errors import InvalidArgument, NotFound

if TYPE_CHECKING:
    import pandas as pd

_FIRST, _LAST = np.datetime64("1900-01-01"), np.datetime64("2100-12-31")
_TRUE = frozenset({"1", "1.0", "true", "yes", "y", "t"})
_FALSE = frozenset({"0", "0.0", "false", "no", "n", "f"})
_NOTHING = frozenset({"", "na", "nan", "nat", "none", "null"})
"""How tables write that there is no date; as a name, any of them but the first is a name."""
_ENDINGS = (".csv", ".csv.gz", ".parquet")
_ZONE = r"(:\d\d(?:[.,]\d+)?)\s*(?:[Zz]|[+-]\d\d(?::?\d\d)?)$"
"""A time's offset from UTC: a purchase is on the day that the clock on the wall said."""
_SEPARATORS = {";": "';'", "\t": "a tab", "|": "'|'"}


@dataclass(frozen=True, slots=True)
class Sheet:
    """Columns of one table under the calibration's names.

    Attributes:
        name: the file's path, or "transactions" and the like for a data frame.
        digest: of the table.
        columns: the calibration's name -> values.
        theirs: the calibration's name -> the table's own.
        first_line: number of the first row in messages: 2 below a CSV header, else 0.
    """

    name: str
    digest: str
    columns: dict[str, pd.Series[Any]]
    theirs: dict[str, str]
    first_line: int

    def __len__(self) -> int:
        return len(next(iter(self.columns.values())))

    def __contains__(self, column: str) -> bool:
        return column in self.columns

    def origin(self, rows: int, method: str) -> Origin:
        """The origin of an estimate that rests on ``rows`` observations of this table."""
        return Origin(Path(self.name).name, self.digest, rows, method)

    def numbers(self, column: str, low: float, high: float) -> NDArray[np.float64]:
        """Values as float64 (n,), each finite and in [low, high].

        Raises:
            InvalidArgument: at the first that is not, naming file, row and column.
        """
        import pandas as pd

        raw = self.columns[column]
        values = pd.to_numeric(raw, errors="coerce").to_numpy(dtype=np.float64, na_value=np.nan)
        bad = ~((values >= low) & (values <= high)) | pd.api.types.is_bool_dtype(raw.dtype)
        self.refuse(bad, column, f"is not a number in [{low:g}, {high:g}]")
        return values

    def days(self, column: str, *, missing: bool = False) -> NDArray[np.datetime64]:
        """Values as datetime64[D] (n,), from dates, time stamps or text; NaT where missing.

        Of a time with a zone, the date is the local one, whatever other rows' zones are.

        Raises:
            InvalidArgument: at the first value that is no date from 1900 to 2100, or is missing
                where it may not.
        """
        import pandas as pd

        raw = self.columns[column]
        empty = self._empty(column, _NOTHING)
        if not pd.api.types.is_datetime64_any_dtype(raw.dtype):
            text = raw.astype("string")
            # Whole numbers are yyyymmdd; a missing one beside them has made floats of them.
            text = text.str.strip().str.removesuffix(".0").str.replace(_ZONE, r"\1", regex=True)
            raw = pd.to_datetime(text, errors="coerce", format="ISO8601", utc=False)
        if raw.dt.tz is not None:
            raw = raw.dt.tz_localize(None)
        values = raw.to_numpy(dtype="datetime64[ns]").astype("datetime64[D]")
        bad = np.isnat(values) | (values < _FIRST) | (values > _LAST)
        if missing:
            bad &= ~empty
        self.refuse(
            bad, column, "is not a date in [1900-01-01, 2100-12-31], such as 2024-05-31 or 20240531"
        )
        return values

    def keys(self, column: str) -> NDArray[np.str_]:
        """Values as text (n,), none missing; 7 and 7.0 are the same key.

        Raises:
            InvalidArgument: at the first that is missing.
        """
        self.refuse(self._empty(column, {""}), column, "is missing, where a name is needed")
        text = self.columns[column].astype("string").str.strip().str.removesuffix(".0")
        return text.to_numpy(dtype=np.str_)

    def flags(self, column: str) -> NDArray[np.bool_]:
        """Values as bool (n,), from 0/1, true/false, yes/no.

        Raises:
            InvalidArgument: at the first that is none of them.
        """
        text = self.columns[column].astype("string").str.strip().str.lower()
        yes = text.isin(_TRUE).to_numpy(dtype=np.bool_, na_value=False)
        no = text.isin(_FALSE).to_numpy(dtype=np.bool_, na_value=False)
        self.refuse(~(yes | no), column, "is not one of 0, 1, true, false, yes, no")
        return np.asarray(yes)

    def refuse(self, bad: NDArray[np.bool_], column: str, why: str) -> None:
        """Raise at the first row where ``bad`` (n,) holds; do nothing if there is none.

        Raises:
            InvalidArgument: ``FILE:ROW:COLUMN: 'VALUE' WHY``.
        """
        if bad.any():
            at = int(bad.argmax())
            value = str(self.columns[column].iloc[at])
            row = f"{at + self.first_line}" if self.first_line else f"row {at}"
            raise InvalidArgument(
                f"{value!r} {why}", field=f"{self.name}:{row}:{self.theirs[column]}"
            )

    def _empty(self, column: str, words: Collection[str]) -> NDArray[np.bool_]:
        """Where the value is missing, or one of ``words``, (n,)."""
        raw = self.columns[column]
        blank = raw.isna().to_numpy(dtype=np.bool_)
        if not (raw.dtype == object or str(raw.dtype).startswith("str")):
            return np.asarray(blank)
        text = raw.astype("string").fillna("").str.strip().str.lower()
        return np.asarray(blank | text.isin(list(words)).to_numpy(dtype=np.bool_))


@dataclass(frozen=True, slots=True)
class Table:
    """A table as it was found.

    Attributes:
        kind: "transactions", "responses" or "campaigns".
        name: the file's path, or what a data frame calls itself.
        frame: its values.
        digest: SHA-256 of the file's bytes, or of the frame's values.
        first_line: number of the first row in messages: 2 below a CSV header, else 0.
    """

    kind: str
    name: str
    frame: pd.DataFrame
    digest: str
    first_line: int

    @property
    def names(self) -> list[str]:
        """Its columns."""
        return [str(column) for column in self.frame.columns]


def open_table(source: str | Path | pd.DataFrame, kind: str) -> Table:
    """Read a table.

    Args:
        source: a ``.csv``, ``.csv.gz`` or ``.parquet`` file, or a data frame, whose ``attrs``
            may give it a ``source`` (its name) and a ``digest``.
        kind: what it is, for errors: "transactions", "responses" or "campaigns".

    Raises:
        NotFound: if there is no such file.
        InvalidArgument: for a file that cannot be read, or no rows.
    """
    import pandas as pd

    if isinstance(source, pd.DataFrame):
        name = str(source.attrs.get("source", kind))
        values = pd.util.hash_pandas_object(source, index=False).to_numpy()
        digest = str(source.attrs.get("digest", sha256(values.tobytes())))
        table = Table(kind, name, source, digest, 0)
    else:
        path = Path(source)
        if path.is_dir():
            raise InvalidArgument(
                f"is a folder, must be a file that ends in {', '.join(_ENDINGS)}", field=str(path)
            )
        if not path.is_file():
            raise NotFound("no such file", field=str(path))
        if not path.name.lower().endswith(_ENDINGS):
            raise InvalidArgument(f"must end in {', '.join(_ENDINGS)}", field=str(path))
        if not path.stat().st_size:
            raise InvalidArgument("is empty", field=str(path))
        first_line = 0 if path.suffix.lower() == ".parquet" else 2
        table = Table(kind, str(path), _read(path), sha256(path.read_bytes()), first_line)
    if not len(table.frame):
        raise InvalidArgument("has no rows", field=table.name)
    return table


def read_sheet(
    table: Table, required: Sequence[str], optional: Sequence[str], columns: Mapping[str, str]
) -> Sheet:
    """Take the wanted columns of a table.

    Args:
        table: the table.
        required: names that must be there.
        optional: names that may be there.
        columns: the calibration's name -> the table's, where they differ; each must be there.

    Raises:
        InvalidArgument: for a column that is missing, or there twice.
    """
    theirs = {ours: columns.get(ours, ours) for ours in (*required, *optional)}
    for ours, their in theirs.items():
        if (times := table.names.count(their)) > 1:
            raise InvalidArgument(
                f"column {their!r}, the {ours} of {table.kind}, is there {times} times, must be "
                "there once",
                field=table.name,
            )
        if their not in table.frame.columns and (ours in required or ours in columns):
            raise InvalidArgument(
                f"column {their!r}, the {ours} of {table.kind}, is missing; found "
                + ", ".join(table.names)
                + _other_separator(table.names),
                field=table.name,
            )
    theirs = {ours: their for ours, their in theirs.items() if their in table.frame.columns}
    return Sheet(
        name=table.name,
        digest=table.digest,
        columns={ours: table.frame[their].reset_index(drop=True) for ours, their in theirs.items()},
        theirs=theirs,
        first_line=table.first_line,
    )


def _other_separator(names: Sequence[str]) -> str:
    """What to say of a header that is a single name with another separator in it."""
    for separator, called in _SEPARATORS.items():
        if len(names) == 1 and separator in names[0]:
            return f": values are separated by {called}, must be by ','"
    return ""


def _read(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        if path.suffix.lower() == ".parquet":
            return pd.read_parquet(path)
        return _read_csv(path)
    except (OSError, EOFError, ValueError) as error:  # pandas' and Arrow's own errors are these
        line = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise InvalidArgument(f"not readable: {line}", field=str(path)) from error


def _read_csv(path: Path) -> pd.DataFrame:
    """All cells as text, under the header's own names, also where one is there twice.

    Raises:
        InvalidArgument: for a row that is longer than the header.
    """
    import pandas as pd

    packed = path.suffix.lower() == ".gz"
    try:
        with warnings.catch_warnings():
            # Else pandas drops what is beyond the header.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            frame = pd.read_csv(
                path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False,
                compression="gzip" if packed else None,
            )  # fmt: skip
    except pd.errors.ParserWarning:
        with gzip.open(path, "rt") if packed else path.open(encoding="utf-8-sig") as file:
            rows = csv.reader(file)
            width = len(next(row for row in rows if row))
            long = next(row for row in rows if len(row) > width)
        raise InvalidArgument(
            f"{len(long)} values, where the header has {width}", field=f"{path}:{rows.line_num}"
        ) from None
    names = pd.read_csv(
        path, dtype=str, keep_default_na=False, encoding="utf-8-sig", index_col=False, nrows=1,
        header=None, compression="gzip" if packed else None,
    ).iloc[0]  # fmt: skip
    frame.columns = pd.Index([str(name).strip() for name in names])
    return frame


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
