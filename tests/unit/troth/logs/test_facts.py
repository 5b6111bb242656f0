"""Facts in logs: they come back as they were, all or none, and what is none of them is named."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from tests.support.logs import SCHEMA, catalogue, log_of, same
from troth.catalogue import CHANNELS
from troth.errors import InvalidArgument
from troth.guardrails.columns import NEVER_US, FactsBatch
from troth.logs.batches import LoggedBatch
from troth.logs.facts import facts_schema

N, K = 6, 3
ACTIONS = catalogue(K)
COLUMNS = facts_schema(K).names
WEEK_US = timedelta(days=7) // timedelta(microseconds=1)


def facts(n: int = N) -> FactsBatch:
    """Customers with none to three contacts each, one without a time zone."""
    rng = np.random.default_rng(3)
    listed = np.arange(3) < (np.arange(n) % 4)[:, None]
    return FactsBatch(
        permissions=rng.integers(-1, 2, size=(n, len(CHANNELS))).astype(np.int8),
        local_minute=np.where(np.arange(n) == 1, -1, rng.integers(0, 1440, size=n)),
        contact_age_us=np.where(listed, rng.integers(0, WEEK_US, size=(n, 3)), NEVER_US),
        contact_channel=np.where(listed, rng.integers(0, 9, size=(n, 3)), 0).astype(np.int8),
        granted_today=rng.random((n, K)) < 0.5,
        listed_us=np.full(n, WEEK_US),
    )


def log(n: int = N) -> LoggedBatch:
    """A log with facts."""
    ones = np.ones(n)
    plain = log_of(action=np.arange(n) % K, propensity=ones / K, reward=ones, actions=K)
    return replace(plain, facts=facts(n))


@pytest.mark.parametrize("n", [0, 1, 2, N, 500])
def test_facts_come_back_as_they_were(n: int, tmp_path: Path) -> None:
    """Through Parquet, Arrow and pandas, in whole and in parts; also where nobody was contacted."""
    whole = log(n)
    whole.write(tmp_path / "log.parquet")
    read = LoggedBatch.read(tmp_path / "log.parquet")
    assert read.facts is not None
    if n >= 4:  # the longest list of a smaller log is shorter than the padding
        assert same(read, whole)
    assert same(LoggedBatch.from_table(whole.to_table()), read)
    assert same(LoggedBatch.from_frame(whole.to_frame(), SCHEMA, ACTIONS), read)
    parts = [whole.take(slice(0, n // 2)), whole.take(np.arange(n // 2, n))]
    assert same(LoggedBatch.concatenate(parts), whole)


def test_facts_may_be_rewritten_in_other_types() -> None:
    """Lists of any length, wider numbers, whole numbers as fractions: what needs no guess."""
    table = log().to_table()
    for name, kind in (
        ("permissions", pa.list_(pa.int64())),
        ("local_minute", pa.float64()),
        ("contact_age_us", pa.large_list(pa.int64())),
        ("granted_today", pa.list_(pa.bool_())),
        ("listed_us", pa.float64()),
    ):
        at = table.schema.get_field_index(name)
        values = pa.array(table.column(name).to_pylist(), kind)
        table = table.set_column(at, pa.field(name, kind), values)
    assert same(LoggedBatch.from_table(table), log())


def test_a_log_of_the_first_version_is_read_without_facts() -> None:
    """As it was written before logs carried them."""
    plain = replace(log(), facts=None)
    table = plain.to_table()
    metadata = {**table.schema.metadata, b"troth.log_schema": b"1"}
    old = LoggedBatch.from_table(table.replace_schema_metadata(metadata))
    assert old.facts is None
    assert same(old, plain)
    with pytest.raises(InvalidArgument, match="schema version 1 or 2"):
        LoggedBatch.from_table(
            table.replace_schema_metadata({**metadata, b"troth.log_schema": b"3"})
        )


def test_logs_with_and_without_facts_are_not_put_together() -> None:
    """Half a column of facts would be read as nothing known."""
    with pytest.raises(InvalidArgument, match="1 of 2 logs have facts"):
        LoggedBatch.concatenate([log(), replace(log(), facts=None)])


@pytest.mark.parametrize("name", COLUMNS)
def test_facts_are_all_there_or_none(name: str) -> None:
    """A log that lost one column is not judged by the rest."""
    frame = log().to_frame().drop(columns=name)
    for make in (
        lambda: LoggedBatch.from_table(log().to_table().drop_columns([name])),
        lambda: LoggedBatch.from_frame(frame, SCHEMA, ACTIONS),
    ):
        with pytest.raises(InvalidArgument, match="column is missing") as caught:
            make()
        assert caught.value.field == name


def _with(name: str, value: Any, row: int = 2) -> pd.DataFrame:
    frame = log().to_frame().astype({name: object})
    frame.at[row, name] = value
    return frame


@pytest.mark.parametrize("name", COLUMNS)
def test_a_missing_fact_is_refused_by_column_and_row(name: str) -> None:
    """What is unknown is written as unknown, not left out."""
    with pytest.raises(InvalidArgument) as caught:
        LoggedBatch.from_frame(_with(name, None, row=4), SCHEMA, ACTIONS)
    assert str(caught.value) == f"{name}: missing in row 4"


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("permissions", [1] * 8, "permissions: 8 values in row 2, not 9"),
        ("permissions", [1] * 8 + [None], "permissions: a value is missing in row 2"),
        ("permissions", [1] * 8 + [2], "facts.permissions: 2 in row 2 is not -1, 0 or 1"),
        ("local_minute", 1440, "facts.local_minute: 1440 in row 2 is not -1..1439"),
        ("contact_age_us", [1, 2, 3], "contact_channel: 2 values in row 2, where"),
        ("contact_age_us", [1, -2], "facts.contact_age_us: -2 in row 2 is not 0 or more"),
        ("contact_age_us", [1, None], "contact_age_us: a value is missing in row 2"),
        ("contact_channel", [1, 9], "facts.contact_channel: 9 in row 2 is not 0..8"),
        ("granted_today", [True, True], "granted_today: 2 values in row 2, not 3"),
        ("listed_us", 0, "facts.listed_us: 0 in row 2 is not above 0"),
    ],
)
def test_a_fact_that_is_none_is_named(name: str, value: Any, message: str) -> None:
    """By column and row, in a DataFrame."""
    with pytest.raises(InvalidArgument) as caught:
        LoggedBatch.from_frame(_with(name, value), SCHEMA, ACTIONS)
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize("value", [2**63, 2**64, -(2**63) - 1, 10**30])
@pytest.mark.parametrize("name", [*COLUMNS, "features", "mask", "action", "step", "customer_id"])
def test_whole_numbers_beyond_sixty_four_bits_are_named_by_row(name: str, value: int) -> None:
    """In a list or alone, of whatever column."""
    cell = log().to_frame()[name].iloc[2]
    given = [value, *list(cell)[1:]] if isinstance(cell, np.ndarray) else value
    with pytest.raises(InvalidArgument, match=rf"{value} in row 2 is outside") as caught:
        LoggedBatch.from_frame(_with(name, given), SCHEMA, ACTIONS)
    assert caught.value.field == name


@pytest.mark.parametrize("name", ["permissions", "contact_age_us", "contact_channel", "listed_us"])
def test_unsigned_numbers_that_do_not_fit_are_named_by_row(name: str) -> None:
    """As NumPy writes them."""
    frame = log().to_frame()
    column = [np.array(cell, dtype=np.uint64) for cell in np.abs(frame[name])]
    column[3] = np.full_like(column[3], 2**63)
    with pytest.raises(InvalidArgument, match="in row 3") as caught:
        LoggedBatch.from_frame(frame.assign(**{name: column}), SCHEMA, ACTIONS)
    assert caught.value.field == name


@pytest.mark.parametrize(
    ("name", "values", "kind"),
    [
        ("permissions", [[257] * 9] * N, pa.list_(pa.int64())),  # 1 if it were cut to eight bits
        ("permissions", [[True] * 9] * N, pa.list_(pa.bool_())),
        ("local_minute", [0.5] * N, pa.float64()),
        ("local_minute", ["540"] * N, pa.string()),
        ("granted_today", [[1] * K] * N, pa.list_(pa.int64())),
        ("contact_age_us", [3] * N, pa.int64()),
    ],
)
def test_columns_of_another_kind_are_refused(
    name: str, values: list[Any], kind: pa.DataType
) -> None:
    """What could only be guessed at."""
    table = log().to_table()
    at = table.schema.get_field_index(name)
    table = table.set_column(at, pa.field(name, kind), pa.array(values, kind))
    with pytest.raises(InvalidArgument) as caught:
        LoggedBatch.from_table(table)
    assert caught.value.field == name


@pytest.mark.parametrize(
    "change",
    [
        lambda: facts(N - 1),
        lambda: replace(facts(), granted_today=np.zeros((N, K + 1), dtype=bool)),
    ],
)
def test_facts_of_another_log_are_refused(change: Callable[[], FactsBatch]) -> None:
    """As many rows as decisions, as many columns as actions."""
    with pytest.raises(InvalidArgument, match="facts"):
        replace(log(), facts=change())
