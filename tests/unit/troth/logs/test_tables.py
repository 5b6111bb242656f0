"""Logs of other hands: what is missing, doubled or something else is named by column and row."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.logs import SCHEMA, catalogue, flat, same
from tests.support.logs import few as log
from troth.catalogue import Catalogue
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument, NotFound
from troth.logs.batches import LoggedBatch
from troth.logs.checks import first_doubled
from troth.logs.tables import log_schema

N, K = 6, 3
ACTIONS = catalogue(K)


def test_a_frame_makes_the_log_it_came_from() -> None:
    """With lists for features and mask, as ``to_frame`` gives, whatever the index and order."""
    batch = log()
    frame = batch.to_frame()
    assert same(LoggedBatch.from_frame(frame, SCHEMA, ACTIONS), batch)
    turned = frame.sample(frac=1, random_state=3)
    order = turned.index.to_numpy()
    assert same(LoggedBatch.from_frame(turned, SCHEMA, ACTIONS), batch.take(order))


def test_a_frame_of_plain_columns_is_a_log() -> None:
    """A column per feature, actions by name; what is left out is filled in as documented."""
    batch = log()
    found = LoggedBatch.from_frame(flat(batch), SCHEMA, ACTIONS)
    assert same(found, replace(batch, policy_digest=np.full(N, "")))
    later_first = LoggedBatch.from_frame(flat(batch).iloc[::-1], SCHEMA, ACTIONS)
    np.testing.assert_array_equal(later_first.step, [1, 0] * 3)


def test_what_pandas_keeps_as_other_types_is_read() -> None:
    """Whole numbers as floats, ids as numbers or categories, moments of another zone."""
    batch = log()
    frame = flat(batch).assign(
        action=batch.action.astype(float),
        customer_id=pd.Categorical(np.arange(N) // 2),
        decided_at=lambda f: f["decided_at"].dt.tz_convert("Europe/Berlin").dt.as_unit("ns"),
        reward_minor=(batch.reward_minor * 2).astype(int),
    )
    found = LoggedBatch.from_frame(frame, SCHEMA, ACTIONS)
    np.testing.assert_array_equal(found.action, batch.action)
    np.testing.assert_array_equal(found.decided_at, batch.decided_at)
    np.testing.assert_array_equal(found.customer_id, ["0", "0", "1", "1", "2", "2"])


def test_a_log_that_pandas_filtered_is_readable(tmp_path: Path) -> None:
    """It has lost its catalogue and schema; with both given it is the log's rows."""
    batch = log()
    batch.write(tmp_path / "log.parquet")
    frame = pd.read_parquet(tmp_path / "log.parquet")
    kept = frame[frame["reward_minor"] > 2]
    kept.to_parquet(tmp_path / "kept.parquet")
    with pytest.raises(InvalidArgument, match="carries no feature schema and no catalogue"):
        LoggedBatch.read(tmp_path / "kept.parquet")
    with pytest.raises(InvalidArgument, match="metadata"):
        LoggedBatch.read(tmp_path / "kept.parquet", schema=SCHEMA)
    found = LoggedBatch.read(tmp_path / "kept.parquet", schema=SCHEMA, catalogue=ACTIONS)
    assert same(found, batch.take(kept.index.to_numpy()))
    assert len(found) == 4


def test_a_file_of_own_columns_is_told_its_way_in(tmp_path: Path) -> None:
    """Without what a frame may leave out, the error names the call that takes it."""
    path = tmp_path / "own.parquet"
    log().to_frame().drop(columns="episode").to_parquet(path)
    with pytest.raises(InvalidArgument, match="from_frame") as refused:
        LoggedBatch.read(path, schema=SCHEMA, catalogue=ACTIONS)
    assert refused.value.field == "episode"
    assert len(LoggedBatch.from_frame(pd.read_parquet(path), SCHEMA, ACTIONS)) == len(log())


def test_what_a_log_carries_must_be_what_is_given(tmp_path: Path) -> None:
    """A schema or a catalogue that differs from the log's own is no second opinion."""
    path = tmp_path / "log.parquet"
    log().write(path)
    assert same(LoggedBatch.read(path, schema=SCHEMA, catalogue=ACTIONS), log())
    with pytest.raises(FailedPrecondition) as refused:
        LoggedBatch.read(path, schema=SCHEMA, catalogue=catalogue(K + 1))
    assert refused.value.field == "log.catalogue"
    with pytest.raises(FailedPrecondition) as refused:
        LoggedBatch.read(path, schema=type(SCHEMA)(SCHEMA.features[:1]))
    assert refused.value.field == "log.features"


