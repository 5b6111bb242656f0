"""Rewards that the action explains, rounding or a shift: none of them is evidence of a spread."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.ope.cautions import Caution, Trust
from agents.ope.evaluate import Evaluation, evaluate_policy, on_policy
from agents.ope.evidence import differing, gather, most_common
from troth.logs.batches import LoggedBatch
from troth.streams import generator

MakeLog = Callable[..., LoggedBatch]
SAMPLED = ("ips", "snips", "dr")
COST = np.array([0.0, -4.0, -6.0])


def _log(make_log: MakeLog, reward: np.ndarray, action: np.ndarray, **more: Any) -> LoggedBatch:
    return make_log(
        action=action, propensity=np.full(len(action), 1 / 3), reward=reward, actions=3, **more
    )


def _third(n: int) -> np.ndarray:
    return np.full((n, 3), 1 / 3)


def _ends(found: Evaluation, name: str) -> tuple[float | None, float | None]:
    return found[name].low, found[name].high


@pytest.mark.parametrize("factor", [1.0, -0.1, 1e9])
def test_what_each_contact_costs_does_not_hide_that_nothing_was_sold(
    make_log: MakeLog, factor: float
) -> None:
    """The costs are known to the cent, what a buyer would bring is not: no bound, no trust."""
    action = np.random.default_rng(1).integers(0, 3, 1000)
    log = _log(make_log, factor * COST[action], action)
    for target in (_third(1000), np.tile([0.0, 0.5, 0.5], (1000, 1))):
        found = evaluate_policy(log, target)
        for name in SAMPLED:
            assert _ends(found, name) == (-np.inf, np.inf)
        assert found.verdict is Trust.NONE
        assert Caution.ALIKE_REWARDS in {w.caution for w in found.diagnostics.warnings}
    assert on_policy(log).low == -np.inf


def test_a_known_range_bounds_beyond_what_contacts_cost(make_log: MakeLog) -> None:
    """The rule of three, counted from the mean cost, which the target fixes exactly."""
    action = np.random.default_rng(2).integers(0, 3, 1000)
    log = _log(make_log, COST[action], action)
    found = evaluate_policy(log, _third(1000), reward_range=(-6.0, 20_000.0))
    mean, share = COST.mean(), 1 - 0.05 ** (1 / 1000)
    for name in SAMPLED:
        low, high = _ends(found, name)
        assert low is not None
        assert low <= mean - 6.0 * share + 1e-9
        assert high == pytest.approx(mean + share * 20_006.0)
    assert found.verdict is Trust.WITH_CARE
    own = on_policy(log, reward_range=(-6.0, 20_000.0))
    assert own.covers(mean)
    assert own.high is not None
    assert own.high > mean + share * 20_000.0  # and the draw of actions beside it


def test_rare_sales_beside_a_cost_are_trusted_no_more_than_without_it(make_log: MakeLog) -> None:
    """Of 100 logs with about one sale each none is."""
    for replication in range(100):
        rng = generator("rare sales beside a cost", replication)
        action = rng.integers(0, 3, 300)
        sales = 5000.0 * (rng.random(300) < 0.003)
        costly = evaluate_policy(_log(make_log, COST[action] + sales, action), _third(300))
        assert costly.verdict is Trust.NONE


@pytest.mark.parametrize("shift", [0.0, -1.0, 500.0])
def test_sales_are_counted_wherever_zero_lies(make_log: MakeLog, shift: float) -> None:
    """37 sales of 1,200 stay 37 events when every reward is one less."""
    rng = np.random.default_rng(3)
    reward = np.zeros(1200)
    reward[rng.choice(1200, 37, replace=False)] = rng.gamma(4, 500, 37)
    found = evaluate_policy(_log(make_log, reward + shift, rng.integers(0, 3, 1200)), _third(1200))
    assert (found.diagnostics.rewarded_rows, found.verdict) == (37, Trust.WITH_CARE)


@pytest.mark.parametrize("size", [0.1, 1e-9, 1e6])
def test_rounding_is_no_spread(make_log: MakeLog, size: float) -> None:
    """.1 + .2 and .3 are the same reward, in any unit."""
    n = 600
    reward = size * np.where(np.arange(n) % 7 == 0, 0.1 + 0.2, 0.3)
    found = evaluate_policy(
        _log(make_log, reward, np.random.default_rng(4).integers(0, 3, n)), _third(n)
    )
    for name in SAMPLED:
        assert _ends(found, name) == (-np.inf, np.inf)
    assert found.verdict is Trust.NONE


def test_the_most_common_reward_of_each_action_by_hand() -> None:
    """By weight, of equals the least, up to rounding; an action without weight has none."""
    reward = np.array([5.0, 5.0, 7.0, 0.1 + 0.2, 0.3, 0.0, 9.0])
    action = np.array([0, 0, 0, 1, 1, 1, 3])
    weight = np.array([1.0, 1.0, 3.0, 1.0, 1.0, 1.5, 0.0])
    common = most_common(reward, action, weight)
    np.testing.assert_allclose(common, [7.0, 0.3, np.nan, np.nan])
    assert most_common(reward, action, np.ones(7))[0] == 5.0
    np.testing.assert_array_equal(
        differing(reward, action, common), [True, True, False, False, False, True, True]
    )
    found = gather(
        np.ones(4), np.array([0.0, 0.0, -4.0, -4.0]), np.arange(4), np.array([0, 0, 1, 1])
    )
    assert (found.telling, found.common, found.others) == (0.0, (0.0, -4.0), 0.0)
    assert found.seen == (-4.0, 0.0)
