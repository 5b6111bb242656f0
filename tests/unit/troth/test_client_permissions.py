"""Permissions and marked answers through the client, against a service played here."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

import grpc
import pytest

from troth.catalogue import Channel
from troth.client import (
    AsyncDecisionClient,
    DecisionClient,
    Permission,
    PermissionSet,
    Question,
)
from troth.errors import InvalidArgument
from troth.types import Outcome, OutcomeKind, new_id
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import (
    DecisionServiceServicer,
    add_DecisionServiceServicer_to_server,
)
from troth.wire.messages import write_permission

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)


class Service(DecisionServiceServicer):
    """Holds no permission, and no answer beyond the first."""

    def __init__(self) -> None:
        self.calls: list[Any] = []

    def Decide(self, request: Any, context: Any) -> Any:  # noqa: N802
        """An e-mail, void from the second time on."""
        self.calls.append(request)
        first = len(self.calls) == 1
        answer = pb.DecideResponse(
            decision_id="d",
            channel=pb.CHANNEL_EMAIL,
            served_by=pb.SERVED_BY_MODEL,
            holds=first,
            void_reasons=[] if first else ["quiet_hours"],
        )
        answer.valid_until.FromDatetime(NOON)
        answer.send_at.FromDatetime(NOON)
        return answer

    def RecordOutcome(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Acknowledge."""
        self.calls.append(request)
        return pb.RecordOutcomeResponse(outcome_id=request.outcome_id, first_time=True)

    def SetPermission(self, request: Any, context: Any) -> Any:  # noqa: N802
        """Not in force."""
        self.calls.append(request)
        return pb.SetPermissionResponse(
            permission_id=request.permission_id, first_time=True, reason="refusal_is_newer"
        )


@pytest.fixture
def server() -> Iterator[tuple[Service, str]]:
    """A plain gRPC server around a played service."""
    service = Service()
    with ThreadPoolExecutor(2) as pool:
        plain = grpc.server(pool)
        add_DecisionServiceServicer_to_server(service, plain)
        port = plain.add_insecure_port("127.0.0.1:0")
        plain.start()
        yield service, f"127.0.0.1:{port}"
        plain.stop(None).wait()


@pytest.mark.parametrize("channel", [Channel.SMS, None])
@pytest.mark.parametrize("blocking", [True, False])
def test_permission_travels(
    server: tuple[Service, str], channel: Channel | None, blocking: bool
) -> None:
    """Every field arrives, and what became of it comes back, from both clients."""
    service, address = server
    told = Permission(
        customer_id="C1",
        channel=channel,
        granted=True,
        given_at=NOON + timedelta(microseconds=7),
        source="shop 7",
        purpose="survey",
    )

    async def waiting() -> PermissionSet:
        async with AsyncDecisionClient(address) as client:
            return await client.set_permission(told)

    if blocking:
        with DecisionClient(address) as client:
            done = client.set_permission(told)
    else:
        done = asyncio.run(waiting())
    assert done == PermissionSet(
        permission_id=told.permission_id,
        first_time=True,
        effective=False,
        reason="refusal_is_newer",
    )
    (sent,) = service.calls
    assert (sent.customer_id, sent.granted, sent.source) == ("C1", True, "shop 7")
    assert sent.purpose == "survey"
    assert sent.given_at.ToDatetime(tzinfo=UTC) == told.given_at
    if channel is None:
        assert sent.all_channels
        assert sent.WhichOneof("reach") == "all_channels"
    else:
        assert sent.channel == pb.CHANNEL_SMS


def test_permission_without_a_zone_is_not_sent() -> None:
    """Nobody knows when it was given."""
    naive = NOON.replace(tzinfo=None)
    told = Permission(customer_id="C1", channel=None, granted=False, given_at=naive)
    with pytest.raises(InvalidArgument) as caught:
        write_permission(told)
    assert caught.value.field == "given_at"


def test_opt_out_says_who_and_of_what(server: tuple[Service, str]) -> None:
    """Where the reporter knows no decision."""
    service, address = server
    with DecisionClient(address) as client:
        client.record_outcome(
            Outcome(
                outcome_id=new_id(),
                decision_id="",
                kind=OutcomeKind.OPTED_OUT,
                value_minor=0,
                occurred_at=NOON,
                customer_id="C1",
                channel=Channel.PUSH,
            )
        )
    (sent,) = service.calls
    assert (sent.customer_id, sent.channel) == ("C1", pb.CHANNEL_PUSH)


def test_void_answer_is_equal_and_marked(server: tuple[Service, str]) -> None:
    """The same decision, which must not be acted on."""
    _, address = server
    asked = Question(
        customer_id="C1",
        decision_point="daily",
        features=[1.0],
        feature_schema_digest="0" * 64,
        request_id=new_id(),
    )
    with DecisionClient(address) as client:
        first, again = client.decide(asked), client.decide(asked)
    assert first == again
    assert (first.holds, again.holds) == (True, False)
    assert again.void_reasons == ("quiet_hours",)
    assert again.to_dict()["valid_until"] == "2026-03-04T12:00:00.000000Z"
