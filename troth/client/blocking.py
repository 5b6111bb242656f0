"""The blocking client."""

from __future__ import annotations

import time
from types import TracebackType
from typing import Any, Self

import grpc

from troth.answers import Answer
from troth.client.connection import Connection
from troth.client.metadata import MetadataSource
from troth.client.questions import Question
from troth.client.retries import Retries
from troth.client.tls import TlsOptions
from troth.reports import Permission, PermissionSet, Recorded
from troth.types import Outcome
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub
from troth.wire.messages import ANSWER, OUTCOME, PERMISSION_SET, RECORDED, write_permission


class DecisionClient:
    """Blocking client; safe to share among threads.

    Args:
        address: ``host:port`` of the service.
        deadline_s: how long a call may take in all, retries included.
        attempt_s: how long one attempt may take.
        tls: encrypt the way; without it and ``credentials`` it is open.
        credentials: gRPC's own, in place of ``tls``.
        metadata: sent with every call, e.g. ``{"authorization": "Bearer ..."}``; or a function
            that gives it, called before each attempt, from any thread that calls.

    Raises:
        InvalidArgument: naming the option that cannot be right. Metadata goes over an encrypted
            way or to this machine only.
    """

    def __init__(
        self,
        address: str,
        *,
        deadline_s: float = 10.0,
        attempt_s: float = 3.0,
        tls: TlsOptions | None = None,
        credentials: grpc.ChannelCredentials | None = None,
        metadata: MetadataSource | None = None,
    ) -> None:
        self._connection = Connection(address, tls, credentials, metadata)
        self._channel = self._connection.open()
        self._stub: Any = DecisionServiceStub(self._channel)
        self._limits = (deadline_s, attempt_s)

    def decide(self, question: Question) -> Answer:
        """Ask for a decision.

        Raises:
            TrothError: the subclass that the service refused with, naming the field.
            Unavailable, DeadlineExceeded: if there was no answer in time.
        """
        return ANSWER.read(self._call(self._stub.Decide, question.to_message()), Answer)

    def record_outcome(self, outcome: Outcome) -> bool:
        """Report what came of a decision; false if it had been reported before.

        Raises:
            TrothError: as for :meth:`decide`.
        """
        done = self._call(self._stub.RecordOutcome, OUTCOME.write(outcome))
        return RECORDED.read(done, Recorded).first_time

    def set_permission(self, permission: Permission) -> PermissionSet:
        """Report what a customer granted or refused.

        Raises:
            TrothError: as for :meth:`decide`.
        """
        done = self._call(self._stub.SetPermission, write_permission(permission))
        return PERMISSION_SET.read(done, PermissionSet)

    def close(self) -> None:
        """Close the connection."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _call(self, method: Any, message: Any) -> Any:
        retries = Retries(*self._limits)
        for timeout in retries:
            metadata = self._connection.metadata()
            try:
                return method(message, timeout=timeout, metadata=metadata)
            except grpc.RpcError as error:
                time.sleep(retries.pause_after(error))
        raise retries.exhausted()
