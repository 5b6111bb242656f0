"""The client for asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import grpc

from troth.client.answers import Answer
from troth.client.connection import Connection
from troth.client.metadata import AsyncMetadataSource
from troth.client.outcomes import outcome_message
from troth.client.permissions import Permission, PermissionSet
from troth.client.questions import Question
from troth.client.retries import Retries
from troth.client.tls import TlsOptions
from troth.types import Outcome
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub


class AsyncDecisionClient:
    """:class:`troth.client.DecisionClient` for ``asyncio``, with the same arguments.

    It belongs to the event loop it is made in. A function given as ``metadata`` may be a
    coroutine function.
    """

    def __init__(
        self,
        address: str,
        *,
        deadline_s: float = 10.0,
        attempt_s: float = 3.0,
        tls: TlsOptions | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: AsyncMetadataSource | None = None,
    ) -> None:
        self._connection = Connection(address, tls, credentials, metadata)
        self._channel = self._connection.open_async()
        self._stub: Any = DecisionServiceStub(self._channel)
        self._limits = (deadline_s, attempt_s)

    async def decide(self, question: Question) -> Answer:
        """See :meth:`troth.client.DecisionClient.decide`."""
        return Answer.from_message(await self._call(self._stub.Decide, question.to_message()))

    async def record_outcome(self, outcome: Outcome) -> bool:
        """See :meth:`troth.client.DecisionClient.record_outcome`."""
        message = outcome_message(outcome)
        return bool((await self._call(self._stub.RecordOutcome, message)).first_time)

    async def set_permission(self, permission: Permission) -> PermissionSet:
        """See :meth:`troth.client.DecisionClient.set_permission`."""
        message = permission.to_message()
        return PermissionSet.from_message(await self._call(self._stub.SetPermission, message))

    async def close(self) -> None:
        """Close the connection."""
        await self._channel.close()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def _call(self, method: Any, message: Any) -> Any:
        retries = Retries(*self._limits)
        for timeout in retries:
            metadata = await self._connection.metadata_async()
            try:
                return await method(message, timeout=timeout, metadata=metadata)
            except grpc.RpcError as error:
                await asyncio.sleep(retries.pause_after(error))
        raise retries.exhausted()
