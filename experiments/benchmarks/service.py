"""The served path over gRPC against a bare echo server, asked in turns."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from grpc import aio

from agents.policies.uniform import UniformPolicy
from experiments.benchmarks.deciding import CUSTOMERS, POINT, admit
from experiments.benchmarks.harness import BenchmarkRow, Timing, latency_row
from experiments.demo.evidence import case_of
from experiments.demo.governing import establish, put_in_force
from experiments.demo.serving_day import demo_settings
from experiments.runs.run_folder import RunFolder
from serving.governance.registry import Role
from serving.rpc.service import Service, start_service
from simulator.scenarios import load
from simulator.world import World
from troth.client import Question
from troth.v1 import decision_service_pb2 as pb
from troth.v1.decision_service_pb2_grpc import DecisionServiceStub

if TYPE_CHECKING:  # a name that only the stubs have
    from troth.v1.decision_service_pb2_grpc import DecisionServiceAsyncStub

AT_ONCE = 8
CALLS = 300
"""Requests per round and server."""


def service(timing: Timing) -> list[BenchmarkRow]:
    """Latency of one decision at a time, and decisions per second of several at once."""
    with (
        tempfile.TemporaryDirectory() as folder,
        _echo() as echo,
        serving_uniform(Path(folder)) as (running, _),
    ):
        return asyncio.run(_measure(running.address, echo, _world(), timing))


@contextmanager
def serving_uniform(folder: Path) -> Iterator[tuple[Service, Question]]:
    """A service that answers at random among what is eligible, and a question for it."""
    world = _world()
    settings = demo_settings(RunFolder(folder))
    governed = establish(settings)
    digest = governed.artifacts.save(
        UniformPolicy(),
        schema=world.schema,
        catalogue=world.catalogue,
        contexts=world.contexts(),
        mask=world.mask(),
        training={},
    )
    evidence = case_of(world, UniformPolicy(), digest, governed.guardrails_digest)
    put_in_force(governed, digest, Role.MODEL, evidence, "benchmark")
    admit(governed.database, world)
    with start_service(settings) as running:
        yield running, _questions(world, 1)[0]


def _world() -> World:
    return World(load("reference"), CUSTOMERS, 7)


async def _measure(address: str, echo: str, world: World, timing: Timing) -> list[BenchmarkRow]:
    async with aio.insecure_channel(address) as one, aio.insecure_channel(echo) as other:
        stubs = [DecisionServiceStub(channel) for channel in (one, other)]
        for stub in stubs:
            await _ask(stub, _requests(world, 50), AT_ONCE)
        latencies: list[list[list[float]]] = [[], []]
        rates: list[list[float]] = [[], []]
        for _ in range(timing.rounds):
            for at, stub in enumerate(stubs):
                latencies[at].append(await _ask(stub, _requests(world, CALLS), 1))
                began = time.perf_counter()
                await _ask(stub, _requests(world, CALLS), AT_ONCE)
                rates[at].append(CALLS / (time.perf_counter() - began))
    against = "bare grpc.aio echo, one process"
    return [
        latency_row("gRPC Decide, one at a time", latencies[0], latencies[1], against=against),
        BenchmarkRow(
            name=f"gRPC Decide, {AT_ONCE} at once",
            unit="decisions/s",
            value=median(rates[0]),
            reference=median(rates[1]),
            ratio=median(a / b for a, b in zip(*rates, strict=True)),
            against=against,
        ),
    ]


async def _ask(
    stub: DecisionServiceAsyncStub, requests: Sequence[pb.DecideRequest], at_once: int
) -> list[float]:
    """Milliseconds of each call."""
    pending = iter(requests)
    taken: list[float] = []

    async def worker() -> None:
        for request in pending:
            began = time.perf_counter()
            await stub.Decide(request, timeout=30)
            taken.append(1000.0 * (time.perf_counter() - began))

    await asyncio.gather(*(worker() for _ in range(at_once)))
    return taken


def _requests(world: World, calls: int) -> list[pb.DecideRequest]:
    return [question.to_message() for question in _questions(world, calls)]


def _questions(world: World, count: int) -> list[Question]:
    raw = world.contexts().raw
    return [
        Question(
            customer_id=str(world.customer_ids[row % CUSTOMERS]),
            decision_point=POINT,
            features=raw[row % CUSTOMERS].tolist(),
            feature_schema_digest=world.schema.digest,
            triggered_journeys=("engagement",),
        )
        for row in range(count)
    ]


@contextmanager
def _echo() -> Iterator[str]:
    """The address of an echo server in a process of its own."""
    with subprocess.Popen(
        [sys.executable, "-m", "experiments.benchmarks.echo"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None  # noqa: S101  # asked for above
        assert process.stdin is not None  # noqa: S101
        try:
            yield f"127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()
            process.wait(timeout=10)
