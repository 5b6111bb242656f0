"""Requests: what a caller asks, checked as far as it can be without the state of the system."""

from __future__ import annotations

import base64
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from serving.decisions.canonical import plain_json
from troth.digests import sha256
from troth.errors import InvalidArgument
from troth.ids import require_uuid
from troth.questions import Asked, check
from troth.types import OutcomeKind, isoformat, require_aware

_ALWAYS_TOLD = frozenset({"features", "triggered_journeys", "decided_at"})
"""What a digest holds whatever it is. A field that came later is left out where it has its
default, so that an old question keeps its digest."""
MOST_MINOR = 1_000_000_000
"""Minor units of one outcome, ten million dollars: more is a slip, and would rule every mean."""


@dataclass(frozen=True, kw_only=True)
class DecideRequest(Asked):
    """One question that may be answered, in canonical form.

    Attributes:
        features: float32 (F,). Every NaN becomes the same one and -0.0 becomes 0.0, so that what
            is equal has the same digest.
        triggered_journeys: as given.
        decided_at: aware UTC.
        request_id: in lower case.

    Raises:
        InvalidArgument: naming the field that can never be right.
    """

    features: NDArray[np.float32]
    triggered_journeys: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "request_id", require_uuid(self.request_id, "request_id"))
        if self.features.dtype != np.float32 or self.features.ndim != 1:
            raise InvalidArgument("not a float32 vector", field="features")
        check(self)
        object.__setattr__(self, "features", _canonical(self.features))
        if self.decided_at is not None:
            object.__setattr__(self, "decided_at", require_aware(self.decided_at, "decided_at"))

    @cached_property
    def features_base64(self) -> str:
        """The features' little-endian bytes, for records and digests."""
        return base64.b64encode(self.features.astype("<f4").tobytes()).decode("ascii")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything asked: whether a repeated ``request_id`` asks the same."""
        asked: dict[str, Any] = {}
        for one in fields(self):
            value = getattr(self, one.name)
            if one.name != "request_id" and (one.name in _ALWAYS_TOLD or value != one.default):
                asked[one.name] = value
        asked |= {
            "features": self.features_base64,
            "triggered_journeys": sorted(set(self.triggered_journeys)),
            "decided_at": isoformat(self.decided_at) if self.decided_at else None,
        }
        return sha256(plain_json(asked).encode())


def _canonical(features: NDArray[np.float32]) -> NDArray[np.float32]:
    canonical = features.copy()
    canonical[np.isnan(canonical)] = np.nan
    canonical[canonical == 0.0] = 0.0
    return canonical


def check_outcome(kind: OutcomeKind, value_minor: int) -> None:
    """Check that only a purchase carries money, and not more than a purchase can bring.

    Raises:
        InvalidArgument: naming ``value_minor``.
    """
    if value_minor and kind is not OutcomeKind.PURCHASED:
        raise InvalidArgument(f"{value_minor} goes with a purchase only", field="value_minor")
    if abs(value_minor) > MOST_MINOR:
        raise InvalidArgument(f"{value_minor} is outside ±{MOST_MINOR:,}", field="value_minor")
