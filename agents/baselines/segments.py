"""Recency, frequency and monetary segments, as a marketing team draws them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from troth.contexts import ContextBatch
from troth.errors import DataLoss, InvalidArgument


class Segment(StrEnum):
    """The cells of the classification, best customers first."""

    CHAMPION = "champion"
    LOYAL = "loyal"
    PROMISING = "promising"
    AT_RISK_VALUABLE = "at_risk_valuable"
    AT_RISK = "at_risk"
    LAPSED = "lapsed"


SEGMENTS: tuple[Segment, ...] = tuple(Segment)


@dataclass(frozen=True, slots=True, kw_only=True)
class RfmThresholds:
    """Where the cells begin.

    The defaults suit a retailer whose customers buy a few times a year, as CDNOW's did: a
    half-year since the last purchase is no alarm yet.

    Attributes:
        active_days: a customer is active up to this many days after the last purchase, > 0.
        lapsed_days: and lapsed from this many on, > active_days; at risk in between.
        loyal_frequency: purchases in the past year that make an active customer loyal, >= 1.
        valuable_minor: spend in the past year (frequency times the average basket) that makes
            a customer valuable, minor units, >= 0.
    """

    active_days: float = 180.0
    lapsed_days: float = 540.0
    loyal_frequency: float = 2.0
    valuable_minor: float = 7_000.0

    def __post_init__(self) -> None:
        if not 0.0 < self.active_days < self.lapsed_days:
            raise InvalidArgument(
                f"0 < active_days {self.active_days} < lapsed_days {self.lapsed_days} is false",
                field="thresholds.active_days",
            )
        if self.loyal_frequency < 1.0:
            raise InvalidArgument(
                f"{self.loyal_frequency} is below 1", field="thresholds.loyal_frequency"
            )
        if self.valuable_minor < 0.0:
            raise InvalidArgument(
                f"{self.valuable_minor} is below 0", field="thresholds.valuable_minor"
            )

    @classmethod
    def from_population(cls, contexts: ContextBatch) -> Self:
        """Thresholds from the customers at hand, the way scoring by quantiles draws them.

        Recency is cut at the 40th and 80th percentile, frequency at the 60th and spend at
        the 80th: the upper fifths of the classic five-by-five-by-five grid.

        References:
            A. M. Hughes, "Strategic Database Marketing", 4th ed., McGraw-Hill 2012, ch. 5.
        """
        recency = contexts.column("recency_days")
        active = max(1.0, float(np.quantile(recency, 0.4)))
        return cls(
            active_days=active,
            lapsed_days=max(active + 1.0, float(np.quantile(recency, 0.8))),
            loyal_frequency=max(1.0, float(np.quantile(contexts.column("frequency_365"), 0.6))),
            valuable_minor=max(0.0, float(np.quantile(_yearly(contexts), 0.8))),
        )

    def classify(self, contexts: ContextBatch) -> NDArray[np.int64]:
        """Position of each customer's segment in :data:`SEGMENTS`, int64 (n,).

        Reads recency_days, frequency_365 and monetary_minor (the average basket).

        Raises:
            InvalidArgument: if the schema lacks one of them.
        """
        recency = contexts.column("recency_days")
        active = recency <= self.active_days
        lapsed = recency >= self.lapsed_days
        loyal = contexts.column("frequency_365") >= self.loyal_frequency
        valuable = _yearly(contexts) >= self.valuable_minor
        chosen: NDArray[np.int64] = np.select(
            [
                active & loyal & valuable,
                active & (loyal | valuable),
                active,
                ~lapsed & (loyal | valuable),
                ~lapsed,
            ],
            [SEGMENTS.index(s) for s in SEGMENTS[:-1]],
            default=SEGMENTS.index(Segment.LAPSED),
        ).astype(np.int64)
        return chosen

    def to_dict(self) -> dict[str, float]:
        """Plain values, for JSON."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Self:
        """Inverse of :meth:`to_dict`; raises :class:`DataLoss` if a key is missing."""
        missing = [f.name for f in fields(cls) if f.name not in data]
        if missing:
            raise DataLoss("is missing", field=f"thresholds.{missing[0]}")
        return cls(**{f.name: float(data[f.name]) for f in fields(cls)})


def _yearly(contexts: ContextBatch) -> NDArray[np.float64]:
    """Spend in the past year, minor units, float64 (n,)."""
    baskets = contexts.column("frequency_365").astype(np.float64)
    return baskets * contexts.column("monetary_minor")
