"""Roll-outs: common random numbers, exact propensities, one log schema, truth beside the log."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from agents.policies.uniform import NeverContact, UniformPolicy
from experiments.runs.rollout import (
    Rollout,
    SimulatedLog,
    decision_ids,
    record,
    roll_out,
)
from simulator.known_facts import day_start
from simulator.rollout import DecisionRound
from simulator.scenarios import Scenario, load
from simulator.truth import one_step_oracle
from simulator.world import World
from troth.logs.batches import LoggedBatch
from troth.policy import Policy

SEED = 20


@pytest.fixture(scope="module")
def scenario() -> Scenario:
    """The reference scenario."""
    return load("reference")


def _world(scenario: Scenario, customers: int = 300, first: int = 0) -> World:
    return World(scenario, customers, SEED, first_customer=first)


def _log(scenario: Scenario, customers: int = 300, first: int = 0, days: int = 3) -> SimulatedLog:
    return record(
        _world(scenario, customers, first),
        UniformPolicy(),
        days,
        start=day_start(scenario.start),
        policy_digest="a" * 64,
        objective=scenario.objective,
        expected=True,
    )


def _live(scenario: Scenario, policy: Policy, customers: int = 300, first: int = 0) -> Rollout:
    return roll_out(_world(scenario, customers, first), policy, 4, objective=scenario.objective)


def test_same_policy_same_lives(scenario: Scenario) -> None:
    """The same policy on the same people brings the same money to the last bit."""
    one, other = (_live(scenario, UniformPolicy()) for _ in range(2))
    np.testing.assert_array_equal(one.value_minor, other.value_minor)


def test_customers_do_not_depend_on_the_batch(scenario: Scenario) -> None:
    """Two halves of a population live as the whole does: draws are keyed by customer."""
    whole = _live(scenario, UniformPolicy())
    halves = [_live(scenario, UniformPolicy(), 150, first) for first in (0, 150)]
    np.testing.assert_array_equal(
        whole.value_minor, np.concatenate([half.value_minor for half in halves])
    )
    np.testing.assert_array_equal(whole.contacts, halves[0].contacts + halves[1].contacts)
    np.testing.assert_array_equal(
        whole.contacted, np.concatenate([half.contacted for half in halves])
    )
    assert whole.contacted.sum() == whole.contacts[1:].sum() > 0


def test_value_is_the_objective_of_the_components(scenario: Scenario) -> None:
    """Value is the weighted sum of what was counted; nobody is contacted by silence."""
    life = _live(scenario, NeverContact())
    np.testing.assert_allclose(life.value_minor, scenario.objective.reward(life.components))
    assert life.contacts[1:].sum() == 0
    assert life.contacts[0] == 4 * 300
    assert not life.contacted.any()
    assert life.mean_value == pytest.approx(life.value_minor.mean() / 100)


def test_progress_is_told_every_day(scenario: Scenario) -> None:
    """A bar that moves needs a call per day."""
    seen: list[tuple[int, int]] = []
    roll_out(
        _world(scenario, 50),
        NeverContact(),
        3,
        objective=scenario.objective,
        on_day=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 3), (2, 3), (3, 3)]


def test_log_is_a_valid_batch_with_exact_propensities(scenario: Scenario) -> None:
    """Under uniform, each propensity is one over the number of eligible actions."""
    log = _log(scenario).batch
    assert len(log) == 900
    np.testing.assert_allclose(log.propensity, 1.0 / log.mask.sum(axis=1))
    assert set(log.step) == {0, 1, 2}
    days = log.decided_at.astype("datetime64[D]") - np.datetime64(scenario.start)
    assert (days.astype(int) == log.step).all()
    assert len(set(log.decided_at)) > 0.9 * len(log)  # each at a moment of its own
    assert log.customer_id[0] == "C00000000"
    assert log.episode.max() == 299


def test_log_is_the_same_in_halves(scenario: Scenario, tmp_path: Path) -> None:
    """A log written in shards is the log; and it survives Parquet."""
    whole = _log(scenario).batch
    parts = LoggedBatch.concatenate([_log(scenario, 150, first).batch for first in (0, 150)])
    order = np.lexsort((parts.episode, parts.step))
    for name in ("action", "reward_minor", "propensity", "decision_id"):
        np.testing.assert_array_equal(getattr(whole, name), getattr(parts, name)[order])
    whole.write(tmp_path / "log.parquet")
    again = LoggedBatch.read(tmp_path / "log.parquet")
    np.testing.assert_array_equal(again.decision_id, whole.decision_id)
    np.testing.assert_array_equal(again.contexts.raw, whole.contexts.raw)


def test_truth_belongs_to_the_rows(scenario: Scenario) -> None:
    """Row by row, the truth is the world's own; the oracle's choice is its best eligible action."""
    log = _log(scenario, days=1)
    assert log.expected_minor is not None
    world = _world(scenario)
    np.testing.assert_array_equal(log.expected_minor, world.expected_rewards())
    chosen = one_step_oracle(world).distribution(world.contexts(), world.catalogue, world.mask())
    best = np.where(log.batch.mask, log.expected_minor, -np.inf).argmax(axis=1)
    np.testing.assert_array_equal(chosen.argmax(axis=1), best)


class _Quiet:
    """Leaves nobody contacted, whatever the policy would have done."""

    def __init__(self) -> None:
        self.days: list[int] = []

    def __call__(self, policy: Policy, asked: DecisionRound) -> Callable[[slice], Policy]:
        """Notes the morning, and answers with silence."""
        self.days.append(asked.world.day)
        return lambda rows: NeverContact()


def test_a_guard_decides_what_is_counted_and_logged(scenario: Scenario) -> None:
    """Values, contacts and logs are of what was done; the mask that is logged is the world's."""
    quiet = _Quiet()
    guarded = roll_out(
        _world(scenario), UniformPolicy(), 4, objective=scenario.objective, guard=quiet
    )
    silent = _live(scenario, NeverContact())
    np.testing.assert_array_equal(guarded.value_minor, silent.value_minor)
    assert guarded.contacts[1:].sum() == 0 < _live(scenario, UniformPolicy()).contacts[1:].sum()
    log = record(
        _world(scenario),
        UniformPolicy(),
        2,
        start=day_start(scenario.start),
        policy_digest="a" * 64,
        objective=scenario.objective,
        guard=quiet,
    ).batch
    assert quiet.days == [0, 1, 2, 3, 0, 1]
    assert not log.action.any()
    assert (log.propensity == 1.0).all()
    np.testing.assert_array_equal(log.mask[:300], _world(scenario).mask())


def test_decision_ids_are_unique_repeatable_uuid7() -> None:
    """Ids are UUIDs of version 7 with the decision's time, the same again in the same run."""
    numbers = np.arange(5000)
    at = np.full(5000, np.datetime64("2026-03-02T00:00:00", "us"))
    ids = decision_ids(7, numbers, 0, at)
    assert len(set(ids)) == 5000
    assert all(re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab].*", i) for i in ids[:99])
    milliseconds = int(ids[0].replace("-", "")[:12], 16)
    assert milliseconds == int(at[0].astype("datetime64[ms]").astype(np.int64))
    np.testing.assert_array_equal(ids, decision_ids(7, numbers, 0, at))
    assert not set(ids) & set(decision_ids(7, numbers, 1, at))
    assert not set(ids) & set(decision_ids(8, numbers, 0, at))
