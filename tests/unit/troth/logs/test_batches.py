"""Logged batches: validation and the one Arrow schema."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from tests.support.logs import same
from troth.catalogue import NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument, NotFound
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.logs.batches import LoggedBatch
from troth.logs.tables import log_schema


def batch(n: int = 5) -> LoggedBatch:
    """A small log over two actions."""
    schema = FeatureSchema(
        (
            Feature(name="a", kind=FeatureKind.NUMERIC, low=-9, high=9),
            Feature(name="b", kind=FeatureKind.FLAG, low=0, high=1),
        )
    )
    nothing = NO_CONTACT_ACTION
    mail = Action(
        action_id="mail",
        journey="j",
        step=1,
        offer="o",
        kind=OfferKind.CONTENT,
        channel=Channel.EMAIL,
    )
    rng = np.random.default_rng(1)
    raw = rng.normal(size=(n, 2)).astype(np.float32)
    raw[:1, 0] = np.nan
    return LoggedBatch(
        contexts=ContextBatch(schema, raw),
        catalogue=Catalogue((nothing, mail), ("j",)),
        mask=np.column_stack((np.ones(n, bool), np.arange(n) % 2 == 0)),
        action=(np.arange(n) % 2 == 0).astype(np.int64),
        propensity=np.full(n, 0.5),
        reward_minor=rng.normal(size=n),
        censored=np.arange(n) == 1,
        customer_id=np.array([f"C{i:08d}" for i in range(n)], dtype=np.str_),
        episode=np.zeros(n, np.int64),
        step=np.arange(n),
        decided_at=np.datetime64("2026-01-01T12:00:00", "us") + np.arange(n),
        decision_id=np.array([f"D{i}" for i in range(n)], dtype=np.str_),
        policy_digest=np.array(["f" * 64] * n, dtype=np.str_),
    )


def test_parquet_round_trip(tmp_path: Path) -> None:
    """What is written is read back to the bit, also through row groups and slices."""
    log = batch(1000)
    log.write(tmp_path / "deep" / "log.parquet")
    assert same(LoggedBatch.read(tmp_path / "deep" / "log.parquet"), log)
    pieces = LoggedBatch.concatenate([log.take(slice(0, 400)), log.take(slice(400, None))])
    assert same(pieces, log)
    sliced = LoggedBatch.from_table(log.to_table().slice(10, 50))
    assert same(sliced, log.take(slice(10, 60)))
    assert not list(tmp_path.glob("**/*.partial"))


def test_two_logs_written_at_once_do_not_mix(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Another process writes the same file meanwhile: the one that ends last is there whole."""
    path = tmp_path / "log.parquet"
    write, others = pq.write_table, [batch(7)]

    def interrupted(*args: Any, **options: Any) -> None:
        write(*args, **options)
        if others:
            others.pop().write(path)

    monkeypatch.setattr(pq, "write_table", interrupted)
    batch(1000).write(path)
    assert same(LoggedBatch.read(path), batch(1000))
    assert list(tmp_path.iterdir()) == [path]


def test_the_stored_schema_is_the_one_schema() -> None:
    """Names, types and nullability in the table are those of ``log_schema``."""
    assert batch().to_table().schema.equals(log_schema(2, 2), check_metadata=False)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"propensity": np.array([0.5, 0.5, 0.0, 0.5, 0.5])}, "propensity"),
        ({"propensity": np.array([0.5, 0.5, 1.5, 0.5, 0.5])}, "propensity"),
        ({"propensity": np.array([0.5, 0.5, np.nan, 0.5, 0.5])}, "propensity"),
        ({"action": np.array([1, 1, 1, 0, 1])}, "action"),
        ({"action": np.array([1, 0, 2, 0, 1])}, "action"),
        ({"reward_minor": np.array([0, 0, np.inf, 0, 0])}, "reward_minor"),
        ({"customer_id": np.array(["a"])}, "customer_id"),
        ({"mask": np.ones((5, 3), bool)}, "mask"),
    ],
)
def test_a_bad_column_is_named(changes: dict[str, Any], field: str) -> None:
    """A log that would spoil an estimate is refused when it is made."""
    with pytest.raises(InvalidArgument, match=field):
        replace(batch(), **changes)


def test_bad_files(tmp_path: Path) -> None:
    """Absent, damaged and foreign files give three different typed errors."""
    with pytest.raises(NotFound):
        LoggedBatch.read(tmp_path / "none.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"not parquet")
    with pytest.raises(DataLoss):
        LoggedBatch.read(tmp_path / "bad.parquet")
    pq.write_table(pa.table({"x": [1]}), tmp_path / "foreign.parquet")
    with pytest.raises(InvalidArgument, match="not a Troth log"):
        LoggedBatch.read(tmp_path / "foreign.parquet")
    table = batch().to_table()
    with pytest.raises(InvalidArgument, match="propensity"):
        LoggedBatch.from_table(table.drop_columns(["propensity"]))


def test_concatenating_other_catalogues_is_refused() -> None:
    """Columns of different catalogues mean different actions."""
    log = batch()
    other = replace(log, catalogue=Catalogue(log.catalogue.actions, ("j", "k")))
    with pytest.raises(InvalidArgument, match="catalogues differ"):
        LoggedBatch.concatenate([log, other])
