"""Logged decisions as Arrow tables and DataFrames, of our own making or of somebody else's.

A table that another program has rewritten says the same in other types: lists of any length,
text of another kind, whole numbers as floats. What can be read without a guess is read; what
is missing or is something else is refused by column and row, counted from 0.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, TrothError
from troth.features import FeatureSchema
from troth.log_checks import refuse_first
from troth.tables.names import ABSENT

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LOG_SCHEMA_VERSION = "1"
OPTIONAL = ("episode", "step", "policy_digest")
"""Columns that a DataFrame may leave out: nothing is estimated from them."""


def log_schema(raw_width: int, actions: int) -> pa.Schema:
    """The Arrow schema of logged data for F raw features and K actions."""
    import pyarrow as pa

    return pa.schema(
        [
            pa.field("decision_id", pa.string(), nullable=False),
            pa.field("customer_id", pa.string(), nullable=False),
            pa.field("episode", pa.int32(), nullable=False),
            pa.field("step", pa.int32(), nullable=False),
            pa.field("decided_at", pa.timestamp("us", tz="UTC"), nullable=False),
            pa.field("features", pa.list_(pa.float32(), raw_width), nullable=False),
            pa.field("mask", pa.list_(pa.bool_(), actions), nullable=False),
            pa.field("action", pa.int32(), nullable=False),
            pa.field("propensity", pa.float64(), nullable=False),
            pa.field("reward_minor", pa.float64(), nullable=False),
            pa.field("censored", pa.bool_(), nullable=False),
            pa.field("policy_digest", pa.string(), nullable=False),
        ]
    )


def metadata_of(schema: FeatureSchema, catalogue: Catalogue) -> dict[str, str]:
    """What a table of ours carries beside its columns."""
    return {
        "troth.log_schema": LOG_SCHEMA_VERSION,
        "troth.feature_schema": json.dumps(schema.to_dict()),
        "troth.catalogue": json.dumps(catalogue.to_dict()),
    }


def meaning_of(
    table: pa.Table, schema: FeatureSchema | None, catalogue: Catalogue | None
) -> tuple[FeatureSchema, Catalogue]:
    """The features and the catalogue of a table's columns: its own, or those given.

    Raises:
        InvalidArgument: if it carries none and not both are given, or is of another version.
        FailedPrecondition: if it carries others than those given.
        DataLoss: if what it carries cannot be read.
    """
    metadata = table.schema.metadata or {}
    version = metadata.get(b"troth.log_schema")
    if version is None:
        if schema is None or catalogue is None:
            raise InvalidArgument(
                f"not a Troth log of schema version {LOG_SCHEMA_VERSION}: it carries no feature "
                "schema and no catalogue, as after another program has rewritten it; say which "
                "they were",
                field="metadata",
            )
        return schema, catalogue
    if version != LOG_SCHEMA_VERSION.encode():
        raise InvalidArgument(
            f"not a Troth log of schema version {LOG_SCHEMA_VERSION}", field="metadata"
        )
    try:
        own = FeatureSchema.from_dict(json.loads(metadata[b"troth.feature_schema"]))
        listed = Catalogue.from_dict(json.loads(metadata[b"troth.catalogue"]))
    except (KeyError, ValueError, TrothError) as error:
        raise DataLoss(f"feature schema or catalogue: {error}", field="metadata") from error
    for field, given, carried in (
        ("log.features", schema, own),
        ("log.catalogue", catalogue, listed),
    ):
        if given is not None and given.digest != carried.digest:
            raise FailedPrecondition(
                f"the log carries {carried.digest[:12]}, not {given.digest[:12]}", field=field
            )
    return own, listed


def columns_of(
    table: pa.Table, schema: FeatureSchema, catalogue: Catalogue
) -> dict[str, NDArray[Any]]:
    """The columns of :func:`log_schema` in ``table``, by name; ``features`` float32 (n, F).

    Raises:
        InvalidArgument: if a column is absent or holds something else, or a value is missing.
    """
    import pyarrow as pa

    found: dict[str, NDArray[Any]] = {}
    ours = b"troth.log_schema" in (table.schema.metadata or {})
    for field in log_schema(schema.raw_width, len(catalogue)):
        at = table.schema.get_all_field_indices(field.name)
        if len(at) != 1:
            raise InvalidArgument(
                "column is missing; what from_frame fills in or finds elsewhere, it does for "
                "LoggedBatch.from_frame(pandas.read_parquet(path), schema, catalogue)"
                if not at
                else f"there are {len(at)} such columns",
                field=field.name,
            )
        column = table.column(at[0])
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if not len(array):  # without values a type says nothing: pandas has none for lists
            array = pa.array([], field.type)
        if array.null_count:
            refuse_first(array.is_null().to_numpy(zero_copy_only=False), field.name, "missing")
        if field.name in ("features", "mask"):
            found[field.name] = _block(array, field)
        else:
            found[field.name] = _flat(array, field, catalogue)
            if field.name == "action" and not ours and not _is_text(_value_type(array.type)):
                _refuse_numerals(found["action"], catalogue)
    return found


def table_of(frame: pd.DataFrame, schema: FeatureSchema, catalogue: Catalogue) -> pa.Table:
    """A DataFrame's columns for :func:`columns_of`, what may be left out filled in.

    Raises:
        InvalidArgument: if a column is absent, is there twice, or has values of several types.
    """
    import pyarrow as pa

    arrays: dict[str, pa.Array] = {}
    names = list(frame.columns)
    for name in log_schema(schema.raw_width, len(catalogue)).names:
        if name == "features" and name not in names:
            raw = np.column_stack([_numbers(frame, feature) for feature in schema.names])
            arrays[name] = pa.FixedSizeListArray.from_arrays(raw.reshape(-1), schema.raw_width)
        elif name in names:
            arrays[name] = _array(_series(frame, name), name)
        elif name not in OPTIONAL:
            raise InvalidArgument("column is missing", field=name)
    zeros = pa.array(np.zeros(len(frame), dtype=np.int32))
    arrays.setdefault("episode", zeros)
    arrays.setdefault("step", zeros)
    arrays.setdefault("policy_digest", pa.array(np.full(len(frame), "")))
    return pa.table(arrays)


def places(customers: NDArray[Any], times: NDArray[Any]) -> NDArray[np.int64]:
    """The place of each decision in its customer's history, from 0, by time: int64 (n,)."""
    order = np.lexsort((times, customers))
    _, start, count = np.unique(customers[order], return_index=True, return_counts=True)
    steps = np.empty(len(order), dtype=np.int64)
    steps[order] = np.arange(len(order)) - np.repeat(start, count)
    return steps


