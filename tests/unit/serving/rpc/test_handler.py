"""The handler without a transport: conversions both ways, and every failure typed."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import grpc
import numpy as np
import pytest
from google.rpc.status_pb2 import Status

from serving.decisioning.outcomes import Recorded
from serving.rpc import convert
from serving.rpc.handler import DecisionHandler
from serving.rpc.status import DETAILS_KEY
from tests.support.decisions import NOON, SCHEMA, Bench, customers, request
from troth.catalogue import CHANNELS
from troth.errors import InvalidArgument
from troth.types import OutcomeKind, ServedBy
from troth.v1 import decision_service_pb2 as pb


@dataclass
class Context:
    """Remembers what a handler set."""

    code: grpc.StatusCode | None = None
    details: str = ""
    metadata: dict[str, Any] = field(default_factory=dict)

    def set_code(self, code: grpc.StatusCode) -> None:
        """Remember the code."""
        self.code = code

    def set_details(self, details: str) -> None:
        """Remember the message."""
        self.details = details

    def set_trailing_metadata(self, trailing_metadata: Any) -> None:
        """Remember the metadata."""
        self.metadata = dict(trailing_metadata)


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    """A pipeline at noon that knows C1."""
    one = Bench(tmp_path)
    customers(one.database, "C1")
    yield one
    one.close()


def message(**changes: Any) -> pb.DecideRequest:
    """A request as it arrives."""
    asked = request()
    values = {
        "request_id": asked.request_id.upper(),
        "customer_id": "C1",
        "decision_point": "daily",
        "features": asked.features.tolist(),
        "feature_schema_digest": SCHEMA.digest,
        "triggered_journeys": ["welcome"],
        "decided_at": convert.from_time(NOON),
    }
    return pb.DecideRequest(**{**values, **changes})


def test_request_and_decision_survive_the_wire(bench: Bench) -> None:
    """What the pipeline decided is what the response says, with every field set."""
    context = Context()
    asked = message()
    response = asyncio.run(
        DecisionHandler(bench.pipeline).decide(asked.SerializeToString(), context)
    )
    assert context.code is None
    decision = bench.pipeline.decide(convert.to_request(asked))
    assert response == convert.from_decision(decision)
    assert response.decision_id == decision.decision_id
    assert response.propensity == decision.propensity
    assert response.send_at.ToDatetime() == NOON.replace(tzinfo=None)
    assert [f.name for f, _ in response.ListFields()] == [
        f.name for f in response.DESCRIPTOR.fields if f.name != "verdicts" or decision.verdicts
    ]


def test_every_enum_value_has_its_twin() -> None:
    """A channel, answerer or outcome added to the nouns must be added to the wire."""
    assert set(convert.CHANNEL_TO_WIRE) == set(CHANNELS)
    assert len(set(convert.CHANNEL_TO_WIRE.values())) == len(pb.Channel.values()) - 1
    assert set(convert.SERVED_BY_TO_WIRE) == set(ServedBy)
    assert len(set(convert.SERVED_BY_TO_WIRE.values())) == len(pb.ServedBy.values()) - 1
    assert set(convert.KIND_FROM_WIRE.values()) == set(OutcomeKind)
    assert len(convert.KIND_FROM_WIRE) == len(pb.OutcomeKind.values()) - 1


def test_features_keep_their_bits() -> None:
    """Floats arrive as they were sent; NaN stays NaN."""
    sent = np.array([0.1, np.nan, 3e38], dtype=np.float32)
    got = convert.to_request(message(features=sent.tolist())).features
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, sent)


def test_impossible_times_are_refused_by_field() -> None:
    """A timestamp outside the calendar names its field."""
    asked = message()
    asked.decided_at.seconds = 10**15
    with pytest.raises(InvalidArgument) as caught:
        convert.to_request(asked)
    assert caught.value.field == "decided_at"


def test_refusal_is_a_status_and_an_empty_response(bench: Bench) -> None:
    """The call ends with a code and details; nothing is raised and nothing is answered."""
    context = Context()
    late = convert.from_time(NOON + timedelta(days=9))
    response = asyncio.run(
        DecisionHandler(bench.pipeline).decide(
            message(decided_at=late).SerializeToString(), context
        )
    )
    assert response == pb.DecideResponse()
    assert context.code is grpc.StatusCode.INVALID_ARGUMENT
    assert context.details.startswith("decided_at: ")
    assert Status.FromString(context.metadata[DETAILS_KEY]).code == 3
    assert bench.count("decisions") == 0


class Faulty:
    """A pipeline with a defect."""

    async def decide_async(self, request: Any) -> Any:
        """Fail in a way nobody foresaw."""
        raise KeyError("secret path /srv/keys")

    async def record_outcome_async(self, outcome: Any) -> Recorded:
        """Fail in a way nobody foresaw."""
        raise KeyError("secret path /srv/keys")


def test_unforeseen_fault_leaks_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """The caller gets INTERNAL and an id; the log under that id has the rest."""
    context = Context()
    response = asyncio.run(DecisionHandler(Faulty()).decide(message().SerializeToString(), context))
    assert response == pb.DecideResponse()
    assert context.code is grpc.StatusCode.INTERNAL
    assert "secret" not in context.details
    assert b"secret" not in context.metadata[DETAILS_KEY]
    (record,) = caplog.records
    fault = record.args[0]  # type: ignore[index]
    assert str(fault).encode() in context.metadata[DETAILS_KEY]


def test_outcome_is_recorded_and_acknowledged(bench: Bench) -> None:
    """An outcome goes through to the store."""
    handler = DecisionHandler(bench.pipeline)

    async def both() -> pb.RecordOutcomeResponse:
        decision = await handler.decide(message().SerializeToString(), Context())
        report = pb.RecordOutcomeRequest(
            outcome_id=str(uuid.uuid4()),
            decision_id=decision.decision_id,
            kind=pb.OUTCOME_KIND_PURCHASED,
            value_minor=12,
            occurred_at=convert.from_time(NOON),
        )
        return await handler.record_outcome(report.SerializeToString(), Context())

    assert asyncio.run(both()).first_time
    assert bench.count("outcomes") == 1
