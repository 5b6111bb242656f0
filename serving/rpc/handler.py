"""The handler: what each method does, whatever transport brought the call."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Protocol, TypeVar

from serving.decisioning.outcomes import Recorded
from serving.decisioning.records import Decision
from serving.decisioning.reports import Acknowledged, PermissionReport
from serving.decisioning.requests import DecideRequest
from serving.rpc import convert
from serving.rpc.status import CallContext, refuse
from troth.errors import TrothError
from troth.types import Outcome
from troth.v1 import decision_service_pb2 as pb

log = logging.getLogger(__name__)

R = TypeVar("R")


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
    """

    def __init__(self, decider: Decider) -> None:
        self._decider = decider

    async def decide(self, message: pb.DecideRequest, context: CallContext) -> pb.DecideResponse:
        """Answer one request."""

        async def answer() -> pb.DecideResponse:
            decision = await self._decider.decide_async(convert.to_request(message))
            return convert.from_decision(decision)

        return await _guarded(answer, pb.DecideResponse, context)

    async def record_outcome(
        self, message: pb.RecordOutcomeRequest, context: CallContext
    ) -> pb.RecordOutcomeResponse:
        """Store one outcome."""

        async def answer() -> pb.RecordOutcomeResponse:
            outcome = convert.to_outcome(message)
            return convert.from_recorded(await self._decider.record_outcome_async(outcome))

        return await _guarded(answer, pb.RecordOutcomeResponse, context)

    async def set_permission(
        self, message: pb.SetPermissionRequest, context: CallContext
    ) -> pb.SetPermissionResponse:
        """Store one permission."""

        async def answer() -> pb.SetPermissionResponse:
            report = convert.to_permission(message)
            return convert.from_acknowledged(await self._decider.set_permission_async(report))

        return await _guarded(answer, pb.SetPermissionResponse, context)


async def _guarded(
    answer: Callable[[], Awaitable[R]], empty: Callable[[], R], context: CallContext
) -> R:
    try:
        return await answer()
    except TrothError as error:
        refuse(context, error)
    except Exception:
        fault = uuid.uuid4().hex[:12]
        log.exception("internal fault %s", fault)
        refuse(context, TrothError("an internal fault, explained in the log", fault=fault))
    return empty()
