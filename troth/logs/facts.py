"""Facts about customers in a log: the columns that guardrails need beside the decisions.

A log has all of them or none. Lists of contacts are as long as the row has contacts. Told facts
(:class:`troth.guardrails.told.ToldFact`) may stand beside them, each in a column ``fact.NAME`` of
whole numbers, or true and false, that is null where nobody was told.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import CHANNELS, Catalogue
from troth.errors import InvalidArgument
from troth.guardrails.columns import CONTACTS, DECLARED, NEVER_US, FactColumn, FactsBatch
from troth.guardrails.told import UNTOLD
from troth.ids import is_name
from troth.logs.checks import refuse_first

if TYPE_CHECKING:
    import pyarrow as pa


TOLD = "fact."
"""How columns of told facts begin."""


def told_columns(names: Iterable[object]) -> list[str]:
    """Which of the columns ``names`` hold told facts, ascending."""
    return sorted(
        name
        for name in names
        if isinstance(name, str) and name.startswith(TOLD) and is_name(name.removeprefix(TOLD))
    )


def told_schema(facts: FactsBatch) -> pa.Schema:
    """The Arrow schema of the told facts, next to that of :func:`facts_schema`."""
    import pyarrow as pa

    return pa.schema([pa.field(f"{TOLD}{name}", pa.int64()) for name in sorted(facts.told)])


def facts_schema(actions: int) -> pa.Schema:
    """The Arrow schema of the facts for K actions, next to that of the decisions."""
    import pyarrow as pa

    widths = {"channel": len(CHANNELS), "action": actions}

    def stored(column: FactColumn) -> pa.DataType:
        kind = pa.type_for_alias(column.stored)
        return pa.list_(kind, widths.get(column.per, -1)) if column.per else kind

    return pa.schema(
        [pa.field(name, stored(column), nullable=False) for name, column in DECLARED.items()]
    )


def check_facts(facts: FactsBatch, n: int, catalogue: Catalogue) -> None:
    """Refuse facts that are not of these decisions; each value is as :class:`FactsBatch` has it.

    Raises:
        InvalidArgument: naming the column.
    """
    if len(facts) != n:
        raise InvalidArgument(f"{len(facts)} rows for {n} decisions", field="facts")
    if facts.granted_today.shape[1] != len(catalogue):
        raise InvalidArgument(
            f"{facts.granted_today.shape[1]} actions, where the catalogue has {len(catalogue)}",
            field="facts.granted_today",
        )


def facts_to_arrays(facts: FactsBatch, schema: pa.Schema) -> list[pa.Array]:
    """The columns of :func:`facts_schema` or :func:`told_schema`, in its order."""
    import pyarrow as pa

    real = facts.contact_age_us != NEVER_US
    offsets = np.concatenate(([0], np.cumsum(real.sum(axis=1)))).astype(np.int32)
    arrays = []
    for field in schema:
        if field.name.startswith(TOLD):
            told = facts.told[field.name.removeprefix(TOLD)]
            arrays.append(pa.array(told, field.type, mask=told == UNTOLD))
            continue
        column = getattr(facts, field.name)
        if field.name in CONTACTS:
            values = pa.array(column[real], field.type.value_type)
            arrays.append(pa.ListArray.from_arrays(pa.array(offsets), values))
        elif column.ndim == 2:
            values = pa.array(np.ascontiguousarray(column).reshape(-1), field.type.value_type)
            arrays.append(pa.FixedSizeListArray.from_arrays(values, type=field.type))
        else:
            arrays.append(pa.array(column, field.type))
    return arrays


def facts_of(table: pa.Table, catalogue: Catalogue) -> FactsBatch | None:
    """The facts in a table's columns, ``None`` if it has none of them.

    Raises:
        InvalidArgument: if some are absent, there twice or hold something else, or a value is
            missing.
    """
    schema = facts_schema(len(catalogue))
    times = {name: len(table.schema.get_all_field_indices(name)) for name in schema.names}
    if not any(times.values()):
        return None
    for name, found in times.items():
        if found != 1:
            raise InvalidArgument(
                f"there are {found} such columns"
                if found
                else "column is missing, where other columns of facts are there: a log has all of "
                f"{', '.join(schema.names)}, or none",
                field=name,
            )
    columns: dict[str, Any] = {}
    for field in schema:
        column = table.column(field.name)
        array = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
        if array.null_count:
            refuse_first(array.is_null().to_numpy(zero_copy_only=False), field.name, "missing")
        columns[field.name] = _read(array, field)
    _require_pairs(columns)
    padded: dict[str, Any] = {
        name: _padded(column, DECLARED[name].pad) if name in CONTACTS else column
        for name, column in columns.items()
    }
    told = {
        name.removeprefix(TOLD): _read_told(table, name)
        for name in told_columns(table.column_names)
    }
    return FactsBatch(told=told, **padded)


def _read_told(table: pa.Table, name: str) -> NDArray[np.int64]:
    """A told fact's column, int64 (n,), ``UNTOLD`` where it is null."""
    import pyarrow as pa
    import pyarrow.compute as pc

    times = len(table.schema.get_all_field_indices(name))
    if times != 1:
        raise InvalidArgument(f"there are {times} such columns", field=name)
    array = table.column(name).combine_chunks()
    if pa.types.is_null(array.type):
        return np.full(len(array), UNTOLD)
    if pa.types.is_boolean(array.type):
        array = array.cast(pa.int8())
    untold = array.is_null(nan_is_null=True)
    # Whole numbers with gaps are floats in pandas, and a gap is NaN.
    values = _values(pc.if_else(untold, pa.scalar(0, array.type), array), pa.int64(), name)
    return np.where(untold.to_numpy(zero_copy_only=False), UNTOLD, values)


