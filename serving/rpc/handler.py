"""The handler: what each method does, whatever transport brought the call."""

from __future__ import annotations

import logging
import uuid
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

from google.protobuf.message import Message

from serving.customers.permission_reports import PermissionReport
from serving.decisioning.requests import DecideRequest
from serving.decisions.records import Decision
from serving.rpc.gate import Gate
from serving.rpc.status import CallContext, refuse
from troth.errors import InvalidArgument, TrothError
from troth.reports import PermissionSet, Recorded
from troth.types import Outcome
from troth.wire.forms import Form
from troth.wire.messages import (
    ANSWER,
    OUTCOME,
    PERMISSION,
    PERMISSION_SET,
    QUESTION,
    RECORDED,
    read_outcome,
    read_permission,
)

log = logging.getLogger(__name__)

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

    async def set_permission_async(self, report: PermissionReport) -> PermissionSet:
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

    async def decide(self, data: bytes, context: CallContext) -> Message:
        """Answer one request, a serialised ``DecideRequest``."""

        async def answer() -> Message:
            request = QUESTION.read(QUESTION.parse(sized(data)), DecideRequest)
            return ANSWER.write((await self._decider.decide_async(request)).answer())

        return await self._guarded(answer, ANSWER, context)

    async def record_outcome(self, data: bytes, context: CallContext) -> Message:
        """Store one outcome, a serialised ``RecordOutcomeRequest``."""

        async def answer() -> Message:
            outcome = read_outcome(OUTCOME.parse(sized(data)))
            return RECORDED.write(await self._decider.record_outcome_async(outcome))

        return await self._guarded(answer, RECORDED, context)

    async def set_permission(self, data: bytes, context: CallContext) -> Message:
        """Store one permission, a serialised ``SetPermissionRequest``."""

        async def answer() -> Message:
            report = PermissionReport.of(read_permission(PERMISSION.parse(sized(data))))
            return PERMISSION_SET.write(await self._decider.set_permission_async(report))

        return await self._guarded(answer, PERMISSION_SET, context)

    async def _guarded(
        self,
        answer: Callable[[], Awaitable[Message]],
        form: Form[Any, Any],
        context: CallContext,
    ) -> Message:
        try:
            with self._gate:
                return await answer()
        except TrothError as error:
            refuse(context, error)
        except Exception:
            fault = uuid.uuid4().hex[:12]
            log.exception("internal fault %s", fault)
            refuse(context, TrothError("an internal fault, explained in the log", fault=fault))
        empty: Message = form.message()
        return empty


def sized(data: bytes) -> bytes:
    """``data``, if a request may be as large.

    Raises:
        InvalidArgument: naming ``request``.
    """
    if len(data) > LARGEST_MESSAGE:
        raise InvalidArgument(f"{len(data)} bytes are more than {LARGEST_MESSAGE}", field="request")
    return data
