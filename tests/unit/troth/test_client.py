"""The client against a service played in this process: retries, deadlines, typed errors."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status

from serving.rpc.status import refuse
from troth.catalogue import Channel
from troth.client import Answer, AsyncDecisionClient, DecisionClient, Question, retries
from troth.errors import (
    AlreadyExists,
    Code,
    DataLoss,
    DeadlineExceeded,
    FailedPrecondition,
    InvalidArgument,
    NotApproved,
    NotFound,
    ResourceExhausted,
    TrothError,
    Unavailable,
)
from troth.types import Outcome, OutcomeKind, ServedBy
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import (
    DecisionServiceServicer,
    add_DecisionServiceServicer_to_server,
)
from troth.wire.status import DETAILS_KEY

NOW = datetime(2026, 3, 4, 12, 0, 0, 123456, tzinfo=UTC)
QUESTION = Question(
    customer_id="C1", decision_point="daily", features=[1.0], feature_schema_digest="0" * 64
)
Behaviour = Callable[[int, Any, Any], Any]


class Service(DecisionServiceServicer):
    """Does what ``behaviour`` says, given how many calls there were before."""

    def __init__(self) -> None:
        self.calls: list[Any] = []
        self.behaviour: Behaviour = lambda *_: decided()

    def Decide(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Answer a request."""
        self.calls.append(request)
        return self.behaviour(len(self.calls) - 1, request, context)

    def RecordOutcome(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Acknowledge an outcome."""
        self.calls.append(request)
        return pb.RecordOutcomeResponse(outcome_id=request.outcome_id, first_time=True)


def decided() -> pb.DecideResponse:
    """An e-mail."""
    response = pb.DecideResponse(
        decision_id="d",
        action_id="welcome_email",
        channel=pb.CHANNEL_EMAIL,
        propensity=0.25,
        served_by=pb.SERVED_BY_BASELINE,
        reasons=["model_slow", "approved_baseline"],
        verdicts=[
            pb.GuardrailVerdict(
                guardrail="consent", refused_action_ids=["a"], refused_mass=0.5, reason="no_consent"
            )
        ],
    )
    response.send_at.FromDatetime(NOW)
    response.valid_until.FromDatetime(NOW)
    return response


@pytest.fixture(scope="module")
def server() -> Iterator[tuple[Service, str]]:
    """A plain gRPC server around a played service."""
    service = Service()
    pool = ThreadPoolExecutor(8)
    plain = grpc.server(pool)
    add_DecisionServiceServicer_to_server(service, plain)
    port = plain.add_insecure_port("127.0.0.1:0")
    plain.start()
    yield service, f"127.0.0.1:{port}"
    plain.stop(None).wait()
    pool.shutdown()


def ask_sync(address: str, **limits: float) -> Answer:
    """Ask with the blocking client."""
    with DecisionClient(address, **limits) as client:
        return client.decide(QUESTION)


def ask_async(address: str, **limits: float) -> Answer:
    """Ask with the asyncio client."""

    async def ask() -> Answer:
        async with AsyncDecisionClient(address, **limits) as client:
            return await client.decide(QUESTION)

    return asyncio.run(ask())


@pytest.fixture(params=[ask_sync, ask_async], ids=["sync", "async"])
def ask(request: pytest.FixtureRequest) -> Callable[..., Answer]:
    """Both clients keep the same promises."""
    asked: Callable[..., Answer] = request.param
    return asked


@pytest.fixture
def play(server: tuple[Service, str]) -> Callable[[Behaviour], tuple[Service, str]]:
    """Give the service a behaviour and an empty memory."""
    service, address = server

    def with_behaviour(behaviour: Behaviour) -> tuple[Service, str]:
        service.calls.clear()
        service.behaviour = behaviour
        return service, address

    return with_behaviour


Play = Callable[[Behaviour], tuple[Service, str]]
Ask = Callable[..., Answer]


def test_answer_is_typed(play: Play, ask: Ask) -> None:
    """Every field arrives as the noun it is, times to the microsecond."""
    _, address = play(lambda *_: decided())
    answer = ask(address)
    assert (answer.channel, answer.served_by) == (Channel.EMAIL, ServedBy.BASELINE)
    assert answer.send_at == NOW
    assert answer.propensity == 0.25
    assert answer.reasons == ("model_slow", "approved_baseline")
    assert answer.verdicts[0].refused == ("a",)
    assert answer.to_dict()["verdicts"][0]["mass"] == 0.5


def broken(context: Any, code: grpc.StatusCode, message: str) -> None:
    """End the call as something on the way would: no details."""
    context.set_code(code)
    context.set_details(message)


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (grpc.StatusCode.UNAVAILABLE, "connection reset"),
        (grpc.StatusCode.UNKNOWN, "Received http2 header with status: 500"),
        (grpc.StatusCode.NOT_FOUND, "Application metadata not set."),
        (grpc.StatusCode.INTERNAL, "The actor died unexpectedly before finishing this task."),
    ],
)
def test_broken_call_is_repeated_with_the_same_id(
    play: Play, ask: Ask, code: grpc.StatusCode, message: str
) -> None:
    """What a dying replica or proxy leaves behind is retried, and counts once."""

    def behaviour(before: int, _: Any, context: Any) -> Any:
        if before < 3:
            broken(context, code, message)
            return pb.DecideResponse()
        return decided()

    service, address = play(behaviour)
    assert ask(address).decision_id == "d"
    assert len(service.calls) == 4
    assert len({call.request_id for call in service.calls}) == 1
    uuid.UUID(service.calls[0].request_id)


@pytest.mark.parametrize(
    "error",
    [
        InvalidArgument("-1 is outside 0..9", field="features[age]"),
        NotFound("there is none", field="decision_id"),
        AlreadyExists("was used", field="request_id"),
        NotApproved("short of quorum", cause="quorum"),
        DataLoss("bytes differ"),
        ResourceExhausted("the queue is full"),
        TrothError("an internal fault", fault="abc"),
    ],
)
def test_refusal_comes_back_as_it_was_raised(play: Play, ask: Ask, error: TrothError) -> None:
    """A typed refusal is not retried; class, message, field and facts survive the wire."""

    def behaviour(_: int, __: Any, context: Any) -> Any:
        refuse(context, error)
        return pb.DecideResponse()

    service, address = play(behaviour)
    with pytest.raises(TrothError) as caught:
        ask(address)
    assert type(caught.value) is type(error)
    assert caught.value.message == error.message
    assert caught.value.field == error.field
    assert caught.value.metadata == error.metadata
    assert len(service.calls) == 1


@pytest.mark.parametrize(
    ("code", "message"),
    [
        (grpc.StatusCode.UNAUTHENTICATED, "no token"),
        (grpc.StatusCode.PERMISSION_DENIED, "not you"),
        (grpc.StatusCode.UNIMPLEMENTED, "no such method"),
        (grpc.StatusCode.RESOURCE_EXHAUSTED, "too large"),
        (grpc.StatusCode.UNKNOWN, "Received http2 header with status: 418"),
        (grpc.StatusCode.INTERNAL, "cannot be decoded"),
        (grpc.StatusCode.UNAVAILABLE, "Tls handshake failed: CERTIFICATE_VERIFY_FAILED"),
    ],
)
def test_what_would_end_the_same_way_is_not_repeated(
    play: Play, ask: Ask, code: grpc.StatusCode, message: str
) -> None:
    """Nor is what no proxy says by itself; the typed error has the status."""

    def behaviour(_: int, __: Any, context: Any) -> Any:
        broken(context, code, message)
        return pb.DecideResponse()

    service, address = play(behaviour)
    with pytest.raises(TrothError, match=message) as caught:
        ask(address)
    assert caught.value.code == (code.value[0] if code.value[0] != 2 else Code.INTERNAL)
    assert len(service.calls) == 1


def test_details_of_others_are_not_ours(play: Play, ask: Ask) -> None:
    """A proxy's own details do not count as the service's word: it is repeated."""

    def behaviour(before: int, _: Any, context: Any) -> Any:
        if before == 0:
            refuse(context, NotFound("no such route"))
            context.set_trailing_metadata([(DETAILS_KEY, of_another_domain())])
        elif before == 1:
            broken(context, grpc.StatusCode.UNAVAILABLE, "overloaded")
            context.set_trailing_metadata([(DETAILS_KEY, b"\xff\xff")])
        return decided()

    service, address = play(behaviour)
    assert ask(address).decision_id == "d"
    assert len(service.calls) == 3


def of_another_domain() -> bytes:
    """A serialised status whose reason is another's."""
    status = Status(code=5, message="no such route")
    status.details.add().Pack(ErrorInfo(reason="NOT_FOUND", domain="proxy.example"))
    return status.SerializeToString()


def test_any_fact_survives_the_wire(play: Play, ask: Ask) -> None:
    """Facts may be called like arguments of the error."""

    def behaviour(_: int, __: Any, context: Any) -> Any:
        error = NotFound("is not here", field="x")
        error.metadata["message"] = "a fact"
        refuse(context, error)
        return pb.DecideResponse()

    _, address = play(behaviour)
    with pytest.raises(NotFound, match="is not here") as caught:
        ask(address)
    assert caught.value.metadata == {"message": "a fact"}


def test_an_answer_of_another_release_is_refused(play: Play, ask: Ask) -> None:
    """A channel that this client does not know is not taken for another one."""

    def behaviour(_: int, __: Any, ___: Any) -> Any:
        response = decided()
        response.channel = 77
        return response

    _, address = play(behaviour)
    with pytest.raises(FailedPrecondition, match="channel: the service answered with 77"):
        ask(address)


@pytest.mark.parametrize("value", [{"features": ["x"]}, {"customer_id": 7}, {"features": 3.0}])
def test_a_question_that_does_not_fit_is_refused(value: dict[str, Any]) -> None:
    """A value of another type is a typed error and is not sent."""
    with pytest.raises(InvalidArgument, match="request"):
        replace(QUESTION, **value).to_message()


def test_typed_unavailable_is_retried(play: Play, ask: Ask) -> None:
    """When the service itself says not now, the client tries again."""

    def behaviour(before: int, _: Any, context: Any) -> Any:
        if before == 0:
            refuse(context, Unavailable("the store is busy", field="database"))
            return pb.DecideResponse()
        return decided()

    service, address = play(behaviour)
    assert ask(address).decision_id == "d"
    assert len(service.calls) == 2


def test_deadline_bounds_all_attempts(
    play: Play, ask: Ask, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A service that stays broken costs the deadline and no more; each attempt has what is left."""
    now, left = 1000.0, []
    monkeypatch.setattr(retries, "time", SimpleNamespace(monotonic=lambda: now))

    def behaviour(_: int, __: Any, context: Any) -> Any:
        nonlocal now
        left.append(context.time_remaining())
        now += 20.0
        broken(context, grpc.StatusCode.UNAVAILABLE, "still down")
        return pb.DecideResponse()

    service, address = play(behaviour)
    with pytest.raises(Unavailable, match=r"after 3 attempts.*still down"):
        ask(address, deadline_s=50.0, attempt_s=40.0)
    assert len(service.calls) == 3
    most = (41.0, 31.0, 11.0)  # gRPC rounds up what it sends
    assert all(0.0 < found < limit for found, limit in zip(left, most, strict=True))


def test_attempt_that_hangs_is_given_up(play: Play, ask: Ask) -> None:
    """One replica that hangs does not use up the deadline; a second attempt answers."""

    def behaviour(before: int, _: Any, __: Any) -> Any:
        if before == 0:
            time.sleep(1.0)
        return decided()

    service, address = play(behaviour)
    assert ask(address, deadline_s=20.0, attempt_s=0.3).decision_id == "d"
    assert len(service.calls) == 2


def test_nobody_there_is_unavailable(ask: Ask) -> None:
    """An address nobody listens on is a typed error too."""
    with pytest.raises((Unavailable, DeadlineExceeded)):
        ask("127.0.0.1:9", deadline_s=0.5)


def test_outcome_is_sent_as_it_is(play: Play) -> None:
    """Kind, money and time arrive."""
    service, address = play(lambda *_: decided())
    report = Outcome(
        outcome_id=str(uuid.uuid4()),
        decision_id=str(uuid.uuid4()),
        kind=OutcomeKind.PURCHASED,
        value_minor=-5,
        occurred_at=NOW,
    )
    with DecisionClient(address) as client:
        assert client.record_outcome(report)
    (sent,) = service.calls
    assert sent.kind == pb.OUTCOME_KIND_PURCHASED
    assert sent.value_minor == -5
    assert sent.occurred_at.ToDatetime(tzinfo=UTC) == NOW


def test_question_reads_the_protocols_json() -> None:
    """The command takes the protocol's own JSON form, NaN included, and names what is wrong."""
    text = (
        '{"customerId": "C1", "decisionPoint": "daily", "features": [1, "NaN"],'
        ' "featureSchemaDigest": "0", "decidedAt": "2026-03-04T12:00:00.123456Z"}'
    )
    question = Question.from_json(text)
    assert question.decided_at == NOW
    assert question.features[1] != question.features[1]
    for wrong in ("{", '{"customer": "C1"}', '{"features": ["x"]}'):
        with pytest.raises(InvalidArgument, match="request"):
            Question.from_json(wrong)
