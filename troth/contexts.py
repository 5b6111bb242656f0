"""A batch of decision contexts, the input of every policy."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument
from troth.features import FeatureSchema, encode


@dataclass(frozen=True)
class ContextBatch:
    """Raw features of n decisions under one schema.

    Attributes:
        schema: names and encodes the columns.
        raw: float32 (n, F); NaN means missing.
    """

    schema: FeatureSchema
    raw: NDArray[np.float32]

    def __post_init__(self) -> None:
        if self.raw.ndim != 2 or self.raw.shape[1] != self.schema.raw_width:
            raise InvalidArgument(
                f"shape {self.raw.shape} is not (n, {self.schema.raw_width})", field="raw"
            )

    def __len__(self) -> int:
        return int(self.raw.shape[0])

    @cached_property
    def encoded(self) -> NDArray[np.float32]:
        """float32 (n, D): model input, through the one encoder."""
        return encode(self.schema, self.raw)

    def column(self, name: str) -> NDArray[np.float32]:
        """float32 (n,): the raw column ``name``, NaN replaced by its missing value."""
        at = self.schema.index(name)
        values = self.raw[:, at]
        return np.where(np.isnan(values), np.float32(self.schema.features[at].missing), values)

    def take(self, rows: NDArray[np.int64] | slice) -> ContextBatch:
        """The sub-batch of ``rows``."""
        return ContextBatch(self.schema, self.raw[rows])
