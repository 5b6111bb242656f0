"""Requests: what a caller asks, checked as far as it can be without the state of the system."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from serving.decisions.canonical import plain_json
from troth.digests import require_digest, sha256
from troth.errors import InvalidArgument
from troth.ids import require_customer, require_slug, require_uuid
from troth.types import OutcomeKind, isoformat, require_aware

MOST_FEATURES = 4096
MOST_JOURNEYS = 256
MOST_MINOR = 1_000_000_000
"""Minor units of one outcome, ten million dollars: more is a slip, and would rule every mean."""


@dataclass(frozen=True, kw_only=True)
class DecideRequest:
    """One question.

    Attributes:
        request_id: UUID of the caller's choice, the idempotency key.
        customer_id: 1..128 printable ASCII characters.
        decision_point: lower-case slug.
        features: float32 (F,), raw, in the order of the feature schema; NaN means unknown.
            Every NaN becomes the same one and -0.0 becomes 0.0, so that what is equal has the
            same digest.
        feature_schema_digest: SHA-256 of the schema that ``features`` follows.
        triggered_journeys: names of the journeys the customer is in, as given.
        decided_at: what the decision is for, aware UTC; ``None`` for the server's clock.

    Raises:
        InvalidArgument: naming the field that can never be right.
    """

    request_id: str
    customer_id: str
    decision_point: str
    features: NDArray[np.float32]
    feature_schema_digest: str
    triggered_journeys: tuple[str, ...] = ()
    decided_at: datetime | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "request_id", require_uuid(self.request_id, "request_id"))
        require_customer(self.customer_id)
        require_slug(self.decision_point, "decision_point")
        if self.features.dtype != np.float32 or self.features.ndim != 1:
            raise InvalidArgument("not a float32 vector", field="features")
        if not 0 < self.features.size <= MOST_FEATURES:
            raise InvalidArgument(
                f"{self.features.size} values are not 1 to {MOST_FEATURES}", field="features"
            )
        object.__setattr__(self, "features", _canonical(self.features))
        require_digest(self.feature_schema_digest, "feature_schema_digest")
        if len(self.triggered_journeys) > MOST_JOURNEYS:
            raise InvalidArgument(
                f"{len(self.triggered_journeys)} are more than {MOST_JOURNEYS}",
                field="triggered_journeys",
            )
        if self.decided_at is not None:
            object.__setattr__(self, "decided_at", require_aware(self.decided_at, "decided_at"))

    @cached_property
    def features_base64(self) -> str:
        """The features' little-endian bytes, for records and digests."""
        return base64.b64encode(self.features.astype("<f4").tobytes()).decode("ascii")

    @cached_property
    def digest(self) -> str:
        """SHA-256 over everything asked: whether a repeated ``request_id`` asks the same."""
        return sha256(
            plain_json(
                {
                    "customer_id": self.customer_id,
                    "decision_point": self.decision_point,
                    "features": self.features_base64,
                    "feature_schema_digest": self.feature_schema_digest,
                    "triggered_journeys": sorted(set(self.triggered_journeys)),
                    "decided_at": isoformat(self.decided_at) if self.decided_at else None,
                }
            ).encode()
        )


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
