"""Logs that say little: no interval claims to know more than its rows."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.ope.cautions import Caution, Trust
from agents.ope.evaluate import Evaluation, evaluate_policy, on_policy
from agents.ope.evidence import effective_sample_size, gather
from agents.ope.intervals import asymptotic
from agents.ope.one_step.ips import ips
from agents.ope.one_step.snips import snips
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.streams import generator

MakeLog = Callable[..., LoggedBatch]
SAMPLED = ("ips", "snips", "dr")
KINDS = ("student", "normal", "bootstrap")


def _evaluate(log: LoggedBatch, distribution: np.ndarray, **more: Any) -> Evaluation:
    return evaluate_policy(log, distribution, rng=generator("evidence", 0), **more)


def _always(n: int, action: int, actions: int) -> np.ndarray:
    return np.tile(np.eye(actions)[action], (n, 1))


def _ends(found: Evaluation, name: str) -> tuple[float, float]:
    low, high = found[name].low, found[name].high
    assert low is not None
    assert high is not None
    return low, high


def _uniform(make_log: MakeLog, reward: np.ndarray, **columns: Any) -> LoggedBatch:
    """A uniform log over two actions."""
    n = len(reward)
    return make_log(
        **{
            "action": np.arange(n) % 2,
            "propensity": np.full(n, 0.5),
            "reward": reward,
            "actions": 2,
            **columns,
        }
    )


@pytest.mark.parametrize("kind", KINDS)
def test_a_target_that_was_never_played_has_no_estimate(make_log: MakeLog, kind: str) -> None:
    """Always action 1 in the log, always action 2 in the target: nothing is known of it."""
    n = 400
    reward = np.random.default_rng(1).normal(10, 3, n)
    log = make_log(
        action=np.ones(n, dtype=np.int64), propensity=np.ones(n), reward=reward, actions=3
    )
    found = _evaluate(log, _always(n, 2, 3), interval=kind)
    for name in SAMPLED:
        assert (found[name].value, found[name].low, found[name].high) == (None, None, None)
        assert found[name].covers(0.0) is None
    assert found["dm"].value is not None
    assert found.verdict is Trust.NONE
    cautions = {w.caution for w in found.diagnostics.warnings}
    assert Caution.NEVER_PLAYED in cautions
    assert Caution.MEAN_WEIGHT not in cautions, "the propensities are not to blame"
    row = found["ips"].to_dict()
    assert (row["value"], row["has_interval"]) == (None, False)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reward", [5000.0, 0.0, -3.0])
def test_one_matching_row_bounds_nothing(make_log: MakeLog, kind: str, reward: float) -> None:
    """One row of 400 is an estimate, within an interval that is the whole line."""
    n = 400
    action = np.zeros(n, dtype=np.int64)
    action[17] = 1
    rewards = np.random.default_rng(2).normal(size=n)
    rewards[17] = reward
    log = make_log(action=action, propensity=np.full(n, 0.5), reward=rewards, actions=2)
    found = _evaluate(log, _always(n, 1, 2), interval=kind)
    assert found["snips"].value == reward
    for name in SAMPLED:
        assert _ends(found, name) == (-np.inf, np.inf)
    assert found.verdict is Trust.NONE


@pytest.mark.parametrize("kind", KINDS)
def test_a_few_matching_rows_are_as_unsure_as_so_many_rows(make_log: MakeLog, kind: str) -> None:
    """Five matching rows of 2,000: SNIPS has Student's interval of those five, or a wider one."""
    n, rewards = 2000, np.array([3.0, 5.0, 9.0, 4.0, 7.0])
    action = np.zeros(n, dtype=np.int64)
    action[:5] = 1
    reward = np.zeros(n)
    reward[:5] = rewards
    log = make_log(action=action, propensity=np.full(n, 0.5), reward=reward, actions=2)
    found = _evaluate(log, _always(n, 1, 2), interval=kind)
    low, high = _ends(found, "snips")
    half = 2.776445 * rewards.std(ddof=1) / np.sqrt(5)  # t with 4 degrees of freedom
    assert low <= rewards.mean() - half + 1e-6
    assert high >= rewards.mean() + half - 1e-6
    assert found.diagnostics.effective_customers == pytest.approx(5)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("reward", [0.0, 5.0, -1.5, 0.1])
