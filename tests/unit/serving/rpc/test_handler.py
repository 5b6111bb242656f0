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

from serving.decisioning.requests import DecideRequest
from serving.rpc.handler import DecisionHandler
from tests.support.decisions import NOON, SCHEMA, Bench, customers, request
from troth.errors import InvalidArgument
from troth.reports import PermissionSet, Recorded
from troth.v1 import decision_service_pb2 as pb
from troth.wire.messages import ANSWER, QUESTION
from troth.wire.status import DETAILS_KEY
from troth.wire.times import from_time


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
        "decided_at": from_time(NOON),
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
    decision = bench.pipeline.decide(QUESTION.read(asked, DecideRequest))
    assert response == ANSWER.write(decision.answer())
    assert response.decision_id == decision.decision_id
    assert response.propensity == decision.propensity
    assert response.send_at.ToDatetime() == NOON.replace(tzinfo=None)
    assert [f.name for f, _ in response.ListFields()] == [
        f.name
        for f in response.DESCRIPTOR.fields
        if f.name not in ("verdicts", "void_reasons") or getattr(decision, f.name)
    ]


def test_features_keep_their_bits() -> None:
    """Floats arrive as they were sent; NaN stays NaN."""
    sent = np.array([0.1, np.nan, 3e38], dtype=np.float32)
    got = QUESTION.read(message(features=sent.tolist()), DecideRequest).features
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, sent)


def test_impossible_times_are_refused_by_field() -> None:
    """A timestamp outside the calendar names its field."""
    asked = message()
    asked.decided_at.seconds = 10**15
    with pytest.raises(InvalidArgument) as caught:
        QUESTION.read(asked, DecideRequest)
    assert caught.value.field == "decided_at"


def test_refusal_is_a_status_and_an_empty_response(bench: Bench) -> None:
    """The call ends with a code and details; nothing is raised and nothing is answered."""
    context = Context()
    late = from_time(NOON + timedelta(days=9))
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


def test_repeated_answer_says_on_the_wire_that_it_is_void(bench: Bench) -> None:
    """The same decision, marked, with the reason."""
    handler, asked = DecisionHandler(bench.pipeline), message()
    first = asyncio.run(handler.decide(asked.SerializeToString(), Context()))
    assert first.channel != pb.CHANNEL_NONE
    assert first.holds
    refusal = pb.SetPermissionRequest(
        permission_id=str(uuid.uuid4()), customer_id="C1", all_channels=True
    )
    done = asyncio.run(handler.set_permission(refusal.SerializeToString(), Context()))
    assert (done.first_time, done.effective, done.reason) == (True, True, "as_given")
    again = asyncio.run(handler.decide(asked.SerializeToString(), Context()))
    assert again.decision_id == first.decision_id
    assert (again.holds, list(again.void_reasons)) == (False, ["no_consent"])


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({}, "channel"),
        ({"all_channels": False}, "channel"),
        ({"channel": pb.CHANNEL_UNSPECIFIED}, "channel"),
        ({"channel": pb.CHANNEL_NONE}, "channel"),
        ({"channel": 77}, "channel"),
        ({"all_channels": True, "permission_id": "x"}, "permission_id"),
        ({"all_channels": True, "customer_id": " C1"}, "customer_id"),
        ({"all_channels": True, "purpose": "A b"}, "purpose"),
        ({"all_channels": True, "source": "a\nb"}, "source"),
    ],
)
def test_permission_that_cannot_be_is_refused(
    bench: Bench, changes: dict[str, Any], field: str
) -> None:
    """Each field that can be wrong is named, and nothing is stored."""
    values = {"permission_id": str(uuid.uuid4()), "customer_id": "C1", **changes}
    context, before = Context(), bench.count("permissions")
    handler = DecisionHandler(bench.pipeline)
    asyncio.run(
        handler.set_permission(pb.SetPermissionRequest(**values).SerializeToString(), context)
    )
    assert context.code is grpc.StatusCode.INVALID_ARGUMENT
    assert context.details.startswith(f"{field}: ")
    assert bench.count("permissions") == before
    assert bench.count("permission_reports") == 0


@pytest.mark.parametrize("seconds", [None, 10**15])
def test_opt_out_without_a_possible_time_is_taken_up(bench: Bench, seconds: int | None) -> None:
    """No time, or one outside the calendar: the withdrawal counts from now."""
    handler = DecisionHandler(bench.pipeline)
    decision = asyncio.run(handler.decide(message().SerializeToString(), Context()))
    report = pb.RecordOutcomeRequest(
        outcome_id=str(uuid.uuid4()),
        decision_id=decision.decision_id,
        kind=pb.OUTCOME_KIND_OPTED_OUT,
    )
    if seconds is not None:
        report.occurred_at.seconds = seconds
    context = Context()
    assert asyncio.run(handler.record_outcome(report.SerializeToString(), context)).first_time
    assert context.code is None
    assert not asyncio.run(handler.record_outcome(report.SerializeToString(), context)).first_time


class Faulty:
    """A pipeline with a defect."""

    async def decide_async(self, request: Any) -> Any:
        """Fail in a way nobody foresaw."""
        raise KeyError("secret path /srv/keys")

    async def record_outcome_async(self, outcome: Any) -> Recorded:
        """Fail in a way nobody foresaw."""
        raise KeyError("secret path /srv/keys")

    async def set_permission_async(self, report: Any) -> PermissionSet:
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
            occurred_at=from_time(NOON),
        )
        return await handler.record_outcome(report.SerializeToString(), Context())

    assert asyncio.run(both()).first_time
    assert bench.count("outcomes") == 1
