"""The values of one column of a log: what they are, and in which row they are something else.

What can be read without a guess is read. What cannot is refused by column and row, counted
from 0, in words that say what would be read.
"""

from __future__ import annotations

import numbers
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.errors import InvalidArgument
from troth.logs.checks import refuse_first
from troth.logs.ids import plain
from troth.tables.names import ABSENT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

_ABSENT_LENGTH = max(map(len, ABSENT))
_REMEDIES = {
    ("true or false", "whole numbers"): ".astype(bool) makes it of 0 and 1",
    ("true or false", "numbers"): ".astype(bool) makes it of 0 and 1",
    ("true or false", "text"): ".map({'True': True, 'False': False}) makes it of such text",
    ("numbers", "text"): "pandas.to_numeric makes them of text",
    ("numbers", "true or false"): ".astype(float) makes them of it",
    ("whole numbers", "text"): "pandas.to_numeric makes them of text",
    ("whole numbers", "true or false"): ".astype(int) makes them of it",
    ("moments with a time zone", "text"): "pandas.to_datetime(column, utc=True) makes them of text",
    ("moments with a time zone", "dates"): "pandas.to_datetime(column, utc=True) makes them of it",
    ("moments with a time zone", "whole numbers"): (
        "pandas.to_datetime(column, unit='s', utc=True) makes them of seconds since 1970"
    ),
    ("text", "numbers"): (
        ".astype('Int64').astype(str) makes it of whole numbers that became fractions beside an "
        "empty cell"
    ),
}
"""How what is needed is made of what is there."""