@pytest.mark.parametrize("damage", [{b"troth.catalogue": b"{"}, {b"troth.feature_schema": None}])
def test_damaged_metadata_is_a_typed_error(damage: dict[bytes, bytes | None]) -> None:
    """Not a traceback of JSON's."""
    table = log().to_table()
    metadata = {**table.schema.metadata, **damage}
    kept = {key: value for key, value in metadata.items() if value is not None}
    with pytest.raises(DataLoss, match="metadata"):
        LoggedBatch.from_table(table.replace_schema_metadata(kept))


def _with_null(table: pa.Table, name: str, row: int) -> pa.Table:
    """One value gone from one column."""
    values = table.column(name).to_pylist()
    values[row] = None
    field = table.schema.field(name).with_nullable(True)
    at = table.schema.get_field_index(name)
    return table.set_column(at, field, pa.array(values, field.type))


@pytest.mark.parametrize("name", log_schema(2, K).names)
def test_a_missing_value_is_refused_by_column_and_row(name: str, tmp_path: Path) -> None:
    """In each column in turn; from a table, from a file, and from a DataFrame."""
    table = _with_null(log().to_table(), name, 4)
    pq.write_table(table, tmp_path / "log.parquet")
    frame = log().to_frame().astype({name: object})
    frame.at[4, name] = None
    makers: list[Callable[[], LoggedBatch]] = [
        lambda: LoggedBatch.from_table(table),
        lambda: LoggedBatch.read(tmp_path / "log.parquet"),
        lambda: LoggedBatch.from_frame(frame, SCHEMA, ACTIONS),
    ]
    for make in makers:
        with pytest.raises(InvalidArgument) as refused:
            make()
        assert str(refused.value) == f"{name}: missing in row 4"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("mask", [True, None, True], "mask: a value is missing in row 2"),
        ("mask", [True, True], "mask: 2 values in row 2, not 3"),
        ("features", [1.0, 2.0, 3.0], "features: 3 values in row 2, not 2"),
        ("features", [], "features: 0 values in row 2, not 2"),
        ("features", [1.0, np.inf], "features[x1]: inf in row 2"),
        ("propensity", np.nan, "propensity: missing in row 2"),
        ("reward_minor", np.nan, "reward_minor: missing in row 2"),
        ("reward_minor", -np.inf, "reward_minor: not finite in row 2"),
        ("propensity", 0.0, "propensity: 0 in row 2 is outside (0, 1]"),
        ("decided_at", pd.NaT, "decided_at: missing in row 2"),
        ("customer_id", "", "customer_id: empty in row 2"),
        ("decision_id", "", "decision_id: empty in row 2"),
        ("action", 3, "action: 3 in row 2 is outside 0..2"),
        ("action", -1, "action: -1 in row 2 is outside 0..2"),
        (
            "decision_id",
            "D00000000",
            "decision_id: 'D00000000' is in row 0 and again in row 2; each decision is logged once",
        ),
    ],
)
def test_a_value_that_cannot_be_is_refused_by_column_and_row(
    name: str, value: Any, message: str
) -> None:
    """Lists of another length, values missing inside them, numbers out of range."""
    frame = log().to_frame()
    frame[name] = [value if row == 2 else old for row, old in enumerate(frame[name])]
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        LoggedBatch.from_frame(frame, SCHEMA, ACTIONS)
    table = pa.Table.from_pandas(frame).replace_schema_metadata(log().to_table().schema.metadata)
    with pytest.raises(InvalidArgument, match=re.escape(message)):
        LoggedBatch.from_table(table)


def test_a_feature_that_is_missing_is_no_missing_value(tmp_path: Path) -> None:
    """NaN, which pandas writes as a null inside the list, stands for it."""
    log().to_frame().to_parquet(tmp_path / "log.parquet")
    assert pq.read_table(tmp_path / "log.parquet").column("features")[2].as_py()[1] is None
    found = LoggedBatch.read(tmp_path / "log.parquet", schema=SCHEMA, catalogue=ACTIONS)
    assert np.isnan(found.contexts.raw[2, 1])


