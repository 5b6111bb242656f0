"""The decision pipeline in this process against a bare durable insert."""

from __future__ import annotations

import sqlite3
import tempfile
from itertools import count
from pathlib import Path

from agents.policies.uniform import UniformPolicy
from experiments.benchmarks.harness import BenchmarkRow, Timing, compare
from serving.customers.files import CustomerRow
from serving.customers.importing import store_customers
from serving.customers.permissions import PermissionFact
from serving.customers.profiles import Profile
from serving.decisioning.pipeline import DecisionPipeline
from serving.decisioning.requests import DecideRequest
from serving.decisioning.servable import FixedPolicies, ServablePolicies, ServablePolicy
from serving.store import Database
from simulator.scenarios import load
from simulator.world import World
from troth.catalogue import CHANNELS
from troth.guardrails.config import GuardrailConfig
from troth.guardrails.engine import GuardrailEngine
from troth.types import Scope, ServedBy, new_id, parse_time

CUSTOMERS = 2000
POINT = "daily"
_RECORD_BYTES = 2000
"""About what a decision's record takes."""


def pipeline(timing: Timing) -> list[BenchmarkRow]:
    """One decision after another, each durable, against one durable insert after another."""
    scenario = load("reference")
    world = World(scenario, CUSTOMERS, 7)
    raw = world.contexts().raw
    with tempfile.TemporaryDirectory() as folder:
        database = Database(Path(folder) / "troth.db")
        admit(database, world)
        answerer = ServablePolicy(
            role=ServedBy.MODEL,
            policy=UniformPolicy(),
            digest="0" * 64,
            kind="uniform",
            schema=world.schema,
            catalogue=world.catalogue,
            scope=Scope(
                decision_points=(POINT,),
                traffic_share=1.0,
                expires_at=parse_time("2100-01-01T00:00:00Z"),
            ),
        )
        service = DecisionPipeline(
            database,
            FixedPolicies({POINT: ServablePolicies(policies=(answerer,))}),
            GuardrailEngine(GuardrailConfig.shipped()),
            model_budget_s=1.0,
        )
        turn = count()

        def decide() -> int:
            row = next(turn) % CUSTOMERS
            service.decide(
                DecideRequest(
                    request_id=new_id(),
                    customer_id=str(world.customer_ids[row]),
                    decision_point=POINT,
                    features=raw[row],
                    feature_schema_digest=world.schema.digest,
                    triggered_journeys=("engagement",),
                )
            )
            return 1

        bare = sqlite3.connect(Path(folder) / "bare.db", isolation_level=None)
        bare.execute("PRAGMA journal_mode=WAL")
        bare.execute("PRAGMA synchronous=FULL")
        bare.execute("CREATE TABLE decisions (id TEXT PRIMARY KEY, record TEXT) STRICT")
        record = "x" * _RECORD_BYTES

        def insert() -> int:
            bare.execute("BEGIN IMMEDIATE")
            bare.execute("INSERT INTO decisions VALUES (?, ?)", (new_id(), record))
            bare.execute("COMMIT")
            return 1

        try:
            return [
                compare(
                    "decision pipeline, one at a time, durable",
                    "decisions/s",
                    decide,
                    insert,
                    against="bare SQLite insert, synchronous FULL",
                    timing=timing,
                )
            ]
        finally:
            bare.close()
            service.close()
            database.close()


def admit(database: Database, world: World) -> None:
    """Profiles in which everyone permits everything."""
    permissions = tuple(PermissionFact(channel=channel, granted=True) for channel in CHANNELS[1:])
    rows = [
        CustomerRow(Profile(customer_id=str(name), zone="Europe/London", permissions=permissions))
        for name in world.customer_ids
    ]
    store_customers(database, rows)
