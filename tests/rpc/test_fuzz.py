"""Strange calls, the short form of the proof: each is told what is wrong, nobody else notices."""

from __future__ import annotations

import pytest

from experiments.proofs.fuzz import BESIDE, fuzz
from tests.support.decisions import SCHEMA
from tests.support.service import Served
from troth.client import DecisionClient, Question

pytestmark = [pytest.mark.service, pytest.mark.slow, pytest.mark.timeout(300)]

CALLS = 2_000


def test_strange_calls_are_told_what_is_wrong(served: Served) -> None:
    """No UNKNOWN, no INTERNAL, no value sent back in full; a caller beside gets every answer."""
    question = Question(
        customer_id="C950",
        decision_point="daily",
        features=[1.0, 2.0, 0.0],
        feature_schema_digest=SCHEMA.digest,
        triggered_journeys=["welcome", "winback"],
    )
    before = served.service.replica_pids()
    rows = {row.kind: row for row in fuzz(served.address, question, calls=CALLS)}
    assert {kind: row.examples for kind, row in rows.items() if row.faults} == {}
    assert rows.pop(BESIDE).calls > 10
    assert sum(row.calls for row in rows.values()) == CALLS
    assert served.service.replica_pids() == before
    with DecisionClient(served.address) as client:
        assert client.decide(question).propensity > 0
