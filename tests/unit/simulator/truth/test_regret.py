"""Regret of a log: by hand, of logs that have none, and with the truth lived again."""

from __future__ import annotations

from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from experiments.runs.rollout import SimulatedLog, record
from simulator.known_facts import day_start
from simulator.scenarios import Scenario
from simulator.truth import one_step_oracle, regret, relive
from simulator.world import World
from troth.errors import FailedPrecondition, InvalidArgument
from troth.policy import Policy

SEED = 12


def _log(scenario: Scenario, policy: Policy | None, *, first: int = 40) -> SimulatedLog:
    world = World(scenario, 60, SEED, first_customer=first)
    return record(
        world,
        policy or one_step_oracle(world),
        4,
        start=day_start(scenario.start),
        policy_digest="a" * 64,
        objective=scenario.objective,
        expected=True,
    )


@pytest.fixture(scope="module")
def logged(brisk: Scenario, policies: SimpleNamespace) -> SimulatedLog:
    """Four days of 60 customers under the uniform policy, the truth beside it."""
    return _log(brisk, policies.uniform)


def test_by_hand(logged: SimulatedLog) -> None:
    """Two customers, two days, a truth one can do in one's head."""
    rows = np.array([0, 1, 60, 61])
    log = logged.batch.take(rows)
    mask = np.zeros_like(log.mask)
    mask[:, :3] = True
    mask[3, 2] = False
    log = replace(log, mask=mask, action=np.array([0, 2, 1, 0]))
    expected = np.full(mask.shape, 1e9)
    expected[:, :3] = [[0, 4, 2], [1, 0, 1], [0, 8, 2], [3, 1, 50]]
    found = regret(log, expected, segments=np.array(["a", "b", "a", "b"]))
    np.testing.assert_array_equal(found.per_decision, [4, 0, 0, 0])
    assert found.mean.mean == 1.0
    assert found.mean.clusters == 2
    assert found.mean.stderr == pytest.approx(1.0)  # customer means 2 and 0
    assert (found.logged.mean, found.oracle.mean) == (3.0, 4.0)
    assert found.uniform.mean == pytest.approx((2 + 2 / 3 + 10 / 3 + 2) / 4)
    assert [(row.day, row.decisions) for row in found.by_day] == [(0, 2), (1, 2)]
    assert [row.mean.mean for row in found.by_day] == [2.0, 0.0]
    assert [row.cumulative.mean for row in found.by_day] == [2.0, 2.0]
    assert found.cumulative == found.by_day[-1].cumulative
    assert {name: part.mean for name, part in found.by_segment.items()} == {"a": 2.0, "b": 0.0}


def test_the_oracle_has_none(brisk: Scenario, logged: SimulatedLog) -> None:
    """A log of the oracle has no regret on any day; one of the uniform policy has."""
    best = _log(brisk, None)
    assert best.expected_minor is not None
    assert logged.expected_minor is not None
    assert not regret(best.batch, best.expected_minor).per_decision.any()
    found = regret(logged.batch, logged.expected_minor)
    assert (found.per_decision >= 0).all()
    assert found.mean.interval()[0] > 0
    assert found.mean.mean == pytest.approx(found.oracle.mean - found.logged.mean)
    gaps = np.diff([0.0, *(row.cumulative.mean for row in found.by_day)])
    np.testing.assert_allclose(gaps, [row.mean.mean for row in found.by_day])


def test_the_truth_is_lived_again(brisk: Scenario, logged: SimulatedLog) -> None:
    """From scenario, seed and log alone, in any order, the truth beside the log comes back."""
    np.testing.assert_array_equal(relive(logged.batch, brisk, SEED), logged.expected_minor)
    shuffled = np.random.Generator(np.random.PCG64(1)).permutation(len(logged.batch))
    assert logged.expected_minor is not None
    np.testing.assert_array_equal(
        relive(logged.batch.take(shuffled), brisk, SEED), logged.expected_minor[shuffled]
    )


def test_a_log_of_another_world_is_found_out(brisk: Scenario, logged: SimulatedLog) -> None:
    """Another seed, another replicate or a changed reward is refused, naming customer and day."""
    with pytest.raises(FailedPrecondition, match=r"log\.\w+: customer C000000\d\d on day 0"):
        relive(logged.batch, brisk, SEED + 1)
    with pytest.raises(FailedPrecondition, match="log"):
        relive(logged.batch, brisk, SEED, replicate=1)
    reward = logged.batch.reward_minor.copy()
    reward[65] += 1.0
    with pytest.raises(FailedPrecondition, match="reward_minor: customer C00000045 on day 1"):
        relive(replace(logged.batch, reward_minor=reward), brisk, SEED)


def test_an_incomplete_log_is_refused(brisk: Scenario, logged: SimulatedLog) -> None:
    """A missing decision, a late start or a decision logged twice cannot be lived again."""
    n = len(logged.batch)
    for rows in (np.arange(1, n), np.arange(60, n), np.r_[np.arange(n - 1), 0], np.arange(0)):
        with pytest.raises(InvalidArgument, match="log"):
            relive(logged.batch.take(rows), brisk, SEED)


def test_bad_arguments_are_named(logged: SimulatedLog) -> None:
    """A truth of another shape, a NaN in it, or labels that do not fit are refused."""
    truth = logged.expected_minor
    assert truth is not None
    with pytest.raises(InvalidArgument, match="expected"):
        regret(logged.batch, truth[:, :-1])
    with pytest.raises(InvalidArgument, match="expected"):
        regret(logged.batch, np.where(truth > truth.mean(), np.nan, truth))
    with pytest.raises(InvalidArgument, match="segments"):
        regret(logged.batch, truth, segments=np.array(["a"]))
    with pytest.raises(InvalidArgument, match="log"):
        regret(logged.batch.take(slice(0, 0)), truth[:0])


def test_rewards_may_have_been_dollars(brisk: Scenario, logged: SimulatedLog) -> None:
    """A log whose rewards went to major units and back is off in the last bit, and the same."""
    rounded = logged.batch.reward_minor / 100.0 * 100.0 * (1.0 + 2.0**-52)
    assert (rounded != logged.batch.reward_minor).any()
    again = relive(replace(logged.batch, reward_minor=rounded), brisk, SEED)
    np.testing.assert_array_equal(again, logged.expected_minor)