def _series(frame: pd.DataFrame, name: str) -> pd.Series[Any]:
    column = frame[name]
    if column.ndim != 1:
        raise InvalidArgument(f"there are {column.shape[1]} such columns", field=name)
    return column


def _array(column: pd.Series[Any], name: str) -> pa.Array:
    import pyarrow as pa

    try:
        array = pa.Array.from_pandas(column)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        raise InvalidArgument(f"holds values of several types: {error}", field=name) from error
    return array.combine_chunks() if isinstance(array, pa.ChunkedArray) else array


def _numbers(frame: pd.DataFrame, name: str) -> NDArray[np.float32]:
    """A feature's column, NaN where it is missing."""
    if name not in frame.columns:
        raise InvalidArgument(
            "column is missing: features are one column each, or lists in 'features'",
            field=f"features[{name}]",
        )
    column = _series(frame, name)
    try:
        return column.to_numpy(dtype=np.float32, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise InvalidArgument(f"not numbers: {error}", field=f"features[{name}]") from error


def _flat(array: pa.Array, field: pa.Field, catalogue: Catalogue) -> NDArray[Any]:
    """One value a row, as NumPy has it."""
    import pyarrow as pa

    if pa.types.is_dictionary(array.type):
        array = array.dictionary_decode()
    if field.name == "action" and _is_text(array.type):
        return _action_columns(array, catalogue)
    _check_kind(array.type, field)
    try:
        # A moment finer than microseconds is cut off; any other loss is refused.
        cast = array.cast(field.type, safe=not pa.types.is_timestamp(field.type))
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InvalidArgument(f"{array.type} as {field.type}: {error}", field=field.name) from error
    if field.name in ("customer_id", "decision_id"):
        cast = _ids(cast, field.name)
    values = cast.to_numpy(zero_copy_only=False)
    if pa.types.is_string(field.type):
        return np.asarray(values.astype(np.str_))
    if pa.types.is_integer(field.type):
        return np.asarray(values.astype(np.int64))
    return np.asarray(values)


def _check_kind(kind: pa.DataType, field: pa.Field) -> None:
    """Refuse what could only be guessed at: a text that looks like a number, 0 for false."""
    import pyarrow as pa

    if pa.types.is_timestamp(kind) and kind.tz is None:
        raise InvalidArgument(
            "moments without a time zone: say which, e.g. with tz_localize", field=field.name
        )
    if pa.types.is_string(field.type):
        fits = _is_text(kind) or pa.types.is_integer(kind)
    elif pa.types.is_timestamp(field.type):
        fits = pa.types.is_timestamp(kind)
    elif pa.types.is_boolean(field.type):
        fits = pa.types.is_boolean(kind)
    else:
        fits = pa.types.is_integer(kind) or pa.types.is_floating(kind) or pa.types.is_decimal(kind)
    if not fits:
        raise InvalidArgument(f"{kind} is not {field.type}", field=field.name)


def _is_text(kind: pa.DataType) -> bool:
    import pyarrow as pa

    return bool(pa.types.is_string(kind) or pa.types.is_large_string(kind))


def _value_type(kind: pa.DataType) -> pa.DataType:
    import pyarrow as pa

    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _ids(array: pa.Array, name: str) -> pa.Array:
    """Ids without the blanks around them, which nobody sees.

    Raises:
        InvalidArgument: for a text that says there is none, such as ``NULL``.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    trimmed = pc.utf8_trim_whitespace(array)
    absent = pc.is_in(pc.utf8_lower(trimmed), pa.array(sorted(ABSENT))).to_numpy(
        zero_copy_only=False
    )
    if absent.any():
        row = int(np.argmax(absent))
        what = repr(trimmed[row].as_py()) if trimmed[row].as_py() else "empty"
        raise InvalidArgument(f"{what} in row {row}, where an id is needed", field=name)
    return trimmed


def _refuse_numerals(columns: NDArray[np.int64], catalogue: Catalogue) -> None:
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


def _block(array: pa.Array, field: pa.Field) -> NDArray[Any]:
    """Lists of one length as an array (n, width)."""
    import pyarrow as pa
    import pyarrow.compute as pc

    kind, width, inner = array.type, field.type.list_size, field.type.value_type
    lists = pa.types.is_list(kind) or pa.types.is_large_list(kind)
    if not lists and not pa.types.is_fixed_size_list(kind):
        raise InvalidArgument(f"{kind} is not {field.type}", field=field.name)
    lengths = pc.list_value_length(array).to_numpy(zero_copy_only=False)
    wrong = lengths != width
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidArgument(f"{lengths[row]} values in row {row}, not {width}", field=field.name)
    flat = array.flatten()
    if pa.types.is_boolean(inner):
        if flat.null_count:
            bad = flat.is_null().to_numpy(zero_copy_only=False).reshape(-1, width).any(axis=1)
            refuse_first(bad, field.name, "a value is missing")
        fits = pa.types.is_boolean(flat.type)
    else:  # a feature that is missing is NaN, which pandas writes as null
        fits = pa.types.is_floating(flat.type) or pa.types.is_integer(flat.type)
    if not fits:
        raise InvalidArgument(f"{kind} is not {field.type}", field=field.name)
    values = flat.cast(inner, safe=False).to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(array), width)
