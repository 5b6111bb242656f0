"""What is asked for a decision, and which questions can ever be right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from troth.digests import require_digest
from troth.errors import InvalidArgument
from troth.ids import require_customer, require_slug

MOST_FEATURES = 4096
MOST_JOURNEYS = 256


@dataclass(frozen=True, kw_only=True)
class Asked:
    """The fields of one question, on both sides of the wire.

    Attributes:
        customer_id: 1..128 printable ASCII characters.
        decision_point: lower-case slug.
        features: (F,), raw values in the order of the feature schema; NaN means unknown.
        feature_schema_digest: SHA-256 of the schema that ``features`` follows.
        triggered_journeys: names of the journeys the customer is in.
        decided_at: what the decision is for, aware; ``None`` for the server's clock.
        request_id: UUID of the caller's choice, the idempotency key: ask again with the same one
            to be sure of getting the same answer.
    """

    customer_id: str
    decision_point: str
    features: Sequence[float] | NDArray[np.floating[Any]]
    feature_schema_digest: str
    triggered_journeys: Sequence[str] = ()
    decided_at: datetime | None = None
    request_id: str = ""


def check(asked: Asked) -> None:
    """Check what can be checked without the state of the system, beside ids and times.

    Raises:
        InvalidArgument: naming the field that can never be right.
    """
    require_customer(asked.customer_id)
    require_slug(asked.decision_point, "decision_point")
    if not 0 < len(asked.features) <= MOST_FEATURES:
        raise InvalidArgument(
            f"{len(asked.features)} values are not 1 to {MOST_FEATURES}", field="features"
        )
    require_digest(asked.feature_schema_digest, "feature_schema_digest")
    if len(asked.triggered_journeys) > MOST_JOURNEYS:
        raise InvalidArgument(
            f"{len(asked.triggered_journeys)} are more than {MOST_JOURNEYS}",
            field="triggered_journeys",
        )
