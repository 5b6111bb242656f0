"""The feature schema and the one encoder that training, evaluation and serving share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.digests import digest
from troth.errors import InvalidArgument


class FeatureKind(StrEnum):
    """How a raw column becomes model input."""

    NUMERIC = "numeric"
    LOG = "log"
    FLAG = "flag"
    CATEGORY = "category"


@dataclass(frozen=True, slots=True, kw_only=True)
class Feature:
    """One raw column.

    Attributes:
        name: unique name.
        kind: ``numeric`` becomes (x - loc) / scale, ``log`` becomes (log1p(x) - loc) / scale,
            ``flag`` stays 0 or 1, ``category`` becomes one column per level.
        low, high: allowed raw range, inclusive; values outside are refused by ``validate``
            and clipped by ``encode``.
        missing: raw value that stands in for NaN.
        loc, scale: standardisation in model space; ``scale`` > 0.
        levels: names of the category codes 0, 1, ...; empty for other kinds.
        unit: what one raw unit is.
    """

    name: str
    kind: FeatureKind
    low: float
    high: float
    missing: float = 0.0
    loc: float = 0.0
    scale: float = 1.0
    levels: tuple[str, ...] = ()
    unit: str = ""

    def __post_init__(self) -> None:
        where = f"features[{self.name}]"
        if not self.low <= self.missing <= self.high:
            raise InvalidArgument(
                f"missing value {self.missing} is outside {self.low}..{self.high}",
                field=f"{where}.missing",
            )
        if self.scale <= 0:
            raise InvalidArgument(f"{self.scale} is not above 0", field=f"{where}.scale")
        if self.kind is FeatureKind.LOG and self.low < 0:
            raise InvalidArgument("a log feature needs low >= 0", field=f"{where}.low")
        if (self.kind is FeatureKind.CATEGORY) != bool(self.levels):
            raise InvalidArgument("levels go with kind 'category'", field=f"{where}.levels")
        if self.levels and (self.low, self.high) != (0.0, float(len(self.levels) - 1)):
            raise InvalidArgument(
                f"a category with {len(self.levels)} levels ranges over 0..{len(self.levels) - 1}",
                field=f"{where}.high",
            )

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the encoded columns."""
        if self.kind is FeatureKind.CATEGORY:
            return tuple(f"{self.name}={level}" for level in self.levels)
        return (self.name,)

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        values = {name: getattr(self, name) for name in self.__slots__}
        return {**values, "kind": str(self.kind), "levels": list(self.levels)}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Feature:
        """Inverse of :meth:`to_dict`."""
        try:
            return cls(
                **{
                    **data,
                    "kind": FeatureKind(data["kind"]),
                    "levels": tuple(data.get("levels", ())),
                }
            )
        except (KeyError, TypeError, ValueError) as error:
            raise InvalidArgument(str(error), field="features") from error


@dataclass(frozen=True)
class FeatureSchema:
    """An ordered set of raw columns; its digest names the encoding.

    Raises:
        InvalidArgument: if two features share a name or there are none.
    """

    features: tuple[Feature, ...]

    def __post_init__(self) -> None:
        if not self.features:
            raise InvalidArgument("a schema needs at least one feature", field="features")
        if len(set(self.names)) != len(self.names):
            raise InvalidArgument("two features share a name", field="features")

    @cached_property
    def names(self) -> tuple[str, ...]:
        """Raw column names, in order."""
        return tuple(f.name for f in self.features)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Encoded column names, in order."""
        return tuple(c for f in self.features for c in f.columns)

    @property
    def raw_width(self) -> int:
        """F, the number of raw columns."""
        return len(self.features)

    @property
    def width(self) -> int:
        """D, the number of encoded columns."""
        return len(self.columns)

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the schema."""
        return digest(self.to_dict())

    def index(self, name: str) -> int:
        """Raw column of ``name``; raises :class:`InvalidArgument` if there is none."""
        try:
            return self.names.index(name)
        except ValueError:
            raise InvalidArgument(f"no feature {name!r} in the schema", field="features") from None

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"features": [f.to_dict() for f in self.features]}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> FeatureSchema:
        """Inverse of :meth:`to_dict`."""
        return cls(tuple(Feature.from_dict(row) for row in data.get("features", ())))

    def validate(self, raw: NDArray[np.floating]) -> NDArray[np.float32]:
        """Return ``raw`` as float32 (n, F) if every value is in range or NaN (missing).

        Raises:
            InvalidArgument: for a wrong shape, an infinity, or a value out of range; names
                the first offending feature, its value and the allowed range.
        """
        values = np.atleast_2d(np.asarray(raw, dtype=np.float32))
        if values.ndim != 2 or values.shape[1] != self.raw_width:
            raise InvalidArgument(
                f"got {values.shape[-1]} values, the schema has {self.raw_width}",
                field="features",
            )
        low, high = self._bounds
        bad = (values < low) | (values > high)
        if bad.any():
            row, column = (int(v) for v in np.argwhere(bad)[0])
            feature = self.features[column]
            raise InvalidArgument(
                f"{values[row, column]} is outside {feature.low}..{feature.high}",
                field=f"features[{feature.name}]",
            )
        return values

    @cached_property
    def _bounds(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        low = np.array([f.low for f in self.features], dtype=np.float32)
        high = np.array([f.high for f in self.features], dtype=np.float32)
        return low, high

    @cached_property
    def _plan(self) -> _EncodingPlan:
        return _EncodingPlan.of(self)


@dataclass(frozen=True)
class _EncodingPlan:
    """What ``encode`` needs per encoded column, laid out once per schema."""

    missing: NDArray[np.float32]
    logs: NDArray[np.int64]
    source: NDArray[np.int64]
    loc: NDArray[np.float32]
    scale: NDArray[np.float32]
    category: NDArray[np.int64]
    level: NDArray[np.float32]

    @classmethod
    def of(cls, schema: FeatureSchema) -> _EncodingPlan:
        source: list[int] = []
        loc: list[float] = []
        scale: list[float] = []
        category: list[int] = []
        level: list[int] = []
        for at, feature in enumerate(schema.features):
            for code in range(len(feature.columns)):
                if feature.kind is FeatureKind.CATEGORY:
                    category.append(len(source))
                    level.append(code)
                source.append(at)
                loc.append(feature.loc)
                scale.append(feature.scale)
        logs = [at for at, f in enumerate(schema.features) if f.kind is FeatureKind.LOG]
        return cls(
            missing=np.array([f.missing for f in schema.features], dtype=np.float32),
            logs=np.array(logs, dtype=np.int64),
            source=np.array(source, dtype=np.int64),
            loc=np.array(loc, dtype=np.float32),
            scale=np.array(scale, dtype=np.float32),
            category=np.array(category, dtype=np.int64),
            level=np.array(level, dtype=np.float32),
        )


def encode(schema: FeatureSchema, raw: NDArray[np.floating]) -> NDArray[np.float32]:
    """Turn raw columns into model input.

    Args:
        schema: the schema ``raw`` follows.
        raw: float (n, F); NaN means missing, values out of range are clipped.

    Returns:
        float32 (n, D), finite.
    """
    plan = schema._plan
    low, high = schema._bounds
    values = np.asarray(raw, dtype=np.float32)
    values = np.clip(np.where(np.isnan(values), plan.missing, values), low, high)
    values[:, plan.logs] = np.log1p(values[:, plan.logs])
    encoded = values[:, plan.source]
    categories = encoded[:, plan.category] == plan.level
    encoded = (encoded - plan.loc) / plan.scale
    encoded[:, plan.category] = categories
    return encoded
