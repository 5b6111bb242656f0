"""The handler: what each method does, whatever transport brought the call."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from google.protobuf.message import DecodeError, Message

from serving.customers.permission_reports import Acknowledged, PermissionReport
from serving.decisioning.outcomes import Recorded
from serving.decisioning.requests import DecideRequest
from serving.decisions.records import Decision
from serving.rpc import convert
from serving.rpc.gate import Gate
from serving.rpc.status import CallContext, refuse
from troth.errors import InvalidArgument, TrothError
from troth.types import Outcome
from troth.v1 import decision_service_pb2 as pb

log = logging.getLogger(__name__)

M = TypeVar("M", bound=Message)
R = TypeVar("R")

LARGEST_MESSAGE = 64 * 1024
"""Bytes of one request: 4,096 features and 256 journeys with names of 100 bytes fit."""


class Decider(Protocol):
    """What the handler needs: :class:`serving.decisioning.pipeline.DecisionPipeline`."""

    async def decide_async(self, request: DecideRequest) -> Decision:
        """Answer a request, durably."""
        ...

    async def record_outcome_async(self, outcome: Outcome) -> Recorded:
        """Store an outcome, durably."""
        ...

    async def set_permission_async(self, report: PermissionReport) -> Acknowledged:
        """Store a permission, durably."""
        ...


class DecisionHandler:
    """The methods of ``troth.v1.DecisionService``.

    Every failure becomes a typed status on the call's context and an empty response; what
    was not foreseen becomes INTERNAL with an id that the log explains, and nothing else.

    Args:
        decider: the decision pipeline.
        gate: lets calls in, until the service ends.
    """

    def __init__(self, decider: Decider, gate: Gate | None = None) -> None:
        self._decider = decider
        self._gate = gate or Gate()

    async def decide(self, data: bytes, context: CallContext) -> pb.DecideResponse:
        """Answer one request, a serialised ``DecideRequest``."""

        async def answer() -> pb.DecideResponse:
            request = convert.to_request(parsed(pb.DecideRequest, data))
            return convert.from_decision(await self._decider.decide_async(request))

        return await self._guarded(answer, pb.DecideResponse, context)

    async def record_outcome(self, data: bytes, context: CallContext) -> pb.RecordOutcomeResponse:
        """Store one outcome, a serialised ``RecordOutcomeRequest``."""

        async def answer() -> pb.RecordOutcomeResponse:
            outcome = convert.to_outcome(parsed(pb.RecordOutcomeRequest, data))
            return convert.from_recorded(await self._decider.record_outcome_async(outcome))

        return await self._guarded(answer, pb.RecordOutcomeResponse, context)

    async def set_permission(self, data: bytes, context: CallContext) -> pb.SetPermissionResponse:
        """Store one permission, a serialised ``SetPermissionRequest``."""

        async def answer() -> pb.SetPermissionResponse:
            report = convert.to_permission(parsed(pb.SetPermissionRequest, data))
            return convert.from_acknowledged(await self._decider.set_permission_async(report))

        return await self._guarded(answer, pb.SetPermissionResponse, context)

    async def _guarded(
        self, answer: Callable[[], Awaitable[R]], empty: Callable[[], R], context: CallContext
    ) -> R:
        try:
            with self._gate:
                return await answer()
        except TrothError as error:
            refuse(context, error)
        except Exception:
            fault = uuid.uuid4().hex[:12]
            log.exception("internal fault %s", fault)
            refuse(context, TrothError("an internal fault, explained in the log", fault=fault))
        return empty()


def parsed(kind: type[M], data: bytes) -> M:
    """The message of ``kind`` in ``data``.

    Raises:
        InvalidArgument: naming ``request`` if it is too large or not such a message.
    """
    if len(data) > LARGEST_MESSAGE:
        raise InvalidArgument(f"{len(data)} bytes are more than {LARGEST_MESSAGE}", field="request")
    message = kind()
    try:
        message.ParseFromString(data)
    except DecodeError as error:
        raise InvalidArgument(f"is not a {kind.__name__}", field="request") from error
    return message
