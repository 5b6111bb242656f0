"""The one encoder of :mod:`troth.features`, compiled for structure-of-arrays memory.

``troth.features.encode`` stays the definition: this is its table laid out for a kernel, and
agrees with it to float32 rounding for every schema (there is a test of that).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled.kernel import compiled
from simulator.compiled.vector import log
from troth.features import FeatureKind, FeatureSchema

Row = NDArray[np.float32]

AS_IS, LOGARITHM, LEVEL = range(3)
"""How a raw feature is encoded; see :func:`encode_columns`."""


@compiled
def _standard(out: Row, column: Row, instead: Any, loc: Any, per: Any) -> None:
    for i in range(out.shape[0]):
        x = column[i]
        x = x if x == x else instead  # only NaN differs from itself
        out[i] = (x - loc) * per


@compiled
def _logarithm(out: Row, column: Row, instead: Any, loc: Any, per: Any) -> None:
    for i in range(out.shape[0]):
        x = column[i]
        x = x if x == x else instead
        out[i] = (log(x + np.float32(1.0)) - loc) * per


@compiled
def _level(out: Row, column: Row, instead: Any, level: Any) -> None:
    for i in range(out.shape[0]):
        x = column[i]
        x = x if x == x else instead
        out[i] = np.float32(1.0) if x == level else np.float32(0.0)


@compiled
def encode_columns(
    out: NDArray[np.float32],
    raw: NDArray[np.float32],
    start: int,
    stop: int,
    source: NDArray[np.int64],
    kind: NDArray[np.int64],
    missing: NDArray[np.float32],
    loc: NDArray[np.float32],
    per_scale: NDArray[np.float32],
) -> None:
    """:func:`troth.features.encode` for columns in structure-of-arrays layout.

    Args:
        out: float32 (D, n), written.
        raw: float32 (F, n) inside the features' bounds, or NaN.
        start: first position.
        stop: position after the last.
        source: int64 (D,), the raw column of each encoded one.
        kind: int64 (D,): :data:`AS_IS`, :data:`LOGARITHM`, or :data:`LEVEL` plus the level of
            a category.
        missing: float32 (D,), what stands for NaN.
        loc: float32 (D,), taken away.
        per_scale: float32 (D,), 1 / scale.
    """
    for d in range(out.shape[0]):
        into, column = out[d, start:stop], raw[source[d], start:stop]
        if kind[d] == AS_IS:
            _standard(into, column, missing[d], loc[d], per_scale[d])
        elif kind[d] == LOGARITHM:
            _logarithm(into, column, missing[d], loc[d], per_scale[d])
        else:
            _level(into, column, missing[d], np.float32(kind[d] - LEVEL))


@dataclass(frozen=True)
class Encoder:
    """A schema as columns; see :func:`encode_columns`.

    Attributes:
        bounds: float32 (2, F), lowest and highest value of each raw feature.
    """

    bounds: NDArray[np.float32]
    source: NDArray[np.int64]
    kind: NDArray[np.int64]
    missing: NDArray[np.float32]
    loc: NDArray[np.float32]
    per_scale: NDArray[np.float32]

    @classmethod
    def of(cls, schema: FeatureSchema) -> Encoder:
        """The columns of ``schema``."""
        rows = []
        for at, feature in enumerate(schema.features):
            for level in range(len(feature.columns)):
                kind = LOGARITHM if feature.kind is FeatureKind.LOG else AS_IS
                if feature.kind is FeatureKind.CATEGORY:
                    kind = LEVEL + level
                rows.append((at, kind, feature.missing, feature.loc, feature.scale))
        source, kinds, missing, loc, scale = zip(*rows, strict=True)
        return cls(
            bounds=np.array(
                [[f.low for f in schema.features], [f.high for f in schema.features]],
                dtype=np.float32,
            ),
            source=np.array(source, dtype=np.int64),
            kind=np.array(kinds, dtype=np.int64),
            missing=np.array(missing, dtype=np.float32),
            loc=np.array(loc, dtype=np.float32),
            per_scale=1.0 / np.array(scale, dtype=np.float32),
        )

    def write(
        self, out: NDArray[np.float32], raw: NDArray[np.float32], start: int, stop: int
    ) -> None:
        """Encode customers ``start`` to ``stop`` of ``raw`` (F, n) into ``out`` (D, n)."""
        encode_columns(
            out, raw, start, stop, self.source, self.kind, self.missing, self.loc, self.per_scale
        )
