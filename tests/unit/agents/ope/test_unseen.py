"""Larger rewards than any seen: an interval that knows of them makes room for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.ope.evaluate import Evaluation, evaluate_policy, on_policy
from agents.ope.evidence import Evidence
from agents.ope.intervals import Interval, bounded
from tests.support.logs import log_of
from troth.logs.batches import LoggedBatch
from troth.streams import generator

UNIFORM = (0.5, 0.5)


def _log(rng: np.random.Generator, reward: np.ndarray, **columns: Any) -> LoggedBatch:
    """A uniform log over two actions."""
    n = len(reward)
    return log_of(
        action=rng.integers(0, 2, n),
        propensity=np.full(n, 0.5),
        reward=reward,
        actions=2,
        **columns,
    )


def _evaluate(log: LoggedBatch, **more: Any) -> Evaluation:
    return evaluate_policy(
        log, np.tile(UNIFORM, (len(log), 1)), estimators=("ips", "snips", "dr"), **more
    )


@pytest.mark.parametrize("kind", ["student", "normal", "bootstrap"])
def test_the_rule_of_three_is_added_to_what_was_seen(kind: str) -> None:
    """The share times what a reward may exceed the largest seen by; half alpha for each side."""
    rng = generator("unseen", 0)
    log = _log(rng, rng.random(400))
    asked = {"interval": kind, "rng": generator("unseen", 1), "resamples": 200}
    seen, largest, least = _evaluate(log, **asked), log.reward_minor.max(), log.reward_minor.min()
    asked["rng"] = generator("unseen", 1)
    above = _evaluate(log, **asked, reward_range=(least, 1000.0))
    for name in ("ips", "snips", "dr"):
        assert above[name].low == pytest.approx(max(seen[name].low, least))
        assert above[name].high == pytest.approx(
            seen[name].high + (1 - 0.05 ** (1 / 400)) * (1000.0 - largest)
        )
        assert above[name].value == seen[name].value
    asked["rng"] = generator("unseen", 1)
    both = _evaluate(log, **asked, reward_range=(-1000.0, 1000.0))
    share = 1 - 0.025 ** (1 / 400)
    for name in ("ips", "snips", "dr"):
        assert both[name].high == pytest.approx(seen[name].high + share * (1000.0 - largest))
        assert both[name].low == pytest.approx(seen[name].low - share * (1000.0 + least))


def test_customers_count_once_and_weights_as_many_as_they_are() -> None:
    """Ten rows each: the customers' number; a target that plays half of it: half of them."""
    rng = generator("unseen customers", 0)
    log = _log(rng, rng.random(2000), customer=np.arange(2000) // 10)
    gap = 1e6 - log.reward_minor.max()
    plain = _evaluate(log)["snips"].high
    known = _evaluate(log, reward_range=(log.reward_minor.min(), 1e6))
    assert known["snips"].high - plain == pytest.approx((1 - 0.05 ** (1 / 200)) * gap)
    own = on_policy(log, reward_range=(log.reward_minor.min(), 1e6))
    assert own.high - on_policy(log).high == pytest.approx((1 - 0.05 ** (1 / 200)) * gap)


def test_a_range_without_an_end_leaves_that_side_as_it_is() -> None:
    """It says as little as no range does."""
    rng = generator("unseen open", 0)
    log = _log(rng, rng.random(300))
    seen = _evaluate(log)["ips"]
    assert _evaluate(log, reward_range=(-np.inf, np.inf))["ips"].high == seen.high
    found = _evaluate(log, reward_range=(-50.0, np.inf))["ips"]
    gap = log.reward_minor.min() + 50.0
    assert found.low == pytest.approx(seen.low - (1 - 0.05 ** (1 / 300)) * gap)
    assert found.high == seen.high


def test_rewards_that_reach_the_ends_are_as_before() -> None:
    """Clicks are 0 or 1: nothing lies beyond, and nothing is added."""
    rng = generator("unseen clicks", 0)
    log = _log(rng, (rng.random(500) < 0.3).astype(float))
    seen, known = _evaluate(log), _evaluate(log, reward_range=(0.0, 1.0))
    for name in ("ips", "snips"):
        assert (known[name].low, known[name].high) == (seen[name].low, seen[name].high)


@pytest.mark.parametrize("rare", [0.0005, 0.001, 0.003])
@pytest.mark.parametrize("loss", [False, True])
def test_intervals_cover_rare_large_rewards_behind_frequent_small_ones(
    rare: float, loss: bool
) -> None:
    """A third bring 1, few 500, or cost as much: 95 % of 300 logs of 800, less four errors.

    Of logs alone, as many miss the truth as hold none of the few, or almost none.
    """
    covered = plain = 0
    size = -500.0 if loss else 500.0
    truth = 0.3 + rare * size
    for replication in range(300):
        rng = generator("rare behind", replication)
        reward = (rng.random(800) < 0.3) * 1.0
        reward[rng.random(800) < rare] += size
        log = _log(rng, reward)
        ends = (-500.0, 1.0) if loss else (0.0, 501.0)
        covered += bool(on_policy(log, reward_range=ends).covers(truth))
        plain += bool(on_policy(log).covers(truth))
    slack = 4 * np.sqrt(0.95 * 0.05 / 300)
    assert covered / 300 > 0.95 - slack
    if rare <= 0.001:
        assert plain / 300 < 0.95 - slack


def test_the_share_beyond_the_largest_is_exact() -> None:
    """1 - alpha^(1/n) is exceeded with probability alpha, whatever the distribution (Wilks)."""
    evidence = Evidence(rows=60.0, customers=60.0, telling=20.0, seen=(0.0, 1.0))
    share = evidence.unseen_at_most(0.95)
    assert share == pytest.approx(1 - 0.05 ** (1 / 60))
    largest = generator("largest", 0).random((20_000, 60)).max(axis=1)
    assert (1 - largest > share).mean() == pytest.approx(0.05, abs=4 * 0.05**0.5 / 20_000**0.5)
    assert Evidence(rows=0.0, customers=0.0, telling=0.0).unseen_at_most(0.95) == 1.0


def test_the_value_lies_in_an_interval_that_is_widened() -> None:
    """And the interval in the range."""
    evidence = Evidence(rows=50.0, customers=50.0, telling=50.0, seen=(2.0, 3.0))
    found = bounded(
        Interval(stderr=0.1, low=2.2, high=2.8),
        2.5,
        evidence,
        level=0.95,
        reward_range=(0.0, 4.0),
    )
    share = 1 - 0.025 ** (1 / 50)
    assert (found.low, found.high) == (
        pytest.approx(2.2 - 2.0 * share),
        pytest.approx(2.8 + 1.0 * share),
    )