def test_rewards_that_are_all_alike_bound_nothing(
    make_log: MakeLog, kind: str, reward: float
) -> None:
    """Whatever the one reward is, and whoever the target: nothing of the spread was seen."""
    log = _uniform(make_log, np.full(400, reward))
    for target in (np.full((400, 2), 0.5), _always(400, 1, 2), np.tile([0.3, 0.7], (400, 1))):
        found = _evaluate(log, target, interval=kind)
        for name in SAMPLED:
            assert _ends(found, name) == (-np.inf, np.inf)
        assert found.verdict is Trust.NONE
    own = on_policy(log)
    assert (own.value, own.low, own.high) == (pytest.approx(reward), -np.inf, np.inf)


@pytest.mark.parametrize("kind", KINDS)
def test_the_rule_of_three_bounds_rewards_that_are_all_zero(make_log: MakeLog, kind: str) -> None:
    """About 3 over the effective rows, times the largest reward there can be."""
    log = _uniform(make_log, np.zeros(400))
    found = _evaluate(log, np.full((400, 2), 0.5), interval=kind, reward_range=(0.0, 50.0))
    for name in SAMPLED:
        assert _ends(found, name) == (0.0, pytest.approx(50 * (1 - 0.05 ** (1 / 400))))
    assert 400 * _ends(found, "ips")[1] / 50 == pytest.approx(3.0, rel=0.01)
    assert found.verdict is Trust.WITH_CARE
    half = _evaluate(log, _always(400, 1, 2), interval=kind, reward_range=(0.0, 50.0))
    assert _ends(half, "dr")[1] == pytest.approx(50 * (1 - 0.05 ** (1 / 200)))
    wide = _evaluate(log, np.full((400, 2), 0.5), interval=kind, reward_range=(-10.0, np.inf))
    assert _ends(wide, "ips") == (pytest.approx(-10 * (1 - 0.05 ** (1 / 400))), np.inf)
    (said,) = (w.message for w in found.diagnostics.warnings if w.caution is Caution.ALIKE_REWARDS)
    assert "at most 0.75% of decisions (3.0 in 400 effective customers) bring anything" in said
    assert found.diagnostics.other_rewards_at_most == pytest.approx(0.00746, abs=1e-5)


