"""Small logs from their columns, for tests of what reads logs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from troth.catalogue import Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.guardrails.columns import COLUMNS, FactsBatch
from troth.logs.batches import LoggedBatch

SCHEMA = FeatureSchema(
    tuple(
        Feature(name=name, kind=FeatureKind.NUMERIC, low=-10.0, high=10.0) for name in ("x0", "x1")
    )
)


def catalogue(actions: int) -> Catalogue:
    """*No contact* and ``actions`` - 1 e-mails that differ by discount."""
    none = Action(
        action_id="none",
        journey="none",
        step=0,
        offer="none",
        kind=OfferKind.NONE,
        channel=Channel.NONE,
    )
    rest = (
        Action(
            action_id=f"mail-{k}",
            journey="welcome",
            step=1,
            offer=f"offer {k}",
            kind=OfferKind.DISCOUNT,
            channel=Channel.EMAIL,
            discount=min(0.05 * k, 1.0),
        )
        for k in range(1, actions)
    )
    return Catalogue(actions=(none, *rest), journeys=("welcome",))


def log_of(
    *,
    action: NDArray[np.int64],
    propensity: NDArray[np.float64],
    reward: NDArray[np.float64],
    actions: int,
    customer: NDArray[np.int64] | None = None,
    raw: NDArray[np.floating] | None = None,
    mask: NDArray[np.bool_] | None = None,
    censored: NDArray[np.bool_] | None = None,
) -> LoggedBatch:
    """A log of n rows with everything else filled in."""
    n = len(action)
    who = np.arange(n) if customer is None else customer
    return LoggedBatch(
        contexts=ContextBatch(
            SCHEMA, np.zeros((n, 2), np.float32) if raw is None else raw.astype(np.float32)
        ),
        catalogue=catalogue(actions),
        mask=np.ones((n, actions), dtype=bool) if mask is None else mask,
        action=action.astype(np.int64),
        propensity=propensity,
        reward_minor=reward,
        censored=np.zeros(n, dtype=bool) if censored is None else censored,
        customer_id=np.array([f"C{c:08d}" for c in who], dtype=np.str_),
        episode=np.zeros(n, dtype=np.int64),
        step=np.arange(n, dtype=np.int64),
        decided_at=np.full(n, np.datetime64("2025-01-01T09:00:00", "us")),
        decision_id=np.array([f"D{row:08d}" for row in range(n)], dtype=np.str_),
        policy_digest=np.full(n, "0" * 64),
    )


def few() -> LoggedBatch:
    """Six decisions of three customers between three actions; one feature is missing."""
    raw = np.arange(12.0).reshape(6, 2) / 2
    raw[2, 1] = np.nan
    made = log_of(
        action=np.arange(6) % 3,
        propensity=np.full(6, 1 / 3),
        reward=np.arange(6) * 1.5,
        actions=3,
        customer=np.arange(6) // 2,
        raw=raw,
    )
    at = np.datetime64("2026-03-01T10:00:00", "us") + np.arange(6) * np.timedelta64(1, "h")
    return replace(made, decided_at=at, step=np.arange(6) % 2)


def flat(batch: LoggedBatch) -> pd.DataFrame:
    """As a data scientist would have it: a column per feature, names of actions, all eligible."""
    frame = batch.to_frame()
    raw = pd.DataFrame(batch.contexts.raw, columns=list(batch.contexts.schema.names))
    names = np.array([action.action_id for action in batch.catalogue.actions])
    frame = frame.drop(columns=["features", "episode", "step", "policy_digest"]).join(raw)
    return frame.assign(
        action=names[batch.action], mask=[[True] * len(names) for _ in range(len(batch))]
    )


def same(left: LoggedBatch, right: LoggedBatch) -> bool:
    """Every column equal to the bit, schemas and catalogues too."""
    columns = [c for c in left.__dataclass_fields__ if c not in {"contexts", "catalogue", "facts"}]
    return (
        left.contexts.schema == right.contexts.schema
        and left.catalogue == right.catalogue
        and np.array_equal(left.contexts.raw, right.contexts.raw, equal_nan=True)
        and all(np.array_equal(getattr(left, c), getattr(right, c)) for c in columns)
        and _same_facts(left.facts, right.facts)
    )


def _same_facts(left: FactsBatch | None, right: FactsBatch | None) -> bool:
    if left is None or right is None:
        return left is right
    return left.told.keys() == right.told.keys() and all(
        np.array_equal(a, b)
        for a, b in [
            *((getattr(left, c), getattr(right, c)) for c in COLUMNS),
            *((left.told[name], right.told[name]) for name in left.told),
        ]
    )
