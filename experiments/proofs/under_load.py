"""A service with two replicas that eight callers ask without end: what proofs do harm to."""

from __future__ import annotations

import asyncio
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from agents.policies.uniform import NeverContact, UniformPolicy
from experiments.benchmarks.deciding import POINT, admit
from experiments.demo.evidence import case_of
from experiments.demo.governing import Governed, establish, put_in_force
from experiments.demo.serving_day import demo_settings
from experiments.runs.run_folder import RunFolder
from serving.rpc.service import Service, start_service
from simulator.scenarios import load
from simulator.world import World
from troth.client import AsyncDecisionClient, Question
from troth.errors import TrothError, Unavailable
from troth.types import Role, ServedBy

AT_ONCE = 8
DEADLINE_S = 10.0
"""The shipped client's own."""
_CUSTOMERS = 500
SETTLE_S = 20.0


@dataclass
class Load:
    """Requests without end, and who answered them when.

    Attributes:
        address: of the service.
        world: whose customers ask.
        answers: (monotonic time, answered by the model), in order.
        decisions: ids of all that was answered.
        errors: requests that had no answer within their deadline, by status.
    """

    address: str
    world: World
    answers: list[tuple[float, bool]] = field(default_factory=list)
    decisions: list[str] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    _end: threading.Event = field(default_factory=threading.Event)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Ask from a thread until the context ends."""
        thread = threading.Thread(target=lambda: asyncio.run(self._run()), daemon=True)
        thread.start()
        try:
            yield
        finally:
            self._end.set()
            thread.join()

    def by_model_since(self, moment: float) -> list[float]:
        """When the model answered, after ``moment``."""
        return [at for at, model in list(self.answers) if model and at >= moment]

    def await_model(self) -> None:
        """Wait until the model answers; raises :class:`Unavailable` if it does not."""
        began = time.monotonic()
        while not self.by_model_since(began):
            if time.monotonic() - began > SETTLE_S:
                raise Unavailable("the model does not answer", field="load")
            time.sleep(0.05)

    async def _run(self) -> None:
        raw, turn = self.world.contexts().raw, count()
        async with AsyncDecisionClient(self.address, deadline_s=DEADLINE_S) as client:

            async def ask() -> None:
                while not self._end.is_set():
                    row = next(turn) % _CUSTOMERS
                    question = Question(
                        customer_id=str(self.world.customer_ids[row]),
                        decision_point=POINT,
                        features=raw[row].tolist(),
                        feature_schema_digest=self.world.schema.digest,
                        triggered_journeys=("engagement",),
                    )
                    try:
                        answer = await client.decide(question)
                    except TrothError as error:
                        self.errors[error.code.name] += 1
                        await asyncio.sleep(0.05)
                        continue
                    model = answer.served_by is ServedBy.MODEL
                    self.answers.append((time.monotonic(), model))
                    self.decisions.append(answer.decision_id)

            await asyncio.gather(*(ask() for _ in range(AT_ONCE)))


@contextmanager
def under_load() -> Iterator[tuple[Governed, Load, Service]]:
    """Two replicas with a model and a baseline, under load."""
    with tempfile.TemporaryDirectory() as folder:
        world = World(load("reference"), _CUSTOMERS, 7)
        settings = demo_settings(RunFolder(Path(folder)))
        governed = establish(settings)
        for policy, role in ((UniformPolicy(), Role.MODEL), (NeverContact(), Role.BASELINE)):
            digest = governed.artifacts.save(
                policy,
                schema=world.schema,
                catalogue=world.catalogue,
                contexts=world.contexts(),
                mask=world.mask(),
                training={},
            )
            evidence = case_of(world, policy, digest, governed.guardrails_digest)
            put_in_force(governed, digest, role, evidence, "proof")
        admit(governed.database, world)
        with start_service(settings) as running:
            asking = Load(running.address, world)
            with asking.running():
                yield governed, asking, running
        governed.database.close()
