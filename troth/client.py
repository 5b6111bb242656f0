"""The client of a decision service: typed, with a deadline, retrying what is safe to retry.

Everything is: requests carry an id chosen here, and the service answers an id once. So a call
whose connection broke is sent again until its deadline, and it is still one decision.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Self

import grpc
from google.protobuf import json_format
from google.protobuf.timestamp_pb2 import Timestamp
from google.rpc.error_details_pb2 import ErrorInfo
from google.rpc.status_pb2 import Status
from grpc import aio

from troth.catalogue import CHANNELS, Channel
from troth.errors import Code, DeadlineExceeded, InvalidArgument, TrothError, Unavailable
from troth.types import Outcome, ServedBy, Verdict, isoformat, new_id, require_aware
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub

_FIRST_PAUSE_S = 0.05
_LONGEST_PAUSE_S = 1.0
_OPTIONS = [
    ("grpc.enable_retries", 0),  # ours know what is safe
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1000),
]
_CHANNELS = {pb.Channel.Value(f"CHANNEL_{c.name}"): c for c in CHANNELS}
_SERVED_BY = {pb.ServedBy.Value(f"SERVED_BY_{s.name}"): s for s in ServedBy}
_JITTER = random.SystemRandom()


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """One request for a decision.

    Attributes:
        customer_id, decision_point: whom and where.
        features: raw values in the order of the feature schema; NaN means unknown.
        feature_schema_digest: the schema they follow.
        triggered_journeys: journeys the customer is in.
        decided_at: what the decision is for, aware; ``None`` for the server's clock.
        request_id: UUID; made here unless given. Ask again with the same one to be sure of
            getting the same answer.
    """

    customer_id: str
    decision_point: str
    features: Sequence[float]
    feature_schema_digest: str
    triggered_journeys: Sequence[str] = ()
    decided_at: datetime | None = None
    request_id: str = ""

    @classmethod
    def from_json(cls, text: str) -> Question:
        """The question in the protocol's JSON form, e.g. ``{"customerId": "C1", ...}``.

        Raises:
            InvalidArgument: if it is not JSON, or has a key or value that the message has not.
        """
        try:
            message = json_format.Parse(text, pb.DecideRequest())
        except json_format.ParseError as error:
            raise InvalidArgument(str(error), field="request") from error
        return cls(
            customer_id=message.customer_id,
            decision_point=message.decision_point,
            features=message.features,
            feature_schema_digest=message.feature_schema_digest,
            triggered_journeys=message.triggered_journeys,
            decided_at=(
                message.decided_at.ToDatetime(tzinfo=UTC)
                if message.HasField("decided_at")
                else None
            ),
            request_id=message.request_id,
        )

    def to_message(self) -> pb.DecideRequest:
        """The message to send, with an id in any case."""
        return pb.DecideRequest(
            request_id=self.request_id or new_id(),
            customer_id=self.customer_id,
            decision_point=self.decision_point,
            features=self.features,
            feature_schema_digest=self.feature_schema_digest,
            triggered_journeys=self.triggered_journeys,
            decided_at=_stamp(self.decided_at, "decided_at") if self.decided_at else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A decision, as answered.

    Attributes:
        decision_id: to report outcomes and to replay by.
        action_id, channel: what to do; ``Channel.NONE`` is *no contact*.
        send_at: when, aware UTC.
        propensity: probability of this action under the whole guarded pipeline, in (0, 1].
        policy_digest, catalogue_digest, guardrails_digest: what decided.
        served_by, reasons: who answered, and why they did.
        verdicts: what each guardrail took away.
    """

    decision_id: str
    action_id: str
    channel: Channel
    send_at: datetime
    propensity: float
    policy_digest: str
    catalogue_digest: str
    guardrails_digest: str
    served_by: ServedBy
    reasons: tuple[str, ...]
    verdicts: tuple[Verdict, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {
            "decision_id": self.decision_id,
            "action_id": self.action_id,
            "channel": str(self.channel),
            "send_at": isoformat(self.send_at),
            "propensity": self.propensity,
            "policy_digest": self.policy_digest,
            "catalogue_digest": self.catalogue_digest,
            "guardrails_digest": self.guardrails_digest,
            "served_by": str(self.served_by),
            "reasons": list(self.reasons),
            "verdicts": [
                {
                    "guardrail": v.guardrail,
                    "refused": list(v.refused),
                    "mass": v.mass,
                    "reason": v.reason,
                }
                for v in self.verdicts
            ],
        }

    @classmethod
    def from_message(cls, message: pb.DecideResponse) -> Answer:
        """The answer in ``message``."""
        return cls(
            decision_id=message.decision_id,
            action_id=message.action_id,
            channel=_CHANNELS[message.channel],
            send_at=message.send_at.ToDatetime(tzinfo=UTC),
            propensity=message.propensity,
            policy_digest=message.policy_digest,
            catalogue_digest=message.catalogue_digest,
            guardrails_digest=message.guardrails_digest,
            served_by=_SERVED_BY[message.served_by],
            reasons=tuple(message.reasons),
            verdicts=tuple(
                Verdict(
                    guardrail=v.guardrail,
                    refused=tuple(v.refused_action_ids),
                    mass=v.refused_mass,
                    reason=v.reason,
                )
                for v in message.verdicts
            ),
        )


class DecisionClient:
    """Blocking client; safe to share among threads.

    Args:
        address: ``host:port`` of the service.
        deadline_s: how long a call may take in all, retries included.
        attempt_s: how long one attempt may take.
    """

    def __init__(self, address: str, *, deadline_s: float = 10.0, attempt_s: float = 3.0) -> None:
        self._channel: Any = grpc.insecure_channel(address, options=_OPTIONS)
        self._stub = DecisionServiceStub(self._channel)
        self._limits = (deadline_s, attempt_s)

    def decide(self, question: Question) -> Answer:
        """Ask for a decision.

        Raises:
            TrothError: the subclass that the service refused with, naming the field.
            Unavailable, DeadlineExceeded: if there was no answer in time.
        """
        return Answer.from_message(self._call(self._stub.Decide, question.to_message()))

    def record_outcome(self, outcome: Outcome) -> bool:
        """Report what came of a decision; false if it had been reported before.

        Raises:
            TrothError: as for :meth:`decide`.
        """
        return bool(self._call(self._stub.RecordOutcome, _outcome(outcome)).first_time)

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
            try:
                return method(message, timeout=timeout)
            except grpc.RpcError as error:
                time.sleep(retries.pause_after(error))
        raise retries.exhausted()


class AsyncDecisionClient:
    """The same for ``asyncio``; belongs to the event loop it is made in."""

    def __init__(self, address: str, *, deadline_s: float = 10.0, attempt_s: float = 3.0) -> None:
        self._channel = aio.insecure_channel(address, options=_OPTIONS)
        self._stub = DecisionServiceStub(self._channel)
        self._limits = (deadline_s, attempt_s)

    async def decide(self, question: Question) -> Answer:
        """See :meth:`DecisionClient.decide`."""
        return Answer.from_message(await self._call(self._stub.Decide, question.to_message()))

    async def record_outcome(self, outcome: Outcome) -> bool:
        """See :meth:`DecisionClient.record_outcome`."""
        return bool((await self._call(self._stub.RecordOutcome, _outcome(outcome))).first_time)

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
            try:
                return await method(message, timeout=timeout)
            except grpc.RpcError as error:
                await asyncio.sleep(retries.pause_after(error))
        raise retries.exhausted()


class Retries:
    """The attempts of one call: exponential backoff with full jitter, under one deadline.

    Args:
        deadline_s: seconds for all attempts and pauses together.
        attempt_s: most seconds for one attempt.
    """

    def __init__(self, deadline_s: float, attempt_s: float) -> None:
        self._deadline = time.monotonic() + deadline_s
        self._attempt_s = attempt_s
        self._pause_s = _FIRST_PAUSE_S
        self._last: TrothError | None = None
        self.attempts = 0

    def __iter__(self) -> Iterator[float]:
        """The time limit of each attempt, seconds, as long as there is time."""
        while (left := self._deadline - time.monotonic()) > 0:
            self.attempts += 1
            yield min(left, self._attempt_s)

    def pause_after(self, error: Any) -> float:
        """Seconds to wait before the next attempt.

        Raises:
            TrothError: if another attempt would end the same way.
        """
        self._last, retriable = to_error(error)
        if not retriable:
            raise self._last from error
        pause = _JITTER.uniform(0.0, self._pause_s)
        self._pause_s = min(2.0 * self._pause_s, _LONGEST_PAUSE_S)
        return min(pause, max(0.0, self._deadline - time.monotonic()))

    def exhausted(self) -> TrothError:
        """What to raise when time has run out."""
        why = self._last.message if self._last is not None else "no time was given"
        message = f"no answer after {self.attempts} attempts; the last: {why}"
        if isinstance(self._last, DeadlineExceeded):
            return DeadlineExceeded(message)
        return Unavailable(message)


def to_error(error: Any) -> tuple[TrothError, bool]:
    """The typed error of a failed call, and whether trying again may help.

    Args:
        error: a :class:`grpc.RpcError` of a call, sync or async.

    A status that our handlers wrote carries ``ErrorInfo`` and means what it says. One without
    comes from the way there: a replica that died under the call (UNAVAILABLE, or UNKNOWN with
    an HTTP status of 500), a proxy that just started and knows no application (NOT_FOUND).
    """
    code = Code(error.code().value[0])
    info, message = _details(error)
    if info is None:
        broken_on_the_way = (
            code in (Code.UNAVAILABLE, Code.NOT_FOUND, Code.DEADLINE_EXCEEDED)
            or (code is Code.UNKNOWN and "status: 5" in message)
            or (code is Code.INTERNAL and "died" in message)
        )
        return _class_of(code, "")(message), broken_on_the_way
    metadata = dict(info.metadata)
    field = metadata.pop("field", None)
    if field is not None:
        message = message.removeprefix(f"{field}: ")
    return _class_of(code, info.reason)(message, field=field, **metadata), code is Code.UNAVAILABLE


def _details(error: Any) -> tuple[ErrorInfo | None, str]:
    message = error.details() or ""
    for key, value in error.trailing_metadata() or ():
        if key == "grpc-status-details-bin":
            status = Status.FromString(value)
            for packed in status.details:
                info = ErrorInfo()
                if packed.Unpack(info):
                    return info, status.message
    return None, message


def _class_of(code: Code, reason: str) -> type[TrothError]:
    """The most telling error class for a code and a reason."""
    of_code: type[TrothError] | None = None
    pending = list(TrothError.__subclasses__())
    while pending:
        kind = pending.pop(0)
        pending.extend(kind.__subclasses__())
        if kind.reason == reason and kind.code is code:
            return kind
        if of_code is None and kind.code is code:
            of_code = kind
    return of_code or TrothError


def _outcome(outcome: Outcome) -> pb.RecordOutcomeRequest:
    return pb.RecordOutcomeRequest(
        outcome_id=outcome.outcome_id,
        decision_id=outcome.decision_id,
        kind=pb.OutcomeKind.Value(f"OUTCOME_KIND_{outcome.kind.name}"),
        value_minor=outcome.value_minor,
        occurred_at=_stamp(outcome.occurred_at, "occurred_at"),
    )


def _stamp(moment: datetime, field: str) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(require_aware(moment, field))
    return stamp
