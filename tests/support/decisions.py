"""A small programme to decide in: three journeys, four actions, three features."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from serving.customers import profiles
from serving.customers.permissions import PermissionFact
from serving.customers.profiles import Profile
from serving.decisioning.pipeline import DecisionPipeline
from serving.decisioning.requests import DecideRequest
from serving.decisioning.servable import FixedPolicies, ServablePolicies, ServablePolicy
from serving.storage.database import Database
from troth.catalogue import CHANNELS, NO_CONTACT_ACTION, Action, Catalogue, Channel, OfferKind
from troth.contexts import ContextBatch
from troth.database_url import DatabaseUrl
from troth.features import Feature, FeatureKind, FeatureSchema
from troth.guardrails import GuardrailConfig, GuardrailEngine
from troth.policy import Distribution, Mask, normalise
from troth.types import Scope, ServedBy

NOON = datetime(2026, 3, 4, 12, 0, tzinfo=UTC)
"""Wednesday noon in UTC, one in the afternoon in Vienna."""
ALL_CHANNELS = {c: True for c in CHANNELS if c is not Channel.NONE}

CATALOGUE = Catalogue(
    actions=(
        NO_CONTACT_ACTION,
        Action(
            action_id="welcome_email",
            journey="welcome",
            step=1,
            offer="hello",
            kind=OfferKind.CONTENT,
            channel=Channel.EMAIL,
            cost_minor=1,
        ),
        Action(
            action_id="welcome_push",
            journey="welcome",
            step=2,
            offer="hello",
            kind=OfferKind.CONTENT,
            channel=Channel.PUSH,
            cost_minor=1,
        ),
        Action(
            action_id="winback_sms",
            journey="winback",
            step=1,
            offer="ten_off",
            kind=OfferKind.DISCOUNT,
            channel=Channel.SMS,
            cost_minor=7,
            discount=0.1,
        ),
    ),
    journeys=("welcome", "winback", "quiet"),
)
SCHEMA = FeatureSchema(
    (
        Feature(name="recency_days", kind=FeatureKind.LOG, low=0, high=3650),
        Feature(name="orders", kind=FeatureKind.NUMERIC, low=0, high=1000),
        Feature(name="weekend", kind=FeatureKind.FLAG, low=0, high=1),
    )
)


@dataclass(frozen=True)
class WeightedPolicy:
    """Probabilities in fixed proportions; a weight of 0 is never drawn."""

    weights: tuple[float, ...] = (1.0, 2.0, 3.0, 4.0)

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """The weights of what is eligible, normalised."""
        return normalise(np.tile(np.array(self.weights), (len(contexts), 1)), mask)


EAGER = WeightedPolicy((0.0, 1.0, 1.0, 1.0))
"""Contacts whenever it may."""


def answerer(
    policy: object,
    *,
    role: ServedBy = ServedBy.MODEL,
    name: str = "a",
    share: float = 1.0,
    expires_at: datetime = NOON + timedelta(days=400),
    points: tuple[str, ...] = ("daily",),
) -> ServablePolicy:
    """``policy`` as if it were approved."""
    return ServablePolicy(
        role=role,
        policy=policy,  # type: ignore[arg-type]
        digest=name * 64,
        kind="weighted",
        schema=SCHEMA,
        catalogue=CATALOGUE,
        scope=Scope(decision_points=points, traffic_share=share, expires_at=expires_at),
    )


def request(customer: str = "C1", **changes: object) -> DecideRequest:
    """A request that can be answered with any action; ``changes`` replace its fields."""
    values: dict[str, object] = {
        "request_id": str(uuid.uuid4()),
        "customer_id": customer,
        "decision_point": "daily",
        "features": np.array([3.0, 2.0, np.nan], dtype=np.float32),
        "feature_schema_digest": SCHEMA.digest,
        "triggered_journeys": ("welcome", "winback"),
        "decided_at": NOON,
    }
    return DecideRequest(**{**values, **changes})  # type: ignore[arg-type]


def loose_config(contacts: int = 1, hours: int = 24) -> GuardrailConfig:
    """A cap of ``contacts`` in ``hours`` and a quiet hour that is never met."""
    return GuardrailConfig.from_dict(
        {
            "quiet_hours": {"start": "03:00", "end": "03:01", "channels": ["sms"]},
            "frequency_cap": {"rules": [{"hours": hours, "contacts": contacts}]},
        }
    )


def customers(
    database: Database,
    *names: str,
    zone: str | None = "Europe/Vienna",
    permissions: Mapping[Channel, bool] = ALL_CHANNELS,
    given_at: datetime = NOON - timedelta(days=30),
    now: datetime = NOON,
) -> None:
    """Store profiles, by default permissive and in Vienna; what they say was said at a form."""
    facts = tuple(
        PermissionFact(channel=channel, granted=granted, given_at=given_at, source="form")
        for channel, granted in permissions.items()
    )
    with database.write() as connection:
        for name in names:
            profile = Profile(customer_id=name, zone=zone, permissions=facts)
            profiles.store(connection, profile, now=now, tolerance=timedelta(0))


@dataclass
class Bench:
    """A pipeline on a store of its own, at noon: a file in its folder unless ``where`` says."""

    folder: Path
    where: DatabaseUrl | None = None
    config: GuardrailConfig = field(default_factory=loose_config)
    policies: tuple[ServablePolicy, ...] = field(default_factory=lambda: (answerer(EAGER),))
    reasons: tuple[str, ...] = ()
    model_budget_s: float = 5.0
    now: datetime = NOON

    def __post_init__(self) -> None:
        place = self.where or self.folder / "troth.db"
        self.database = Database(place, home=self.folder, durable=False)
        self.pipelines: list[DecisionPipeline] = []
        self.pipeline = self.another()

    def another(self) -> DecisionPipeline:
        """One more pipeline on the same store, as a second replica would have."""
        pipeline = DecisionPipeline(
            self.database,
            FixedPolicies(
                {
                    "daily": ServablePolicies(self.policies, self.reasons),
                    "elsewhere": ServablePolicies(reasons=("no_policy",)),
                }
            ),
            GuardrailEngine(self.config),
            max_clock_skew=timedelta(hours=1),
            model_budget_s=self.model_budget_s,
            clock=lambda: self.now,
        )
        self.pipelines.append(pipeline)
        return pipeline

    def count(self, table: str) -> int:
        """Rows in ``table``."""
        with self.database.read() as connection:
            return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])

    def close(self) -> None:
        """Stop every pipeline."""
        for pipeline in self.pipelines:
            pipeline.close()
        self.database.close()
