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
from serving.rpc.processes import SCRATCH, belonging, clear_earlier, titled
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
def installation(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
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
    yield one
    clear_earlier(one.settings.home)  # of a test that failed half way


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


def test_nothing_is_left_of_services_that_end_badly(installation: Installation) -> None:
    """Killed with its watchdog, the next start clears up; killed alone, the watchdog does.

    Without its raylet a service only seems to live: it ends with 7, says so, and leaves nothing.
    """
    first = start_service(installation.settings)
    left = belonging(scratch_of(first))
    (watchdog,) = titled(psutil.Process(first.process.pid).children(), "serving.rpc.watchdog")
    for process in (watchdog, psutil.Process(first.process.pid)):
        process.kill()
    first.process.wait()
    time.sleep(0.5)
    assert [p for p in titled(left, "haproxy") if p.is_running()], "nothing was left to end"
    first.forget()

    second = start_service(installation.settings)
    assert gone_within(left, 0.5) == []
    scratch = scratch_of(second)
    left = belonging(scratch)
    assert titled(left, "haproxy")
    os.kill(second.process.pid, signal.SIGKILL)
    second.process.wait()
    second.forget()
    assert gone_within(left, PROMISED_S) == []
    assert not scratch.exists()

    with start_service(installation.settings) as third:
        left = belonging(scratch_of(third))
        (raylet,) = titled(left, ORGANS["raylet"])
        raylet.kill()
        assert third.process.wait(PROMISED_S) == 7
        assert gone_within(left, PROMISED_S) == []
    log = (installation.settings.home / "service.log").read_text()
    assert "processes that an earlier service of this home left" in log
    assert "the service ends: the service has lost its raylet" in log


def test_calls_under_way_are_answered_before_the_end(installation: Installation) -> None:
    """SIGTERM while decisions wait for the store: each is answered; later ones are turned away."""
    service = start_service(installation.settings)
    other = service.settings.model_copy(update={"address": "127.0.0.1:22950"})
    with pytest.raises(TrothError, match="served already"):
        start_service(other)
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
    service.forget()
    with installation.database.read() as connection:
        stored = {
            row["decision_id"] for row in connection.execute("SELECT decision_id FROM decisions")
        }
    assert {a.decision_id for a in answers if isinstance(a, Answer)} <= stored
