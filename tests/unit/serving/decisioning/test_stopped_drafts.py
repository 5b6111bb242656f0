"""A decision that waited for the store is drawn again if its policy was stopped meanwhile."""

from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import pytest

from serving.decisioning.pipeline import DecisionPipeline
from serving.decisioning.servable import ServablePolicies
from serving.storage.database import Database
from tests.support.decisions import (
    EAGER,
    NOON,
    WeightedPolicy,
    answerer,
    customers,
    loose_config,
    request,
)
from troth.errors import NotFound
from troth.guardrails import GuardrailEngine
from troth.types import ServedBy

MODEL, BASELINE = (
    answerer(EAGER),
    answerer(WeightedPolicy((1.0, 0.0, 0.0, 0.0)), role=ServedBy.BASELINE, name="b"),
)


class Switched:
    """A source whose model can be stopped; says when it was asked."""

    def __init__(self) -> None:
        self.now = ServablePolicies((MODEL, BASELINE))
        self.asked = threading.Event()

    def servable(self, decision_point: str) -> ServablePolicies:
        """Who may answer."""
        self.asked.set()
        return self.now if decision_point == "daily" else ServablePolicies(known=False)


@pytest.fixture
def source() -> Switched:
    """Model and baseline at ``daily``."""
    return Switched()


@pytest.fixture
def pipeline(tmp_path: Path, source: Switched) -> DecisionPipeline:
    """On a store of its own."""
    database = Database(tmp_path / "troth.db", durable=False)
    customers(database, "C1")
    return DecisionPipeline(
        database,
        source,
        GuardrailEngine(loose_config()),
        model_budget_s=5.0,
        clock=lambda: NOON,
    )


@pytest.mark.parametrize(
    ("after", "served_by"),
    [
        (ServablePolicies((BASELINE,), ("model_not_approved_paused",)), ServedBy.BASELINE),
        (ServablePolicies((), ("stopped_all",)), ServedBy.NO_CONTACT),
        (ServablePolicies((answerer(EAGER, name="c"), BASELINE)), ServedBy.MODEL),
    ],
)
def test_a_draft_that_waited_is_looked_at_again(
    tmp_path: Path,
    pipeline: DecisionPipeline,
    source: Switched,
    after: ServablePolicies,
    served_by: ServedBy,
) -> None:
    """Drawn by the model, stopped while another writer held the store: answered by who may."""
    other = sqlite3.connect(tmp_path / "troth.db", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    answers = []
    thread = threading.Thread(target=lambda: answers.append(pipeline.decide(request("C1"))))
    thread.start()
    assert source.asked.wait(10.0)
    source.now = after
    other.execute("ROLLBACK")
    other.close()
    thread.join()
    (decision,) = answers
    assert decision.served_by is served_by
    assert decision.policy_digest == (after.policies[0].digest if after.policies else "")
    assert set(after.reasons) <= set(decision.reasons)
    pipeline.close()


def test_an_unknown_decision_point_leaves_no_trace(
    tmp_path: Path, pipeline: DecisionPipeline
) -> None:
    """It is told by name, and nothing is stored."""
    with pytest.raises(NotFound) as refused:
        pipeline.decide(request("C1", decision_point="dialy"))
    assert refused.value.field == "decision_point"
    with Database(tmp_path / "troth.db").read() as connection:
        assert connection.execute("SELECT count(*) FROM decisions").fetchone()[0] == 0
    pipeline.close()
