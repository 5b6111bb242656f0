"""Strange calls against a running service, and a well-behaved caller beside them.

Each call must end with a status that says what is wrong with it: UNKNOWN and INTERNAL say that
the service did not know either. The caller beside asks one plain question after another on a
connection of its own, without retries: each must be answered.
"""

from __future__ import annotations

import asyncio
import tempfile
import uuid
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import grpc
from grpc import aio
from pydantic import BaseModel, ConfigDict

from experiments.proofs.pages import write as write_page
from experiments.proofs.strange import HURRIED_S, Call, Strange
from experiments.runs.executors import OnProgress
from troth.client import Question
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub

AT_ONCE = 16
CONNECTIONS = 4
BESIDE = "a plain caller beside"
LONGEST_MESSAGE = 1000
"""Characters of a status message beyond which a caller's own value was sent back in full."""

SAID = frozenset(
    {
        *("OK", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "FAILED_PRECONDITION"),
        *("OUT_OF_RANGE", "RESOURCE_EXHAUSTED", "UNIMPLEMENTED"),
    }
)
"""Statuses that tell the caller what is wrong."""
GIVEN_UP = frozenset({"DEADLINE_EXCEEDED", "CANCELLED"})


class Answered(BaseModel):
    """How calls of one kind ended.

    Attributes:
        kind: what was strange about them.
        calls: how many.
        statuses: how many ended with each status.
        faults: how many ended as none may.
        longest: characters of the longest message.
        examples: of faults, a few, each with method, status and message.
    """

    model_config = ConfigDict(frozen=True)

    kind: str
    calls: int
    statuses: dict[str, int]
    faults: int
    longest: int
    examples: tuple[str, ...]


@dataclass
class _Tally:
    statuses: Counter[str] = field(default_factory=Counter)
    faults: int = 0
    longest: int = 0
    examples: list[str] = field(default_factory=list)

    def count(self, call: Call, status: str, message: str, allowed: frozenset[str]) -> None:
        self.statuses[status] += 1
        self.longest = max(self.longest, len(message))
        if status in allowed and len(message) <= LONGEST_MESSAGE:
            return
        self.faults += 1
        if len(self.examples) < 5:
            shown = ascii(message[:200])
            self.examples.append(f"{call.path[:80]} ({len(call.body)} bytes): {status} {shown}")

    def answered(self, kind: str) -> Answered:
        return Answered(
            kind=kind,
            calls=self.statuses.total(),
            statuses=dict(self.statuses.most_common()),
            faults=self.faults,
            longest=self.longest,
            examples=tuple(self.examples),
        )


def fuzz(
    address: str,
    question: Question,
    *,
    calls: int = 12_000,
    seed: int = 7,
    on_progress: OnProgress | None = None,
) -> list[Answered]:
    """Send strange calls to the service at ``address``.

    Args:
        address: ``host:port``.
        question: one that can be answered; it is asked again and again beside.
        calls: how many.
        seed: of what they are.
        on_progress: told after each.

    Returns:
        A row per kind of call, and one of the caller beside.
    """
    return asyncio.run(_fuzz(address, question, calls, Strange(question, seed), on_progress))


async def _fuzz(
    address: str, question: Question, calls: int, strange: Strange, told: OnProgress | None
) -> list[Answered]:
    tallies = {kind: _Tally() for kind in (*strange.kinds, BESIDE)}
    channels = [
        aio.insecure_channel(address, options=[("grpc.enable_retries", 0), ("troth.fuzz", at)])
        for at in range(CONNECTIONS)
    ]
    pending = iter(range(calls))

    async def worker(channel: aio.Channel) -> None:
        for done in pending:
            call = strange.next()
            status, message = await _send(channel, call)
            hurried = call.timeout_s <= HURRIED_S
            tallies[call.kind].count(call, status, message, SAID | GIVEN_UP if hurried else SAID)
            if told is not None:
                told(done + 1, calls)

    over = asyncio.Event()
    beside = asyncio.create_task(_ask_on(address, question, over, tallies[BESIDE]))
    try:
        await asyncio.gather(*(worker(channels[at % CONNECTIONS]) for at in range(AT_ONCE)))
    finally:
        over.set()
        await beside
        for channel in channels:
            await channel.close()
    return [tally.answered(kind) for kind, tally in tallies.items()]


async def _send(channel: aio.Channel, call: Call) -> tuple[str, str]:
    """Status and message of one call."""
    method: Any = channel.unary_unary(call.path)
    try:
        await method(
            call.body,
            timeout=call.timeout_s,
            metadata=call.metadata,
            compression=grpc.Compression.Gzip if call.zipped else None,
        )
    except aio.AioRpcError as error:
        return error.code().name, error.details() or ""
    return "OK", ""


async def _ask_on(address: str, question: Question, over: asyncio.Event, tally: _Tally) -> None:
    """Ask a plain question again and again until it is ``over``; each must be answered."""
    async with aio.insecure_channel(address, options=[("grpc.enable_retries", 0)]) as channel:
        stub = DecisionServiceStub(channel)
        while not over.is_set():
            message = question.to_message()
            message.request_id = str(uuid.uuid4())
            call = Call(BESIDE, "Decide", b"")
            try:
                await stub.Decide(message, timeout=call.timeout_s)
            except aio.AioRpcError as error:
                status, details = error.code().name, error.details() or ""
            else:
                status, details = "OK", ""
            tally.count(call, status, details, frozenset({"OK"}))


def prove(*, calls: int = 12_000, on_progress: OnProgress | None = None) -> list[Answered]:
    """Start a service of its own, with two replicas, and send it strange calls.

    Returns:
        A row per kind, and one of the replicas: how many were replaced.
    """
    from experiments.benchmarks.service import serving_uniform

    with tempfile.TemporaryDirectory() as folder, serving_uniform(Path(folder)) as (running, asked):
        before = running.replica_pids()
        rows = fuzz(running.address, asked, calls=calls, on_progress=on_progress)
        lost = len(set(before) - set(running.replica_pids()))
    return [*rows, replicas(len(before), lost)]


def replicas(count: int, lost: int) -> Answered:
    """What became of the replicas, as a row of the table."""
    return Answered(
        kind="replicas before and after",
        calls=count,
        statuses={"the same": count - lost} | ({"replaced": lost} if lost else {}),
        faults=lost,
        longest=0,
        examples=(),
    )


def write(rows: Sequence[Answered], folder: Path) -> Path:
    """Write ``fuzz.json`` and ``fuzz.md`` into ``folder``; returns the latter."""
    strange = sum(row.calls for row in rows if row.kind not in (BESIDE, rows[-1].kind))
    return write_page(
        "fuzz",
        rows,
        folder,
        title="Strange calls",
        text=f"{strange:,} calls that are wrong in some way, {AT_ONCE} at once, against a service"
        " with two replicas, while a plain caller asks one question after another beside them,"
        " without retries. *Faults* are calls that ended with a status that does not say what is"
        f" wrong, or with a message of more than {LONGEST_MESSAGE:,} characters; of the plain"
        " caller, all that were not answered.",
        columns=("what is strange", "calls", "how they ended", "longest message", "faults"),
        rows=[
            (
                row.kind,
                f"{row.calls:,}",
                ", ".join(f"{name} {count:,}" for name, count in row.statuses.items()),
                row.longest,
                row.faults,
            )
            for row in rows
        ],
    )