def test_rows_of_one_customer_count_as_one_in_the_rule_of_three(make_log: MakeLog) -> None:
    """Where nothing differs, nothing shows that the rows of a customer are independent."""
    log = _uniform(make_log, np.zeros(400), customer=np.arange(400) // 8)
    found = _evaluate(log, np.full((400, 2), 0.5), reward_range=(0.0, 1.0))
    assert _ends(found, "snips")[1] == pytest.approx(1 - 0.05 ** (1 / 50))


@pytest.mark.parametrize("kind", KINDS)
def test_one_rewarded_row_of_ten_thousand(make_log: MakeLog, kind: str) -> None:
    """Nothing bounds such a reward, unless its size is known: then it is Clopper and Pearson."""
    reward = np.zeros(10_000)
    reward[4321] = 1.0
    log = _uniform(make_log, reward)
    target = np.full((10_000, 2), 0.5)
    found = _evaluate(log, target, interval=kind, resamples=100)
    for name in SAMPLED:
        assert _ends(found, name) == (-np.inf, np.inf)
    assert found.verdict is Trust.NONE
    known = _evaluate(log, target, interval=kind, resamples=100, reward_range=(0.0, 1.0))
    # 1 of 10,000: p with (1 - p)^n + n p (1 - p)^(n - 1) = 0.05, that is 4.7430 / n.
    assert _ends(known, "snips") == (0.0, pytest.approx(4.743e-4, rel=1e-3))


def test_one_customer_who_outweighs_all_is_named(make_log: MakeLog) -> None:
    """Rewards that all differ are not called alike because one is a million times the rest."""
    reward = np.random.default_rng(3).normal(size=400)
    reward[7] = 1e9
    found = _evaluate(_uniform(make_log, reward), np.full((400, 2), 0.5))
    low, high = _ends(found, "snips")
    assert high - low > 8 * 1e9 / 400  # Student's quantile with one degree of freedom is 12.7
    assert found.verdict is Trust.NONE
    cautions = {w.caution: w.message for w in found.diagnostics.warnings}
    assert Caution.ALIKE_REWARDS not in cautions
    assert "rests on 1.0 of 400.0 effective customers" in cautions[Caution.FEW_TELLING]


def test_a_handful_of_rewarded_rows_is_less_sure_than_their_number(make_log: MakeLog) -> None:
    """Three purchases of 10,000 decisions: as many degrees of freedom as three customers have."""
    reward = np.zeros(10_000)
    reward[[10, 2000, 9001]] = 100.0
    log = _uniform(make_log, reward)
    found = _evaluate(log, np.full((10_000, 2), 0.5))
    low, high = _ends(found, "ips")
    error = found["ips"].stderr
    assert error is not None
    assert (high - low) / 2 / error == pytest.approx(3.182446, rel=1e-3)  # t, 3 degrees
    assert found.diagnostics.telling_customers == pytest.approx(3, rel=1e-3)
    assert found.verdict is Trust.NONE


def test_intervals_of_few_matching_customers_cover_as_often_as_they_say(
    make_log: MakeLog,
) -> None:
    """SNIPS over 600 logs in which about six of 48 customers match: 95 %, less four errors.

    With as many degrees of freedom as there are customers it is below that band.
    """
    covered = textbook = 0
    for replication in range(600):
        rng = generator("few matching", replication)
        action, reward = rng.integers(0, 8, 48), rng.normal(3.0, 1.0, 48)
        log = make_log(action=action, propensity=np.full(48, 1 / 8), reward=reward, actions=8)
        found = _evaluate(log, _always(48, 1, 8), estimators=("snips",))
        covered += found["snips"].covers(3.0) is not False  # one that is not there is not wrong
        weight = 8.0 * (action == 1)
        plain = asymptotic(snips(weight, reward), np.arange(48))
        textbook += plain.low <= 3.0 <= plain.high
    slack = 4 * np.sqrt(0.95 * 0.05 / 600)
    assert covered / 600 > 0.95 - slack
    assert textbook / 600 < 0.95 - slack


def test_rare_rewards_of_any_size_cover_nearly_as_often_as_they_say() -> None:
    """About 25 of 3,000 customers buy, for sums of very different size, over 400 logs.

    The textbook's interval covers in 87 % of them; the one with as many degrees of freedom as
    the spread has is what the difference is for.
    """
    truth = 25 / 3000 * np.exp(1.2**2 / 2)
    covered = textbook = 0
    for replication in range(400):
        rng = generator("rare", replication)
        reward = (rng.random(3000) < 25 / 3000) * np.exp(rng.normal(0.0, 1.2, 3000))
        weight, clusters = np.ones(3000), np.arange(3000)
        terms = ips(weight, reward)
        found = asymptotic(terms, clusters, evidence=gather(weight, reward, clusters))
        plain = asymptotic(terms, clusters)
        covered += found.low <= truth <= found.high
        textbook += plain.low <= truth <= plain.high
    assert covered / 400 > 0.89
    assert covered - textbook > 0.02 * 400


def test_a_model_that_explains_all_leaves_no_interval_of_width_zero(make_log: MakeLog) -> None:
    """DR's terms may be all alike while rewards differ: the model, not the log, says so."""
    n = 200
    reward = (np.arange(n) // 2 % 2) * 7.0
    log = _uniform(make_log, reward)
    q_hat = np.column_stack((reward, reward))
    q_hat[np.arange(n), 1 - log.action] = 7.0 - reward
    found = _evaluate(log, np.full((n, 2), 0.5), q_hat=q_hat)
    assert found["dr"].value == pytest.approx(3.5)
    assert _ends(found, "dr") == (-np.inf, np.inf)
    assert _ends(found, "snips")[0] > 2.5
    assert found.verdict is Trust.WITH_CARE
    assert any("what DR may be off by" in w.message for w in found.diagnostics.warnings)


def test_the_direct_method_is_a_point_without_an_interval(bandit: Any) -> None:
    """In each kind of interval; JSON says so in its own words."""
    drawn = bandit(generator("point", 0), customers=200, rows_each=2)
    for kind in KINDS:
        found = _evaluate(drawn.log, drawn.target, interval=kind)
        dm = found["dm"]
        assert (dm.stderr, dm.low, dm.high, dm.covers(0.0)) == (None, None, None, None)
        assert dm.value is not None
        assert dm.to_dict()["has_interval"] is False
        assert found["dr"].has_interval


def test_propensities_of_one_in_a_uniform_log_are_not_to_be_trusted(make_log: MakeLog) -> None:
    """Each row says that its action was certain; together they cannot all be right."""
    rng = np.random.default_rng(7)
    log = _uniform(
        make_log, rng.normal(size=400), action=rng.integers(0, 2, 400), propensity=np.ones(400)
    )
    for target in (np.full((400, 2), 0.5), _always(400, 1, 2)):
        found = _evaluate(log, target)
        assert found.verdict is Trust.NONE
        assert Caution.MEAN_WEIGHT in {w.caution for w in found.diagnostics.warnings}


def test_a_target_the_log_half_supports_is_not_bounded_by_the_other_half(
    make_log: MakeLog,
) -> None:
    """What it would do where the log is silent adds its own range to the interval."""
    rng = np.random.default_rng(8)
    log = make_log(
        action=rng.integers(0, 2, 600),
        propensity=np.full(600, 0.5),
        reward=rng.random(600),
        actions=3,
    )
    target = np.tile([0.3, 0.3, 0.4], (600, 1))
    found = _evaluate(log, target)
    assert _ends(found, "ips") == _ends(found, "dr") == (-np.inf, np.inf)
    assert found.verdict is Trust.NONE
    known = _evaluate(log, target, reward_range=(0.0, 1.0))
    for name, least in (("ips", 0.3), ("snips", 0.5)):
        low, high = _ends(known, name)
        assert low <= 0.6 * 0.5
        assert high >= 0.6 * 0.5 + 0.4
        assert high - low > 0.4, least
    little = _evaluate(log, np.tile([0.5, 0.48, 0.02], (600, 1)))
    assert np.isfinite(_ends(little, "ips")).all()
    assert little.verdict is Trust.WITH_CARE


@pytest.mark.parametrize(
    ("reward_range", "message"),
    [
        ((1.0, 1.0), "1 is not below 1"),
        ((np.nan, 1.0), "nan is not below 1"),
        ((0.0, 0.5), r"the reward 1 in row 3 is outside 0\.\.0\.5"),
        ((0.5, 2.0), r"the reward 0 in row 0 is outside"),
    ],
)
def test_a_range_that_cannot_be_is_refused(
    make_log: MakeLog, reward_range: tuple[float, float], message: str
) -> None:
    """A reward outside shows that the range is not known after all; the row is the log's own."""
    reward = np.zeros(20)
    reward[2], reward[3] = 9.0, 1.0
    log = _uniform(make_log, reward, censored=np.arange(20) == 2)
    for call in (
        lambda: _evaluate(log, np.full((20, 2), 0.5), reward_range=reward_range),
        lambda: on_policy(log, reward_range=reward_range),
    ):
        with pytest.raises(InvalidArgument, match=message) as refused:
            call()
        assert refused.value.field == "reward_range"


def test_the_verdict_is_json(make_log: MakeLog) -> None:
    """Strict JSON holds it, each reason with its own, and infinite ends as null."""
    log = _uniform(make_log, np.zeros(400))
    found = _evaluate(log, np.full((400, 2), 0.5), reward_range=(0.0, np.inf))
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["verdict"] == document["diagnostics"]["verdict"] == "do_not_trust"
    assert document["reward_range"] == [0.0, None]
    gravity = {w["caution"]: w["verdict"] for w in document["diagnostics"]["warnings"]}
    assert gravity["alike_rewards"] == "do_not_trust"  # nothing bounds the range's upper end
    assert gravity["unbounded"] == "with_care"
    (ips,) = (row for row in document["estimates"] if row["estimator"] == "ips")
    assert (ips["has_interval"], ips["low"], ips["high"], ips["stderr"]) == (True, 0.0, None, None)


def test_a_sound_log_is_trusted(bandit: Any) -> None:
    """The verdict is not always a warning."""
    drawn = bandit(generator("sound", 0), customers=2000, rows_each=2)
    found = _evaluate(drawn.log, drawn.target)
    assert found.diagnostics.warnings == ()
    assert found.verdict is Trust.FULL


def test_evidence_by_hand() -> None:
    """Kish's numbers of rows and of customers; the spread rests on whose rewards differ."""
    weight = np.array([2.0, 2.0, 0.0, 2.0])
    reward = np.array([0.0, 0.0, 9.0, 6.0])
    found = gather(weight, reward, np.array([0, 0, 1, 2]))
    assert found.rows == pytest.approx(3)
    assert found.customers == pytest.approx(36 / 20)  # weights 4, 0, 2
    assert found.telling == pytest.approx(2)  # deviations -8 and 8
    assert (found.common, found.others) == ((0.0,), pytest.approx(1 / 3))
    assert not found.enough
    huge = gather(weight * 1e200, reward, np.array([0, 0, 1, 2]))
    assert huge.customers == pytest.approx(36 / 20)
    assert effective_sample_size(weight * 1e200) == pytest.approx(3)
    assert gather(np.zeros(4), reward, np.arange(4)).customers == 0.0


def test_weights_too_large_to_square_have_an_interval(make_log: MakeLog) -> None:
    """Without a warning, and not to be trusted."""
    rng = np.random.default_rng(9)
    log = _uniform(make_log, rng.normal(size=300), propensity=np.full(300, 1e-300))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = _evaluate(log, np.full((300, 2), 0.5), estimators=("ips", "snips"))
    low, high = _ends(found, "snips")
    assert -1 < low < high < 1
    assert found.verdict is Trust.NONE
