"""A replica dies under load: nothing acknowledged is lost, nothing is granted twice."""

from __future__ import annotations

import asyncio
import os
import signal
import time
import uuid
from collections import Counter

import pytest

from serving.audit import audit_log
from serving.decisioning.replay import stored_decision
from tests.support.decisions import SCHEMA
from tests.support.service import Served
from troth.catalogue import Channel
from troth.client import Answer, AsyncDecisionClient, Question
from troth.errors import TrothError

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(240)]

NAMES = [f"C{i}" for i in range(500, 625)]
PER_CUSTOMER = 4
AT_ONCE = 16


def questions() -> list[Question]:
    """Four requests each for 125 customers, of which one may be granted."""
    return [
        Question(
            customer_id=name,
            decision_point="daily",
            features=[1.0, 2.0, 0.0],
            feature_schema_digest=SCHEMA.digest,
            triggered_journeys=["welcome", "winback"],
            request_id=str(uuid.uuid4()),
        )
        for name in NAMES
        for _ in range(PER_CUSTOMER)
    ]


async def ask_and_kill(served: Served, asked: list[Question]) -> tuple[dict[str, Answer], int]:
    """Answers by request id; a replica is killed after the first hundred."""
    answers: dict[str, Answer] = {}
    gate = asyncio.Semaphore(AT_ONCE)
    victim = served.service.replica_pids()[0]

    async with AsyncDecisionClient(served.address, deadline_s=60.0) as client:

        async def one(question: Question) -> None:
            async with gate:
                answers[question.request_id] = await client.decide(question)
            if len(answers) == 100:
                os.kill(victim, signal.SIGKILL)

        await asyncio.gather(*(one(question) for question in asked))
    return answers, victim


def test_killed_replica_loses_no_answer_and_doubles_no_contact(served: Served) -> None:
    """SIGKILL in mid-stream: clients retry, every request is one decision, the audit holds."""
    asked = questions()
    answers, victim = asyncio.run(ask_and_kill(served, asked))
    assert victim not in served.service.replica_pids()
    assert len(answers) == len(asked)

    database = served.installation.database
    customer_of = {question.request_id: question.customer_id for question in asked}
    granted: Counter[str] = Counter()
    for request_id, answer in answers.items():
        stored = stored_decision(database, answer.decision_id)
        assert (stored.request_id, stored.action_id) == (request_id, answer.action_id)
        granted[customer_of[request_id]] += answer.channel is not Channel.NONE
    assert max(granted.values()) == 1
    with database.read() as connection:
        booked = connection.execute(
            "SELECT max(n) FROM (SELECT count(*) AS n FROM contacts GROUP BY customer_id)"
        ).fetchone()[0]
        decisions = connection.execute(
            f"SELECT count(*) FROM decisions WHERE customer_id IN ({','.join('?' * len(NAMES))})",
            NAMES,
        ).fetchone()[0]
    assert booked == 1
    assert decisions == len(asked)
    report = audit_log.verify(database)
    assert report.ok, report.findings


def test_killed_replica_is_replaced(served: Served) -> None:
    """Serve brings the number of replicas back up, and they answer."""
    deadline = time.monotonic() + 60
    while len(served.service.replica_pids()) < 2:
        assert time.monotonic() < deadline, "no replacement came"
        time.sleep(0.2)

    async def ask() -> Answer:
        async with AsyncDecisionClient(served.address, deadline_s=30.0) as client:
            return await client.decide(questions()[0])

    try:
        assert asyncio.run(ask()).decision_id
    except TrothError as error:
        pytest.fail(f"no answer after the replacement: {error}")
