"""The compiled encoder against the definition, for any schema and any values."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from simulator.view.encoder import Encoder
from troth.features import Feature, FeatureKind, FeatureSchema, encode

scales = st.floats(0.0078125, 128.0, width=32)
centres = st.floats(-100.0, 100.0, width=32)


@st.composite
def features(draw: st.DrawFn, name: str) -> Feature:
    """Any feature that a schema allows."""
    kind = draw(st.sampled_from(list(FeatureKind)))
    if kind is FeatureKind.CATEGORY:
        levels = tuple(f"l{i}" for i in range(draw(st.integers(1, 6))))
        high = float(len(levels) - 1)
        return Feature(
            name=name, kind=kind, low=0.0, high=high, levels=levels,
            missing=float(draw(st.integers(0, len(levels) - 1))),
        )  # fmt: skip
    low, high = 0.0, 1.0
    if kind is not FeatureKind.FLAG:
        least = 0.0 if kind is FeatureKind.LOG else -1e4
        low = draw(st.floats(least, 1e4, width=32))
        high = draw(st.floats(low, 1e6, width=32))
    return Feature(
        name=name, kind=kind, low=low, high=high, missing=draw(st.floats(low, high, width=32)),
        loc=draw(centres), scale=draw(scales),
    )  # fmt: skip


@st.composite
def schemas(draw: st.DrawFn) -> FeatureSchema:
    """One to eight features of any kinds."""
    count = draw(st.integers(1, 8))
    return FeatureSchema(tuple(draw(features(f"f{at}")) for at in range(count)))


def values(schema: FeatureSchema, rows: int, seed: int) -> np.ndarray:
    """float32 (rows, F): inside the ranges, on their edges, whole numbers, and NaN."""
    rng = np.random.default_rng(seed)
    columns = []
    for feature in schema.features:
        low, high = np.float32(feature.low), np.float32(feature.high)
        inside = low + (high - low) * rng.random(rows, dtype=np.float32)
        whole = np.clip(np.rint(inside), low, high)
        edges = np.where(rng.random(rows) < 0.5, low, high)
        pick = rng.random(rows)
        column = np.where(pick < 0.4, inside, np.where(pick < 0.7, whole, edges))
        if feature.kind in (FeatureKind.CATEGORY, FeatureKind.FLAG):
            column = np.clip(np.rint(column), low, high)
        columns.append(np.where(rng.random(rows) < 0.15, np.nan, np.clip(column, low, high)))
    return np.stack(columns, axis=1).astype(np.float32)


@settings(max_examples=150, deadline=None)
@given(schema=schemas(), rows=st.integers(1, 70), seed=st.integers(0, 2**32 - 1))
def test_the_compiled_encoder_is_the_encoder(schema: FeatureSchema, rows: int, seed: int) -> None:
    """Every column of every kind, missing values too, agrees to float32 rounding."""
    raw = values(schema, rows, seed)
    schema.validate(raw)
    out = np.full((schema.width, rows), np.nan, dtype=np.float32)
    encoder = Encoder.of(schema)
    middle = rows // 2
    columns = np.ascontiguousarray(raw.T)
    encoder.write(out, columns, 0, middle)
    assert np.isnan(out[:, middle:]).all()
    encoder.write(out, columns, middle, rows)
    expected = encode(schema, raw).T
    # Both subtract in float32 after rounding: what remains is scaled by 1 / scale.
    slack = 2e-6 * (np.abs(encoder.loc) + 15.0) * encoder.per_scale
    assert np.isfinite(out).all()
    assert (np.abs(out - expected) <= 1e-5 * np.abs(expected) + slack[:, None] + 1e-6).all()


@settings(max_examples=30, deadline=None)
@given(schema=schemas())
def test_bounds_are_those_of_the_schema(schema: FeatureSchema) -> None:
    """The lowest and highest raw value of each feature, in float32."""
    bounds = Encoder.of(schema).bounds
    assert bounds.dtype == np.float32
    assert np.array_equal(bounds[0], np.array([f.low for f in schema.features], dtype=np.float32))
    assert np.array_equal(bounds[1], np.array([f.high for f in schema.features], dtype=np.float32))