def test_a_path_may_be_text(tmp_path: Path) -> None:
    """As pandas takes it."""
    log().write(str(tmp_path / "log.parquet"))
    assert same(LoggedBatch.read(str(tmp_path / "log.parquet")), log())
    with pytest.raises(NotFound, match="absent"):
        LoggedBatch.read(str(tmp_path / "absent.parquet"))


def test_a_logged_action_that_its_mask_excludes_is_named() -> None:
    """By its column and row."""
    mask = np.ones((N, K), dtype=bool)
    mask[4, 1] = False
    with pytest.raises(InvalidArgument, match="1 in row 4 was logged and, by its mask, not"):
        replace(log(), mask=mask)


@pytest.mark.parametrize(
    ("name", "column", "message"),
    [
        ("customer_id", np.array(["a", None, "b", "c", "d", "e"], object), "missing in row 1"),
        ("customer_id", np.arange(N).astype(object), "object is not text"),
        ("action", np.zeros(N), "float64 is not whole numbers"),
        ("censored", np.zeros(N, int), "int64 is not true or false"),
        ("decided_at", np.full(N, "2026"), "<U4 is not moments"),
        ("mask", np.ones((N, K)), "float64"),
    ],
)
def test_columns_of_another_type_are_refused(name: str, column: np.ndarray, message: str) -> None:
    """Before a comparison with them means something else than it says."""
    with pytest.raises(InvalidArgument, match=re.escape(f"{name}: {message}")):
        replace(log(), **{name: column})


def test_an_empty_frame_is_an_empty_log() -> None:
    """A filter that keeps nothing is no fault of the table."""
    frame = log().to_frame().iloc[:0]
    assert len(LoggedBatch.from_frame(frame, SCHEMA, ACTIONS)) == 0


def test_doubled_ids_are_found_exactly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The first row that repeats an earlier one, though other texts share its hash."""
    rng = np.random.default_rng(5)
    ids = np.array([f"{value:036x}" for value in rng.integers(0, 2**62, 20_000)])
    assert first_doubled(ids) is None
    ids[15_000], ids[19_000] = ids[12], ids[3]
    assert first_doubled(ids) == (12, 15_000)
    assert first_doubled(np.array(["a", "b", "b", "a"])) == (1, 2)
    monkeypatch.setattr("troth.logs.checks._hashes", lambda ids: np.zeros(len(ids), np.uint64))
    assert first_doubled(np.array(["a", "b", "c"])) is None
    assert first_doubled(np.array(["a", "b", "b"])) == (1, 2)


def _numerals(*ids: str) -> Catalogue:
    first, *rest = ACTIONS.actions
    named = (replace(action, action_id=name) for action, name in zip(rest, ids, strict=True))
    return Catalogue((first, *named), ACTIONS.journeys)


@pytest.mark.parametrize("kind", [int, float, "category"])
def test_numbers_that_are_ids_of_other_actions_are_refused(kind: Any) -> None:
    """A file's ids 2 and 1 come back as numbers and would be read as columns, arms swapped."""
    frame = flat(log()).assign(action=np.array([0, 2, 1, 0, 2, 1]))
    with pytest.raises(InvalidArgument, match="is the id of one action and the column") as refused:
        LoggedBatch.from_frame(frame.astype({"action": kind}), SCHEMA, _numerals("2", "1"))
    assert refused.value.field == "action"
    text = frame.assign(action=["none", "2", "1", "none", "2", "1"])
    found = LoggedBatch.from_frame(text, SCHEMA, _numerals("2", "1"))
    np.testing.assert_array_equal(found.action, [0, 1, 2, 0, 1, 2])


def test_numbers_that_can_only_be_columns_are_read(tmp_path: Path) -> None:
    """Each id at its own column, or none of those seen; and a table of our own is by column."""
    frame = flat(log()).assign(action=np.arange(N) % K)
    for known in (_numerals("1", "2"), _numerals("100", "200")):
        found = LoggedBatch.from_frame(frame, SCHEMA, known)
        np.testing.assert_array_equal(found.action, np.arange(N) % K)
    swapped = replace(log(), catalogue=_numerals("2", "1"))
    swapped.write(tmp_path / "log.parquet")
    assert same(LoggedBatch.read(tmp_path / "log.parquet"), swapped)
    with pytest.raises(InvalidArgument, match="give ids as text"):
        LoggedBatch.from_frame(frame, SCHEMA, _numerals("002", "001"))
