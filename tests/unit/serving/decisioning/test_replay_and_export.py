"""Replay makes decisions again; export writes them in the learners' schema."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from serving.decisioning.eligibility import candidates
from serving.decisioning.export import export_log
from serving.decisioning.replay import replay, stored_decision
from serving.decisioning.servable import ServablePolicy
from tests.support.decisions import (
    ALL_CHANNELS,
    CATALOGUE,
    NOON,
    SCHEMA,
    Bench,
    WeightedPolicy,
    answerer,
    customers,
    loose_config,
    request,
)
from troth.catalogue import Channel
from troth.errors import DataLoss, NotFound
from troth.guardrails import GuardrailEngine
from troth.logs.batches import LoggedBatch
from troth.objective import Objective
from troth.types import Outcome, OutcomeKind

Make = Callable[..., Bench]


class Shelf:
    """Artifacts in memory."""

    def __init__(self, *policies: ServablePolicy) -> None:
        self._by_digest = {a.digest: a for a in policies}

    def load(self, digest: str) -> SimpleNamespace:
        """What a replay needs of an artifact."""
        found = self._by_digest.get(digest)
        if found is None:
            raise NotFound(f"{digest} is not here", field="digest")
        return SimpleNamespace(
            digest=digest, policy=found.policy, schema=found.schema, catalogue=found.catalogue
        )


MODEL = answerer(WeightedPolicy((0.07, 0.11, 0.13, 0.17)))


def busy(make: Make, count: int = 40) -> Bench:
    """A bench where many customers were decided for, some refused in part."""
    one = make(policies=(MODEL,), config=loose_config(contacts=2))
    names = [f"C{i}" for i in range(count)]
    customers(one.database, *names[::2])
    customers(
        one.database, *names[1::2], permissions={**ALL_CHANNELS, Channel.PUSH: False}, zone=None
    )
    for name in names:
        for _ in range(2):
            one.pipeline.decide(request(name))
    one.pipeline.decide(request("C0", decision_point="elsewhere"))
    return one


def ids(one: Bench) -> list[str]:
    """Every decision, in the order of commitment."""
    with one.database.read() as connection:
        rows = connection.execute("SELECT decision_id FROM decisions ORDER BY position")
        return [row["decision_id"] for row in rows]


def test_every_decision_replays_to_the_bit(bench: Make) -> None:
    """Distribution, guardrails, draw and propensity come out of the record as they went in."""
    one = busy(bench)
    reports = [replay(one.database, Shelf(MODEL), decision_id) for decision_id in ids(one)]
    assert len(reports) == 81
    assert all(report.identical for report in reports)
    names = {c.name for c in reports[0].comparisons}
    assert {"distribution_digest", "uniform", "action", "propensity", "verdicts"} <= names
    assert any(report.decision.verdicts for report in reports)
    assert reports[-1].decision.policy_digest == ""


def test_replay_tells_what_differs(bench: Make) -> None:
    """A policy that is off by one bit is found out, and the report says where."""
    one = busy(bench, count=2)
    weights = (0.07, 0.11, 0.13, float(np.nextafter(0.17, 1.0)))
    report = replay(one.database, Shelf(answerer(WeightedPolicy(weights))), ids(one)[0])
    assert not report.identical
    different = {c.name for c in report.comparisons if not c.identical}
    assert "distribution_digest" in different
    assert not different & {"uniform", "stream_key", "eligible"}


def test_replay_of_nothing_and_of_damage(bench: Make) -> None:
    """Unknown decisions, missing policies and edited records are typed errors."""
    one = busy(bench, count=2)
    with pytest.raises(NotFound):
        replay(one.database, Shelf(MODEL), str(uuid.uuid4()))
    with pytest.raises(NotFound):
        replay(one.database, Shelf(), ids(one)[0])
    with one.database.write() as connection:
        connection.execute("UPDATE decisions SET record = replace(record, 'daily', 'dairy')")
    with pytest.raises(DataLoss):
        replay(one.database, Shelf(MODEL), ids(one)[0])


def test_export_has_what_was_logged_and_earned(bench: Make, tmp_path: Path) -> None:
    """Rewards are margin within the window minus the cost of the contact."""
    one = bench(policies=(answerer(WeightedPolicy((0.0, 0.0, 0.0, 1.0))),))
    shelf = Shelf(*one.policies)
    customers(one.database, "C1", "C2")
    first, second = (one.pipeline.decide(request(name)) for name in ("C1", "C2"))
    one.pipeline.decide(request("C1", decision_point="elsewhere"))
    for decision, value, days in (
        (first, 900, 1),
        (first, 50, 27),
        (first, 7, 28),
        (second, -30, 2),
    ):
        one.now = NOON + timedelta(days=days)
        one.pipeline.record_outcome(
            Outcome(
                outcome_id=str(uuid.uuid4()),
                decision_id=decision.decision_id,
                kind=OutcomeKind.PURCHASED,
                value_minor=value,
                occurred_at=one.now,
            )
        )
    one.pipeline.record_outcome(
        Outcome(
            outcome_id=str(uuid.uuid4()),
            decision_id=second.decision_id,
            kind=OutcomeKind.OPTED_OUT,
            value_minor=0,
            occurred_at=one.now,
        )
    )
    exported = export_log(
        one.database,
        shelf,
        now=NOON + timedelta(days=28, seconds=1),
        objective=Objective(opt_outs=-100.0),
    )
    path = tmp_path / "log.parquet"
    exported.batch.write(path)
    batch = LoggedBatch.read(path)
    assert exported.unanswered == 1
    assert batch.decision_id.tolist() == [first.decision_id, second.decision_id]
    assert batch.reward_minor.tolist() == [900 + 50 - 7, -30 - 7 - 100]
    assert not batch.censored.any()
    assert batch.contexts.schema == SCHEMA
    assert batch.catalogue == CATALOGUE
    assert batch.propensity.tolist() == [1.0, 1.0]
    assert np.isnan(batch.contexts.raw[:, 2]).all()


def test_export_matches_the_records(bench: Make) -> None:
    """Masks, propensities and steps are those of the decisions."""
    one = busy(bench)
    batch = export_log(one.database, Shelf(MODEL), now=NOON).batch
    assert len(batch) == 80
    assert batch.censored.all()
    assert batch.mask[np.arange(80), batch.action].all()
    weights = np.array([0.07, 0.11, 0.13, 0.17])
    expected = weights[batch.action] / (batch.mask * weights).sum(axis=1)
    np.testing.assert_allclose(batch.propensity, expected, rtol=1e-12)
    for name in ("C0", "C7"):
        assert sorted(batch.step[batch.customer_id == name]) == [0, 1]


def test_export_has_the_facts_that_the_guardrails_were_told(bench: Make) -> None:
    """Judged again by them, what is left is what was left; they say how far back they go."""
    one = busy(bench)
    batch = export_log(one.database, Shelf(MODEL), now=NOON).batch
    assert batch.facts is not None
    engine = GuardrailEngine(one.config)
    everything = np.ones_like(batch.mask)
    left, _ = engine.judge(everything, CATALOGUE, batch.facts)
    assert (left >= batch.mask).all()  # triggers narrow it too
    triggered = [
        stored_decision(one.database, each).triggered_journeys for each in batch.decision_id
    ]
    offered = np.array([candidates(CATALOGUE, journeys)[0] for journeys in triggered])
    assert (left & offered == batch.mask).all()
    assert not left.all()
    assert set(batch.facts.listed_us) == {one.config.window // timedelta(microseconds=1)}


def test_export_of_nothing_is_said(bench: Make) -> None:
    """An empty log is an error, not an empty file."""
    with pytest.raises(NotFound):
        export_log(bench().database, Shelf(MODEL), now=NOON)
