"""The client for asyncio."""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Any, Self

import grpc

from troth.answers import Answer
from troth.client.connection import Connection
from troth.client.metadata import AsyncMetadataSource
from troth.client.questions import Question
from troth.client.retries import Retries
from troth.client.tls import TlsOptions
from troth.reports import Permission, PermissionSet, Recorded
from troth.types import Outcome
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub
from troth.wire.messages import ANSWER, OUTCOME, PERMISSION_SET, RECORDED, write_permission


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
        return ANSWER.read(await self._call(self._stub.Decide, question.to_message()), Answer)

    async def record_outcome(self, outcome: Outcome) -> bool:
        """See :meth:`troth.client.DecisionClient.record_outcome`."""
        done = await self._call(self._stub.RecordOutcome, OUTCOME.write(outcome))
        return RECORDED.read(done, Recorded).first_time

    async def set_permission(self, permission: Permission) -> PermissionSet:
        """See :meth:`troth.client.DecisionClient.set_permission`."""
        done = await self._call(self._stub.SetPermission, write_permission(permission))
        return PERMISSION_SET.read(done, PermissionSet)

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
