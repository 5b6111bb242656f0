"""The feature schema and the one encoder."""

from __future__ import annotations

import numpy as np
import pytest

from troth.contexts import ContextBatch
from troth.errors import InvalidArgument
from troth.features import Feature, FeatureKind, FeatureSchema, encode


@pytest.fixture
def schema() -> FeatureSchema:
    """One feature of each kind."""
    return FeatureSchema(
        (
            Feature(
                name="age",
                kind=FeatureKind.NUMERIC,
                low=0,
                high=100,
                missing=40,
                loc=40,
                scale=10,
            ),
            Feature(
                name="tier",
                kind=FeatureKind.CATEGORY,
                low=0,
                high=2,
                levels=("bronze", "silver", "gold"),
            ),
            Feature(name="spend", kind=FeatureKind.LOG, low=0, high=1e6, loc=1.0, scale=2.0),
            Feature(name="member", kind=FeatureKind.FLAG, low=0, high=1),
        )
    )


def test_encoding_by_hand(schema: FeatureSchema) -> None:
    """Each kind is encoded as documented; missing and out-of-range values are mended."""
    raw = np.array(
        [[50, 2, np.e - 1, 1], [np.nan, 0, 0, np.nan], [400, 1, -5, 0]], dtype=np.float32
    )
    before = raw.copy()
    expected = [
        [1.0, 0, 0, 1, 0.0, 1],
        [0.0, 1, 0, 0, -0.5, 0],
        [6.0, 0, 1, 0, -0.5, 0],
    ]
    encoded = encode(schema, raw)
    assert encoded.dtype == np.float32
    assert np.allclose(encoded, expected, atol=1e-6)
    assert np.array_equal(raw, before, equal_nan=True)
    assert schema.columns == ("age", "tier=bronze", "tier=silver", "tier=gold", "spend", "member")


def test_rows_are_encoded_independently(schema: FeatureSchema) -> None:
    """One row alone gives the same bits as in a batch: training and serving agree."""
    rng = np.random.default_rng(4)
    raw = np.column_stack(
        (rng.uniform(0, 100, 500), rng.integers(0, 3, 500), rng.uniform(0, 1e6, 500), np.ones(500))
    ).astype(np.float32)
    together = encode(schema, raw)
    alone = np.vstack([encode(schema, raw[i : i + 1]) for i in range(500)])
    assert np.array_equal(together, alone)


def test_round_trip_and_digest(schema: FeatureSchema) -> None:
    """A schema survives JSON; its digest changes with any bound."""
    again = FeatureSchema.from_dict(schema.to_dict())
    assert again == schema
    assert again.digest == schema.digest
    data = schema.to_dict()
    data["features"][0]["high"] = 101
    assert FeatureSchema.from_dict(data).digest != schema.digest


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ([101, 0, 0, 0], r"features\[age\]: 101.0 is outside 0..100"),
        ([10, 3, 0, 0], r"features\[tier\]"),
        ([10, 0, np.inf, 0], r"features\[spend\]"),
        ([10, 0, 0], "got 3 values, the schema has 4"),
    ],
)
def test_validation_names_the_feature(
    schema: FeatureSchema, row: list[float], complaint: str
) -> None:
    """A value out of range is refused with the name, the value and the range."""
    with pytest.raises(InvalidArgument, match=complaint):
        schema.validate(np.array([row]))


def test_validation_lets_missing_pass(schema: FeatureSchema) -> None:
    """NaN is how a caller says it does not know."""
    assert schema.validate(np.array([[np.nan] * 4])).dtype == np.float32


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"missing": 200.0}, "missing"),
        ({"scale": 0.0}, "scale"),
        ({"kind": FeatureKind.CATEGORY}, "levels"),
        ({"kind": FeatureKind.LOG, "low": -1.0}, "low"),
        ({"kind": FeatureKind.CATEGORY, "levels": ("a", "b")}, "high"),
    ],
)
def test_a_broken_feature_names_the_field(changes: dict[str, object], field: str) -> None:
    """A feature that cannot be encoded is refused when it is made."""
    row = {"name": "x", "kind": FeatureKind.NUMERIC, "low": 0.0, "high": 100.0}
    with pytest.raises(InvalidArgument, match=rf"features\[x\]\.{field}"):
        Feature(**{**row, **changes})  # type: ignore[arg-type]


def test_columns_by_name(schema: FeatureSchema) -> None:
    """A batch gives raw columns by name, missing values filled in."""
    batch = ContextBatch(schema, np.array([[np.nan, 1, 7, 1], [3, 1, 7, 0]], dtype=np.float32))
    assert batch.column("age").tolist() == [40.0, 3.0]
    assert len(batch.take(np.array([1]))) == 1
    with pytest.raises(InvalidArgument, match="no feature 'height'"):
        batch.column("height")
    with pytest.raises(InvalidArgument, match="raw"):
        ContextBatch(schema, np.zeros((1, 3), dtype=np.float32))
