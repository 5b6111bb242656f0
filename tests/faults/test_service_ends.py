"""How a service ends: asked to, killed, or without a part that it cannot do without."""

from __future__ import annotations

import asyncio
import os
import signal
import sqlite3
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from serving.governance.registry import Role
from serving.rpc.processes import SCRATCH, belonging, titled
from serving.rpc.service import Service, start_service
from serving.rpc.vitals import ORGANS
from tests.support.decisions import SCHEMA, customers
from tests.support.installations import Installation
from troth.client import Answer, AsyncDecisionClient, Question
from troth.errors import TrothError, Unavailable

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]

ADDRESS = "127.0.0.1:22600"
PROMISED_S = 5.0
"""Within this nothing of a service that lost its head may run or listen."""


@pytest.fixture(scope="module")
def installation(tmp_path_factory: pytest.TempPathFactory) -> Installation:
    """A model that answers everybody."""
    from agents.policies.uniform import UniformPolicy

    one = Installation(
        tmp_path_factory.mktemp("ends") / "home",
        address=ADDRESS,
        replicas=2,
        model_budget_ms=5000.0,
    )
    one.activate(one.save(UniformPolicy()), Role.MODEL)
    customers(one.database, *(f"C{i}" for i in range(50)))
    return one


@pytest.fixture
def service(installation: Installation) -> Iterator[Service]:
    """The installation served; each test ends it in its own way."""
    with start_service(installation.settings) as one:
        yield one


def question(customer: str) -> Question:
    """A question that can be answered."""
    return Question(
        customer_id=customer,
        decision_point="daily",
        features=[1.0, 2.0, 0.0],
        feature_schema_digest=SCHEMA.digest,
        triggered_journeys=["welcome"],
        request_id=str(uuid.uuid4()),
    )


def scratch_of(service: Service) -> Path:
    """The folder of the start that ``service`` is, as its children carry it."""
    for child in psutil.Process(service.process.pid).children():
        if SCRATCH in (environment := child.environ()):
            return Path(environment[SCRATCH])
    raise AssertionError("the service has no folder")


def gone_within(processes: list[psutil.Process], seconds: float) -> list[psutil.Process]:
    """Those of ``processes`` that are still there after ``seconds``."""
    _, left = psutil.wait_procs(processes, timeout=seconds)
    return [p for p in left if p.is_running() and p.status() != psutil.STATUS_ZOMBIE]


def test_nothing_is_left_of_a_killed_service(service: Service) -> None:
    """SIGKILL of its own process: nothing runs, nothing listens, and the next start serves."""
    scratch = scratch_of(service)
    processes = [psutil.Process(service.process.pid), *belonging(scratch)]
    assert titled(processes, "haproxy")
    os.kill(service.process.pid, signal.SIGKILL)
    service.process.wait()
    assert gone_within(processes[1:], PROMISED_S) == []
    assert not scratch.exists()
    with start_service(service.settings):
        pass


def test_what_a_start_left_is_ended_by_the_next_one(service: Service) -> None:
    """Service and watchdog killed at once: HAProxy and the rest go when the next one starts."""
    scratch = scratch_of(service)
    processes = belonging(scratch)
    watchdogs = [
        child
        for child in psutil.Process(service.process.pid).children()
        if "serving.rpc.watchdog" in " ".join(child.cmdline())
    ]
    assert len(watchdogs) == 1
    for process in (*watchdogs, psutil.Process(service.process.pid)):
        process.kill()
    service.process.wait()
    time.sleep(0.5)
    assert [p for p in titled(processes, "haproxy") if p.is_running()], "nothing was left to end"
    with start_service(service.settings):
        assert gone_within(processes, 0.5) == []


@pytest.mark.parametrize("organ", sorted(ORGANS))
def test_a_lost_part_ends_the_service(service: Service, organ: str) -> None:
    """Without GCS, raylet or controller it would only seem to live: it ends with 7, and says so."""
    scratch = scratch_of(service)
    processes = belonging(scratch)
    (victim,) = titled(processes, ORGANS[organ])
    victim.kill()
    assert service.process.wait(PROMISED_S) == 7
    assert gone_within(processes, PROMISED_S) == []
    log = (service.settings.home / "service.log").read_text()
    assert f"the service ends: the service has lost its {organ}" in log


def test_calls_under_way_are_answered_before_the_end(
    service: Service, installation: Installation
) -> None:
    """SIGTERM while decisions wait for the store: each is answered; later ones are turned away."""
    asked = [question(f"C{at}") for at in range(20)]

    async def ask() -> tuple[list[Answer | BaseException], str]:
        async with AsyncDecisionClient(service.address, deadline_s=20.0, attempt_s=20.0) as client:
            await client.decide(question("C40"))
            lock = sqlite3.connect(installation.settings.database, isolation_level=None)
            lock.execute("BEGIN IMMEDIATE")
            waiting = [asyncio.ensure_future(client.decide(one)) for one in asked]
            await asyncio.sleep(0.5)
            assert not any(one.done() for one in waiting)
            service.process.send_signal(signal.SIGTERM)
            await asyncio.sleep(1.0)
            lock.execute("ROLLBACK")
            lock.close()
            answers = await asyncio.gather(*waiting, return_exceptions=True)
            try:
                async with AsyncDecisionClient(service.address, deadline_s=1.0) as late:
                    await late.decide(question("C41"))
            except Unavailable as error:
                return list(answers), error.message
        return list(answers), ""

    answers, turned_away = asyncio.run(ask())
    assert [a for a in answers if isinstance(a, BaseException)] == []
    assert "no answer after" in turned_away
    assert service.process.wait(40) == 0
    with installation.database.read() as connection:
        stored = {
            row["decision_id"] for row in connection.execute("SELECT decision_id FROM decisions")
        }
    assert {a.decision_id for a in answers if isinstance(a, Answer)} <= stored


def test_one_home_is_served_once(service: Service) -> None:
    """A second service of the same installation is refused, whatever its address."""
    other = service.settings.model_copy(update={"address": "127.0.0.1:22950"})
    with pytest.raises(TrothError, match="served already"):
        start_service(other)