def _read(array: pa.Array, field: pa.Field) -> Any:
    """One column; of lists of any length their lengths (n,) and all values."""
    import pyarrow as pa

    kind = field.type
    if not pa.types.is_nested(kind):
        return _values(array, kind, field.name)
    if not len(array):  # without values a type says nothing: pandas has none for lists
        array = pa.array([], kind)
    is_list = (pa.types.is_list, pa.types.is_large_list, pa.types.is_fixed_size_list)
    if not any(is_one(array.type) for is_one in is_list):
        raise InvalidArgument(f"{array.type} is not {kind}", field=field.name)
    lengths = _lengths(array)
    values = _values(array.flatten(), kind.value_type, field.name, lengths)
    if field.name in CONTACTS:
        return lengths, values
    width = kind.list_size
    wrong = lengths != width
    if wrong.any():
        row = int(np.argmax(wrong))
        raise InvalidArgument(f"{lengths[row]} values in row {row}, not {width}", field=field.name)
    return values.reshape(len(array), width)


def _lengths(array: pa.Array) -> NDArray[np.int64]:
    import pyarrow.compute as pc

    return np.asarray(pc.list_value_length(array).to_numpy(zero_copy_only=False)).astype(np.int64)


def _values(
    array: pa.Array, kind: pa.DataType, name: str, lengths: NDArray[np.int64] | None = None
) -> NDArray[Any]:
    """Whole numbers, or true and false, of exactly this type; ``lengths`` says of which rows."""
    import pyarrow as pa

    if array.null_count:
        rows = array.is_null().to_numpy(zero_copy_only=False)
        raise InvalidArgument(f"a value is missing in row {_row(rows, lengths)}", field=name)
    empty = pa.types.is_null(array.type) and not len(array)
    number = pa.types.is_integer(array.type) or pa.types.is_floating(array.type)
    whole = number and pa.types.is_integer(kind)  # a fraction is refused below
    if not empty and not whole and array.type != kind:
        raise InvalidArgument(f"{array.type} is not {kind}", field=name)
    try:
        values = array.cast(kind).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid as error:
        given = array.to_numpy(zero_copy_only=False)
        ends = np.iinfo(kind.to_pandas_dtype())
        lost = ~((given >= ends.min) & (given <= ends.max) & (given == np.floor(given)))
        raise InvalidArgument(
            f"{array.type} as {kind}: {error} in row {_row(lost, lengths)}", field=name
        ) from error
    wide = pa.types.is_integer(kind) and kind != pa.int8()
    return np.asarray(values, dtype=np.int64 if wide else None)


def _row(bad: NDArray[np.bool_], lengths: NDArray[np.int64] | None) -> int:
    """The first row in which a value is ``bad``."""
    at = int(np.argmax(bad))
    return at if lengths is None else int(np.searchsorted(np.cumsum(lengths), at, "right"))


def _require_pairs(columns: dict[str, Any]) -> None:
    """Each contact has its moment, its channel, and whatever else is known of contacts."""
    first, *others = CONTACTS
    expected = columns[first][0]
    for name in others:
        found = columns[name][0]
        wrong = found != expected
        if wrong.any():
            row = int(np.argmax(wrong))
            raise InvalidArgument(
                f"{found[row]} values in row {row}, where {first} has {expected[row]}", field=name
            )


def _padded(lists: tuple[NDArray[np.int64], NDArray[Any]], pad: int) -> NDArray[Any]:
    """Lists as rows (n, M) of the longest one's length."""
    lengths, values = lists
    width = int(lengths.max()) if len(lengths) else 0
    block = np.full((len(lengths), width), pad, dtype=values.dtype)
    block[np.arange(width) < lengths[:, None]] = values
    return block
