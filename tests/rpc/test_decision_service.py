"""The service as a channel system sees it, over the wire."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo
from google.rpc.status_pb2 import Status
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)

from serving.decisioning.replay import replay
from tests.support.decisions import CATALOGUE, SCHEMA
from tests.support.service import Served
from troth.catalogue import Channel
from troth.client import Answer, AsyncDecisionClient, DecisionClient, Permission, Question
from troth.errors import AlreadyExists, InvalidArgument, NotFound, TrothError
from troth.types import Outcome, OutcomeKind, ServedBy
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(180)]


def question(customer: str, **changes: Any) -> Question:
    """A question that can be answered; ``changes`` replace its fields."""
    values = {
        "customer_id": customer,
        "decision_point": "daily",
        "features": [3.0, 2.0, float("nan")],
        "feature_schema_digest": SCHEMA.digest,
        "triggered_journeys": ["welcome", "winback"],
        "request_id": str(uuid.uuid4()),
    }
    return Question(**{**values, **changes})


@pytest.fixture(scope="module")
def client(served: Served) -> Iterator[DecisionClient]:
    """A client of the service."""
    with DecisionClient(served.address, deadline_s=30.0) as one:
        yield one


@pytest.fixture(scope="module")
def stub(served: Served) -> Iterator[Any]:
    """The generated stub, for what the client would not send."""
    with grpc.insecure_channel(served.address) as channel:
        yield DecisionServiceStub(channel)


def contact(client: DecisionClient, customers: Iterator[int]) -> Answer:
    """The first answer that contacts somebody."""
    for number in customers:
        answer = client.decide(question(f"C{number}"))
        if answer.channel is not Channel.NONE:
            return answer
    raise AssertionError("nobody was contacted")


def test_decision_is_typed_stored_and_replayable(served: Served, client: DecisionClient) -> None:
    """The answer is that of the approved model, is in the store, and replays to the bit."""
    answer = client.decide(question("C0"))
    assert answer.served_by is ServedBy.MODEL
    assert answer.reasons == ("approved_model",)
    assert answer.propensity == 0.25
    assert answer.catalogue_digest == CATALOGUE.digest
    assert answer.guardrails_digest == served.installation.config.digest
    assert abs(answer.send_at - datetime.now(UTC)) < timedelta(seconds=60)
    report = replay(served.installation.database, served.installation.artifacts, answer.decision_id)
    assert report.identical
    assert report.decision.action_id == answer.action_id


def test_repeated_request_is_answered_identically(served: Served, client: DecisionClient) -> None:
    """Fifty retries at once, on both replicas, are one decision."""
    asked = question("C1")
    before = served.count("decisions")
    with ThreadPoolExecutor(25) as pool:
        answers = list(pool.map(client.decide, [asked] * 50))
    assert all(answer == answers[0] for answer in answers)
    assert served.count("decisions") == before + 1


def test_unknown_consent_means_no_contact(client: DecisionClient) -> None:
    """A customer nobody told us about is not contacted, and the answer says why."""
    answer = client.decide(question("stranger"))
    assert (answer.action_id, answer.channel) == ("no_contact", Channel.NONE)
    assert answer.propensity == 1.0
    assert [(v.guardrail, v.reason) for v in answer.verdicts] == [("consent", "unknown_consent")]
    assert answer.verdicts[0].mass == pytest.approx(0.75)


def test_unknown_decision_point_is_not_found(served: Served, client: DecisionClient) -> None:
    """A misspelt decision point is told so, rather than that nobody need be contacted."""
    before = served.count("decisions")
    with pytest.raises(NotFound) as refused:
        client.decide(question("C2", decision_point="dialy"))
    assert refused.value.field == "decision_point"
    assert served.count("decisions") == before


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"request_id": "not-a-uuid"}, "request_id"),
        ({"customer_id": ""}, "customer_id"),
        ({"decision_point": ""}, "decision_point"),
        ({"features": []}, "features"),
        ({"features": [1.0]}, "features"),
        ({"features": [1.0, -1.0, 0.0]}, "features[orders]"),
        ({"features": [float("inf"), 0.0, 0.0]}, "features[recency_days]"),
        ({"feature_schema_digest": "0" * 64}, "feature_schema_digest"),
        ({"triggered_journeys": ["nowhere"]}, "triggered_journeys[0]"),
        ({"decided_at": datetime.now(UTC) + timedelta(days=1)}, "decided_at"),
    ],
)
def test_bad_input_is_refused_by_field(
    served: Served, client: DecisionClient, changes: dict[str, Any], field: str
) -> None:
    """Each field that can be wrong comes back by name, and nothing is stored."""
    before = served.count("decisions")
    with pytest.raises(InvalidArgument) as caught:
        client.decide(question("C3", **changes))
    assert caught.value.field == field
    assert served.count("decisions") == before


def test_status_on_the_wire_is_googles(stub: Any) -> None:
    """Any client in any language finds code, reason and field where AIP-193 puts them."""
    message = question("C3", features=[1.0]).to_message()
    with pytest.raises(grpc.RpcError) as caught:
        stub.Decide(message, timeout=10)
    assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
    metadata = dict(caught.value.trailing_metadata())
    status = Status.FromString(metadata["grpc-status-details-bin"])
    info, bad = ErrorInfo(), BadRequest()
    assert status.details[0].Unpack(info)
    assert status.details[1].Unpack(bad)
    assert status.code == grpc.StatusCode.INVALID_ARGUMENT.value[0]
    assert (info.domain, info.reason, info.metadata["field"]) == (
        "troth.dev",
        "INVALID_ARGUMENT",
        "features",
    )
    assert bad.field_violations[0].field == "features"


def test_request_id_cannot_be_reused(client: DecisionClient) -> None:
    """The same id with other content is ALREADY_EXISTS and names the id."""
    asked = question("C4")
    client.decide(asked)
    with pytest.raises(AlreadyExists) as caught:
        client.decide(question("C5", request_id=asked.request_id))
    assert caught.value.field == "request_id"


def outcome(decision_id: str, kind: OutcomeKind, value_minor: int = 0) -> Outcome:
    """An outcome that happened just now."""
    return Outcome(
        outcome_id=str(uuid.uuid4()),
        decision_id=decision_id,
        kind=kind,
        value_minor=value_minor,
        occurred_at=datetime.now(UTC),
    )


def test_outcomes_are_recorded_once(served: Served, client: DecisionClient) -> None:
    """A purchase counts once, however often it is reported."""
    answer = client.decide(question("C6"))
    report = outcome(answer.decision_id, OutcomeKind.PURCHASED, 1999)
    before = served.count("outcomes")
    assert [client.record_outcome(report) for _ in range(3)] == [True, False, False]
    assert served.count("outcomes") == before + 1


def test_opt_out_holds_at_once(client: DecisionClient) -> None:
    """After an opt-out, the very next decision, on any replica, respects it."""
    for number in range(100, 140):
        answer = client.decide(question(f"C{number}"))
        if answer.channel is Channel.NONE:
            continue
        client.record_outcome(outcome(answer.decision_id, OutcomeKind.OPTED_OUT))
        after = client.decide(question(f"C{number}"))
        refused = {v.reason: v.refused for v in after.verdicts}
        assert refused["no_consent"] == (answer.action_id,)
        return
    pytest.fail("nobody was contacted")


def test_refusal_without_a_decision_holds_at_once(client: DecisionClient) -> None:
    """A withdrawal by telephone: no contact, and an answer given before is void."""
    asked = question("C180")
    first = client.decide(asked)
    refusal = Permission(customer_id="C180", channel=None, granted=False)
    assert client.set_permission(refusal).effective
    assert not client.set_permission(refusal).first_time
    assert client.decide(question("C180")).channel is Channel.NONE
    again = client.decide(asked)
    assert again == first
    assert again.holds is (first.channel is Channel.NONE)
    consent = Permission(customer_id="C180", channel=None, granted=True)
    assert client.set_permission(consent).reason == "no_given_at"


@pytest.mark.parametrize(
    ("changes", "error", "field"),
    [
        ({"decision_id": str(uuid.uuid4())}, NotFound, "decision_id"),
        ({"decision_id": "x"}, InvalidArgument, "decision_id"),
        ({"outcome_id": "x"}, InvalidArgument, "outcome_id"),
        ({"value_minor": 5}, InvalidArgument, "value_minor"),
        ({"occurred_at": datetime.now(UTC) + timedelta(days=1)}, InvalidArgument, "occurred_at"),
    ],
)
def test_bad_outcomes_are_refused_by_field(
    client: DecisionClient, changes: dict[str, Any], error: type[TrothError], field: str
) -> None:
    """Each field that can be wrong comes back by name."""
    answer = contact(client, iter(range(200, 240)))
    good = outcome(answer.decision_id, OutcomeKind.CLICKED)
    values = {name: getattr(good, name) for name in good.__slots__}
    with pytest.raises(error) as caught:
        client.record_outcome(Outcome(**{**values, **changes}))
    assert caught.value.field == field


def test_missing_fields_of_an_outcome(stub: Any) -> None:
    """Proto3 defaults are no values: an unset kind or time is refused."""
    message = pb.RecordOutcomeRequest(outcome_id=str(uuid.uuid4()), decision_id=str(uuid.uuid4()))
    for field in ("kind", "occurred_at"):
        with pytest.raises(grpc.RpcError) as caught:
            stub.RecordOutcome(message, timeout=10)
        assert caught.value.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert caught.value.details().startswith(f"{field}:")
        message.kind = pb.OUTCOME_KIND_CLICKED


def test_last_contact_is_granted_once_over_the_wire(served: Served) -> None:
    """Many channel systems ask for the same customers at once; each gets one contact."""
    names = [f"C{i}" for i in range(300, 330)]

    async def ask() -> list[tuple[str, Answer]]:
        async with AsyncDecisionClient(served.address, deadline_s=60.0) as client:

            async def one(name: str) -> tuple[str, Answer]:
                return name, await client.decide(question(name))

            return await asyncio.gather(*(one(name) for name in names for _ in range(6)))

    granted = [name for name, answer in asyncio.run(ask()) if answer.channel is not Channel.NONE]
    assert len(granted) == len(set(granted))
    assert len(granted) > len(names) / 2


def test_health_is_the_standard_protocol(served: Served) -> None:
    """Load balancers ask ``grpc.health.v1``, for the server or for the service."""
    with grpc.insecure_channel(served.address) as channel:
        health = health_pb2_grpc.HealthStub(channel)
        for name in ("", "troth.v1.DecisionService"):
            answer = health.Check(health_pb2.HealthCheckRequest(service=name), timeout=10)
            assert answer.status == health_pb2.HealthCheckResponse.SERVING
        with pytest.raises(grpc.RpcError) as caught:
            health.Check(health_pb2.HealthCheckRequest(service="nope"), timeout=10)
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


def test_reflection_lists_the_service(served: Served) -> None:
    """Tools such as grpcurl find the service and its messages without the proto."""
    with grpc.insecure_channel(served.address) as channel:
        database = ProtoReflectionDescriptorDatabase(channel)
        assert "troth.v1.DecisionService" in database.get_services()


def test_ingress_is_haproxy(served: Served) -> None:
    """The quick ingress is in use, not the Python proxy."""
    import json

    from serving.rpc.foreground import ready_path

    status = json.loads(ready_path(served.installation.settings).read_text())
    assert status["ingress"] == "haproxy"
    assert len(served.service.replica_pids()) == 2