def series(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    """A column of a DataFrame, which has one of that name."""
    column = frame[name]
    if column.ndim != 1:
        raise InvalidArgument(f"there are {column.shape[1]} such columns", field=name)
    return column


def array_of(column: pd.Series[Any], name: str) -> pa.Array:
    """A column of a DataFrame as Arrow has it.

    Raises:
        InvalidArgument: if its values are of several types, or one is a whole number outside
            64 bits.
    """
    import pyarrow as pa

    try:
        array = pa.Array.from_pandas(column)
    except OverflowError as error:  # no type of Arrow's holds such a number
        raise InvalidArgument(_too_large(column) or str(error), field=name) from error
    except (pa.ArrowInvalid, pa.ArrowTypeError, pa.ArrowNotImplementedError) as error:
        why = _too_large(column) or _several_types(column) or str(error)
        raise InvalidArgument(why, field=name) from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _too_large(column: pd.Series[Any]) -> str:
    """The first whole number outside 64 bits, in words; empty if there is none."""
    ends = np.iinfo(np.int64)
    for row, value in enumerate(column):
        for each in np.asarray(value, dtype=object).reshape(-1):
            if isinstance(each, numbers.Integral) and not ends.min <= int(each) <= ends.max:
                return f"{each} in row {row} is outside {ends.min}..{ends.max}"
    return ""


def _several_types(column: pd.Series[Any]) -> str:
    """The first value of another type than those before, in words; empty if there is none."""
    known: tuple[int, str] | None = None
    for row, value in enumerate(column):
        if value is None or (isinstance(value, float) and value != value):
            continue
        what = _what(value)
        if known is None:
            known = row, what
        elif what != known[1]:
            return (
                f"holds values of several types: {known[1]} in row {known[0]}, {what} "
                f"({value!r}) in row {row}"
            )
    return ""


def _what(value: object) -> str:
    if isinstance(value, str):
        return "text"
    if isinstance(value, (bool, np.bool_)):
        return "true or false"
    if isinstance(value, numbers.Number):
        return "a number"
    return f"a {type(value).__name__}"


def feature(frame: pd.DataFrame, name: str) -> NDArray[np.float32]:
    """A feature's column of a DataFrame, float32 (n,), NaN where it is missing.

    Raises:
        InvalidArgument: if there are several such columns, or a value is no number.
    """
    column, field = series(frame, name), f"features[{name}]"
    if getattr(column.dtype, "kind", "O") in "Mmc":
        raise InvalidArgument(f"holds {column.dtype}, where numbers are needed", field=field)
    try:
        return column.to_numpy(dtype=np.float32, na_value=np.nan)
    except (TypeError, ValueError) as error:
        for row, value in enumerate(column):
            try:
                np.float32(np.nan if value is None else value)
            except (TypeError, ValueError):
                raise InvalidArgument(
                    f"{value!r} in row {row} is not a number{_remedy('numbers', 'text')}",
                    field=field,
                ) from error
        raise InvalidArgument(f"not numbers: {error}", field=field) from error


def flat(array: pa.Array, field: pa.Field, catalogue: Catalogue) -> NDArray[Any]:
    """One value a row, as NumPy has it."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if field.name == "action" and is_text(array.type):
        return _action_columns(array, catalogue)
    _check_kind(array, field)
    try:
        # A moment finer than microseconds is cut off; any other loss is refused.
        cast = array.cast(field.type, safe=not pa.types.is_timestamp(field.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidArgument(_lost(array, field) or str(error), field=field.name) from error
    values = cast.to_numpy(zero_copy_only=False)
    if pa.types.is_string(field.type):
        texts = np.asarray(values.astype(np.str_))
        return _ids(texts, field.name) if field.name.endswith("_id") else texts
    if pa.types.is_integer(field.type):
        return np.asarray(values.astype(np.int64))
    return np.asarray(values)


def _lost(array: pa.Array, field: pa.Field) -> str:
    """The first value that its column's type does not hold, in words."""
    import pyarrow as pa

    if not pa.types.is_integer(field.type):
        return ""
    values = np.asarray(array.to_numpy(zero_copy_only=False), dtype=np.float64)
    ends = np.iinfo(field.type.to_pandas_dtype())
    broken = values != np.floor(values)
    bad = broken | (values < ends.min) | (values > ends.max)
    if not bad.any():
        return ""
    row = int(np.argmax(bad))
    why = "is no whole number" if broken[row] else f"is outside {ends.min}..{ends.max}"
    return f"{array[row].as_py()} in row {row} {why}"


def _check_kind(array: pa.Array, field: pa.Field) -> None:
    """Refuse what could only be guessed at: a text that looks like a number, 0 for false."""
    import pyarrow as pa

    kind = array.type
    if pa.types.is_timestamp(kind) and kind.tz is None:
        raise InvalidArgument(
            "moments without a time zone: say which, e.g. with tz_localize", field=field.name
        )
    if pa.types.is_string(field.type):
        fits = is_text(kind) or pa.types.is_integer(kind)
    elif pa.types.is_timestamp(field.type):
        fits = pa.types.is_timestamp(kind)
    elif pa.types.is_boolean(field.type):
        fits = pa.types.is_boolean(kind)
    else:
        fits = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not fits:
        needed = _words(field.type)
        verb = "is" if needed in ("text", "true or false") else "are"
        raise InvalidArgument(
            f"holds {_words(kind)}, such as {array[0].as_py()!r} in row 0, where {needed} {verb} "
            f"needed{_remedy(needed, _words(kind))}",
            field=field.name,
        )


def _remedy(needed: str, found: str) -> str:
    known = _REMEDIES.get((needed, found))
    if known is None and needed == "text":
        known = ".astype(str) makes it of anything"
    return f"; {known}" if known else ""


def _words(kind: pa.DataType) -> str:
    """What a type holds, for people."""
    import pyarrow as pa

    lists = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if any(is_one(kind) for is_one in lists):
        return f"lists of {_words(kind.value_type)}"
    named = (
        (is_text, "text"),
        (pa.types.is_integer, "whole numbers"),
        (pa.types.is_floating, "numbers"),
        (pa.types.is_decimal, "numbers"),
        (pa.types.is_boolean, "true or false"),
        (pa.types.is_date, "dates"),
        (pa.types.is_timestamp, "moments with a time zone"),
        (pa.types.is_null, "nothing"),
    )
    return next((words for is_one, words in named if is_one(kind)), str(kind))


def is_text(kind: pa.DataType) -> bool:
    """Whether values of this type are text."""
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def value_type(kind: pa.DataType) -> pa.DataType:
    """The type of the values, also where they are written once and referred to."""
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _ids(texts: NDArray[np.str_], name: str) -> NDArray[np.str_]:
    """Ids as :func:`~troth.logs.ids.plain` has them.

    Raises:
        InvalidArgument: for a text that says there is none, such as ``NULL``.
    """
    ids = plain(texts, name)
    short = np.flatnonzero(np.strings.str_len(ids) <= _ABSENT_LENGTH)
    absent = short[np.isin(np.strings.lower(ids[short]), sorted(ABSENT))]
    if len(absent):
        row = int(absent[0])
        what = repr(str(ids[row])) if ids[row] else "empty"
        raise InvalidArgument(f"{what} in row {row}, where an id is needed", field=name)
    return ids


def refuse_numerals(columns: NDArray[np.int64], catalogue: Catalogue) -> None:
    """Refuse a number that is the id of one action and the column of another."""
    for at, action in enumerate(catalogue.actions):
        try:
            number = float(action.action_id)
        except ValueError:
            continue
        hit = columns == number
        if number != at and hit.any():
            raise InvalidArgument(
                f"{number:g} in row {int(np.argmax(hit))} is the id of one action and the column "
                "of another; give ids as text, as with dtype={'action': str}",
                field="action",
            )


def _action_columns(array: pa.Array, catalogue: Catalogue) -> NDArray[np.int64]:
    """Ids of the catalogue's actions as their columns."""
    coded = array.dictionary_encode()
    known = {action.action_id: at for at, action in enumerate(catalogue.actions)}
    names = coded.dictionary.to_pylist()
    at = np.array([known.get(name, -1) for name in names], dtype=np.int64)
    columns: NDArray[np.int64] = at[coded.indices.to_numpy()]
    if (columns < 0).any():
        row = int(np.argmax(columns < 0))
        raise InvalidArgument(
            f"{array[row].as_py()!r} in row {row} is not in the catalogue", field="action"
        )
    return columns


def block(array: pa.Array, field: pa.Field) -> NDArray[Any]:
    """Lists of one length as an array (n, width)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, width, inner = array.type, field.type.list_size, field.type.value_type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not lists and not pa.types.is_fixed_size_list(kind):
        raise _no_lists(array, field)
    lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    wrong = lengths != width
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidArgument(f"{lengths[row]} values in row {row}, not {width}", field=field.name)
    values = array.flatten()
    if pa.types.is_boolean(inner):
        if values.null_count:
            bad = values.is_null().to_numpy(zero_copy_only=False).reshape(-1, width).any(axis=1)
            refuse_first(bad, field.name, "a value is missing")
        fits = pa.types.is_boolean(values.type)
    else:  # a feature that is missing is NaN, which pandas writes as null
        fits = pa.types.is_floating(values.type) or pa.types.is_integer(values.type)
    if not fits:
        raise _no_lists(array, field)
    flattened = values.cast(inner, safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(flattened).reshape(len(array), width)


def _no_lists(array: pa.Array, field: pa.Field) -> InvalidArgument:
    what = f"holds {_words(array.type)}, such as {array[0].as_py()!r} in row 0"
    each = "action" if field.name == "mask" else "feature"
    return InvalidArgument(
        f"{what}, where each row needs a list of {_words(field.type.value_type)}, one for each "
        f"{each} ({field.type.list_size})"
        + (
            "; .astype(bool) makes them of 0 and 1"
            if "lists of" in what and each == "action"
            else ""
        ),
        field=field.name,
    )
