"""The one encoder of :mod:`troth.features`, compiled for structure-of-arrays memory.

``troth.features.encode`` stays the definition: this is its table laid out for a kernel, and
agrees with it to float32 rounding for every schema (there is a test of that).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.view.observation import encode_columns
from troth.features import FeatureKind, FeatureSchema

_PLAIN, _LOG, _LEVEL = 0, 1, 2


@dataclass(frozen=True)
class Encoder:
    """A schema as columns; see :func:`simulator.view.observation.encode_columns`.

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
                kind = _LOG if feature.kind is FeatureKind.LOG else _PLAIN
                if feature.kind is FeatureKind.CATEGORY:
                    kind = _LEVEL + level
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
