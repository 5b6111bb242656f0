"""Logged decisions as Arrow tables and DataFrames, of our own making or of somebody else's.

A table that another program has rewritten says the same in other types: lists of any length,
text of another kind, whole numbers as floats. What can be read without a guess is read; what
is missing or is something else is refused by column and row, counted from 0.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, TrothError
from troth.features import FeatureSchema
from troth.logs.checks import refuse_first
from troth.logs.facts import facts_schema, told_columns
from troth.logs.values import (
    array_of,
    block,
    feature,
    flat,
    is_text,
    refuse_numerals,
    series,
    value_type,
)

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

LOG_SCHEMA_VERSION = "2"
_READABLE = ("1", LOG_SCHEMA_VERSION)
"""Version 1 is the same without facts about customers."""
OPTIONAL = ("episode", "step", "policy_digest")
"""Columns that a DataFrame may leave out: nothing is estimated from them."""
_TITLES = 10
"""Rows in which a header may stand that a title has been taken for."""


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
    if version.decode(errors="replace") not in _READABLE:
        raise InvalidArgument(
            f"not a Troth log of schema version {' or '.join(_READABLE)}", field="metadata"
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
    fields = log_schema(schema.raw_width, len(catalogue))
    _refuse_missing(
        [name for name in fields.names if name not in table.column_names],
        table.column_names,
        [list(row.values()) for row in table.slice(0, _TITLES).to_pylist()],
        "; what from_frame fills in or finds elsewhere, it does for "
        "LoggedBatch.from_frame(pandas.read_parquet(path), schema, catalogue)",
    )
    for field in fields:
        at = table.schema.get_all_field_indices(field.name)
        if len(at) != 1:
            raise InvalidArgument(f"there are {len(at)} such columns", field=field.name)
        column = table.column(at[0])
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if not len(array):  # without values a type says nothing: pandas has none for lists
            array = pa.array([], field.type)
        if array.null_count:
            refuse_first(array.is_null().to_numpy(zero_copy_only=False), field.name, "missing")
        if field.name in ("features", "mask"):
            found[field.name] = block(array, field)
        else:
            found[field.name] = flat(array, field, catalogue)
            if field.name == "action" and not ours and not is_text(value_type(array.type)):
                refuse_numerals(found["action"], catalogue)
    return found


def table_of(frame: pd.DataFrame, schema: FeatureSchema, catalogue: Catalogue) -> pa.Table:
    """A DataFrame's columns for :func:`columns_of`, what may be left out filled in.

    Raises:
        InvalidArgument: if a column is absent, is there twice, or has values of several types.
    """
    import pyarrow as pa

    arrays: dict[str, pa.Array] = {}
    names = list(frame.columns)
    wanted = log_schema(schema.raw_width, len(catalogue)).names
    lists = "features" in names
    needed = [name for name in wanted if name not in (*OPTIONAL, "features")]
    missing = [name for name in needed if name not in names]
    absent = [] if lists else [name for name in schema.names if name not in names]
    _refuse_missing(
        missing + [f"features[{name}]" for name in absent],
        names,
        frame.head(_TITLES).to_numpy(dtype=object).tolist(),
        ("; features are one column each, or lists in 'features'" if absent else "")
        + (
            "; the index holds it: reset_index() makes a column of it"
            if {*missing, *absent} & {*frame.index.names}
            else ""
        ),
    )
    for name in wanted:
        if name == "features" and not lists:
            raw = np.column_stack([feature(frame, each) for each in schema.names])
            arrays[name] = pa.FixedSizeListArray.from_arrays(raw.reshape(-1), schema.raw_width)
        elif name in names:
            arrays[name] = array_of(series(frame, name), name)
    for name in (*facts_schema(len(catalogue)).names, *told_columns(names)):
        if name in names:
            arrays[name] = array_of(series(frame, name), name)
    zeros = pa.array(np.zeros(len(frame), dtype=np.int32))
    arrays.setdefault("episode", zeros)
    arrays.setdefault("step", zeros)
    arrays.setdefault("policy_digest", pa.array(np.full(len(frame), "")))
    return pa.table(arrays)


def _refuse_missing(
    missing: Sequence[str],
    present: Sequence[object],
    rows: Sequence[Sequence[object]],
    remedy: str,
) -> None:
    """Name all columns that are not there at once, and what may have become of them.

    Args:
        missing: their names, features as ``features[name]``.
        present: the names that there are.
        rows: the first rows' values, among which a header may stand.
        remedy: what else may be done, in words.
    """
    if not missing:
        return
    bare = [name.removeprefix("features[").removesuffix("]") for name in missing]
    said = "column is missing"
    if len(missing) > 1:
        said += f", and so {'is' if len(missing) == 2 else 'are'} {', '.join(missing[1:])}"
    known = {str(name).strip().casefold(): name for name in present}
    if near := [known[name.casefold()] for name in bare if name.casefold() in known]:
        said += f"; there is {', '.join(map(repr, near))}, spelled otherwise"
    for at, values in enumerate(rows):
        texts = {str(value).strip() for value in values}
        if len(texts.intersection(bare)) > len(bare) / 2:
            said += (
                f"; row {at} holds the names of the columns, so that what stands above it is a "
                f"title: pandas.read_csv and read_excel leave it out with skiprows={at + 1}"
            )
            break
    raise InvalidArgument(said + remedy, field=missing[0])


def places(customers: NDArray[Any], times: NDArray[Any]) -> NDArray[np.int64]:
    """The place of each decision in its customer's history, from 0, by time: int64 (n,)."""
    order = np.lexsort((times, customers))
    _, start, count = np.unique(customers[order], return_index=True, return_counts=True)
    steps = np.empty(len(order), dtype=np.int64)
    steps[order] = np.arange(len(order)) - np.repeat(start, count)
    return steps
