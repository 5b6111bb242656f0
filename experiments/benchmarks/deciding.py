"""The decision pipeline in this process: against a bare durable insert, and on PostgreSQL."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

from agents.policies.uniform import UniformPolicy
from experiments.benchmarks.harness import BenchmarkRow, Timing, compare
from experiments.benchmarks.postgresql_server import running
from serving.customers.files import CustomerRow
from serving.customers.importing import store_customers
from serving.customers.permissions import PermissionFact
from serving.customers.profiles import Profile
from serving.decisioning.pipeline import DecisionPipeline
from serving.decisioning.requests import DecideRequest
from serving.decisioning.servable import FixedPolicies, ServablePolicies, ServablePolicy
from serving.storage.database import Database
from serving.storage.faults import BareInserts
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
    world = _world()
    with tempfile.TemporaryDirectory() as folder:
        bare = BareInserts(Path(folder) / "bare.db")
        record = "x" * _RECORD_BYTES

        def insert() -> int:
            bare.insert(new_id(), record)
            return 1

        try:
            with deciding(Database(Path(folder) / "troth.db"), world) as decide:
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


def postgresql(timing: Timing) -> list[BenchmarkRow]:
    """The same decisions on PostgreSQL, by a socket of this host, against those on SQLite.

    Raises:
        NotFound: if PostgreSQL is not installed.
    """
    world = _world()
    with (
        tempfile.TemporaryDirectory() as folder,
        running(durable=True) as server,
        deciding(Database(server, home=Path(folder)), world) as decide,
        deciding(Database(Path(folder) / "troth.db"), world) as by_file,
    ):
        return [
            compare(
                "decision pipeline on PostgreSQL, one at a time, durable",
                "decisions/s",
                decide,
                by_file,
                against="the same on SQLite",
                timing=timing,
                note="a server of its own with its defaults, reached by a socket of the host",
            )
        ]


def _world() -> World:
    return World(load("reference"), CUSTOMERS, 7)


@contextmanager
def deciding(database: Database, world: World) -> Iterator[Callable[[], int]]:
    """Decisions on ``database``, one a call, for the customers of ``world`` in turn."""
    admit(database, world)
    raw = world.contexts().raw
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

    try:
        yield decide
    finally:
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
