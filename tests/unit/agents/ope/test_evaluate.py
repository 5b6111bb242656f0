"""Evaluating a policy end to end: unbiased, honest about what is missing, typed refusals."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.ope.cautions import Caution
from agents.ope.evaluate import evaluate_policy, on_policy
from agents.ope.registry import ESTIMATORS
from agents.ope.target import target_distribution
from troth.errors import FailedPrecondition, InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.streams import generator

MakeLog = Callable[..., LoggedBatch]


def test_ips_snips_and_dr_hit_the_truth_of_a_known_bandit(bandit: Any) -> None:
    """Over 60 logs their mean is within four standard errors of the truth; DM's is not.

    The reward is not bilinear, so the reward model is wrong and DM inherits the error, while
    DR corrects it and is less noisy than IPS.
    """
    truth = bandit.truth()
    values: dict[str, list[float]] = {name: [] for name in ESTIMATORS.own}
    for replication in range(60):
        drawn = bandit(generator("unbiased", replication), customers=600, rows_each=2)
        found = evaluate_policy(drawn.log, drawn.target)
        for estimate in found.estimates:
            values[estimate.estimator].append(estimate.value)
    error = {name: np.mean(v) - truth for name, v in values.items()}
    noise = {name: np.std(v, ddof=1) / np.sqrt(60) for name, v in values.items()}
    for name in ("ips", "snips", "dr"):
        assert abs(error[name]) < 4 * noise[name], name
    assert abs(error["dm"]) > 4 * noise["dm"]
    assert noise["dr"] < noise["ips"]


def test_the_logging_policys_own_distribution_gives_the_mean_reward(make_log: MakeLog) -> None:
    """Weights of one: IPS, SNIPS and the on-policy mean are the same, interval and all."""
    rng = np.random.default_rng(31)
    log = make_log(
        action=rng.integers(0, 2, 200),
        propensity=np.full(200, 0.5),
        reward=rng.normal(3, 1, 200),
        actions=2,
        customer=np.arange(200) // 2,
    )
    found = evaluate_policy(log, np.full((200, 2), 0.5), estimators=("ips", "snips"))
    own = on_policy(log)
    for estimate in found.estimates:
        assert (estimate.value, estimate.low, estimate.high) == pytest.approx(
            (own.value, own.low, own.high)
        )


def test_open_outcome_windows_are_left_out_and_counted(make_log: MakeLog) -> None:
    """Censored rows change no estimate, whatever stands in their reward column."""
    rng = np.random.default_rng(32)
    n = 300
    columns = {
        "action": rng.integers(0, 2, n),
        "propensity": np.full(n, 0.5),
        "reward": rng.normal(size=n),
        "actions": 2,
        "raw": rng.normal(size=(n, 2)),
    }
    censored = np.zeros(n, dtype=bool)
    censored[250:] = True
    columns["reward"][250:] = 1e9
    log = make_log(**columns, censored=censored)
    distribution = rng.dirichlet(np.ones(2), size=n)
    found = evaluate_policy(log, distribution, q_hat=np.ones((n, 2)))
    kept = evaluate_policy(log.take(slice(0, 250)), distribution[:250], q_hat=np.ones((250, 2)))
    assert found.estimates == kept.estimates
    assert found.diagnostics.censored_rows == 50
    assert found.diagnostics.rows == 250
    assert Caution.CENSORED in {w.caution for w in found.diagnostics.warnings}
    assert on_policy(log).value == on_policy(log.take(slice(0, 250))).value


def test_missing_support_is_reported_not_refused(make_log: MakeLog) -> None:
    """A target that plays what the log masked is answered, with the missing mass beside it."""
    n = 200
    mask = np.ones((n, 2), dtype=bool)
    mask[:, 1] = False
    log = make_log(
        action=np.zeros(n, dtype=np.int64),
        propensity=np.ones(n),
        reward=np.ones(n),
        actions=2,
        mask=mask,
    )
    found = evaluate_policy(log, np.full((n, 2), 0.5), estimators=("ips",))
    assert found["ips"].value == pytest.approx(0.5)
    assert found.diagnostics.unsupported_mass == pytest.approx(0.5)
    assert Caution.MISSING_SUPPORT in {w.caution for w in found.diagnostics.warnings}


def test_bootstrap_and_normal_intervals_can_be_asked_for(bandit: Any) -> None:
    """All three kinds agree on a benign log, and only values are shared exactly."""
    drawn = bandit(generator("kinds", 0), customers=400, rows_each=2)
    kinds = {
        kind: evaluate_policy(
            drawn.log, drawn.target, interval=kind, rng=generator("kinds", 1), estimators=("snips",)
        )["snips"]
        for kind in ("student", "normal", "bootstrap")
    }
    assert len({e.value for e in kinds.values()}) == 1
    assert kinds["normal"].high < kinds["student"].high
    assert kinds["bootstrap"].stderr == pytest.approx(kinds["student"].stderr, rel=0.15)


def test_estimates_come_in_the_order_asked_for_and_by_name(bandit: Any) -> None:
    """The order is the caller's; a name that was not asked for is an error."""
    drawn = bandit(generator("order", 0), customers=100, rows_each=1)
    found = evaluate_policy(drawn.log, drawn.target, estimators=("snips", "ips"))
    assert [e.estimator for e in found.estimates] == ["snips", "ips"]
    assert found["ips"] is found.estimates[1]
    with pytest.raises(InvalidArgument):
        found["dr"]


def test_the_report_is_json(bandit: Any) -> None:
    """Everything in it survives a strict JSON round trip."""
    drawn = bandit(generator("json", 0), customers=100, rows_each=1)
    document = evaluate_policy(drawn.log, drawn.target, level=0.9).to_dict()
    assert json.loads(json.dumps(document, allow_nan=False)) == document
    assert [row["estimator"] for row in document["estimates"]] == list(ESTIMATORS.own)
    assert document["level"] == 0.9


def test_a_single_customer_has_an_infinite_interval_and_says_so(make_log: MakeLog) -> None:
    """Ends that are not finite become null in JSON."""
    log = make_log(
        action=np.zeros(4, dtype=np.int64),
        propensity=np.full(4, 0.5),
        reward=np.arange(4.0),
        actions=2,
        customer=np.zeros(4, dtype=np.int64),
    )
    found = evaluate_policy(log, np.full((4, 2), 0.5), estimators=("ips",))
    assert found["ips"].to_dict()["low"] is None
    assert found["ips"].covers(1e12)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"estimators": ("ips", "magic")}, "estimators"),
        ({"estimators": ()}, "estimators"),
        ({"level": 1.5}, "level"),
        ({"interval": "guess"}, "interval"),
        ({"interval": "bootstrap"}, "rng"),
        ({"q_hat": np.ones((3, 4))}, "q_hat"),
        ({"distribution": np.full((40, 4), 0.3)}, "distribution"),
        ({"distribution": np.full((40, 3), 1 / 3)}, "distribution"),
    ],
)
def test_requests_that_cannot_be_are_refused(
    bandit: Any, arguments: dict[str, Any], field: str
) -> None:
    """Every refusal names its field."""
    drawn = bandit(generator("errors", 0), customers=40, rows_each=1)
    with pytest.raises(InvalidArgument) as refused:
        evaluate_policy(drawn.log, **{"distribution": drawn.target, **arguments})
    assert refused.value.field == field


def test_a_log_with_only_open_windows_is_refused(make_log: MakeLog) -> None:
    """Nothing is known yet: no estimate is better than one of no rows."""
    log = make_log(
        action=np.zeros(3, dtype=np.int64),
        propensity=np.ones(3),
        reward=np.zeros(3),
        actions=2,
        censored=np.ones(3, dtype=bool),
    )
    with pytest.raises(FailedPrecondition, match="3 are open"):
        evaluate_policy(log, np.full((3, 2), 0.5))
    with pytest.raises(FailedPrecondition):
        on_policy(log)


class _Leaning:
    """Half on *no contact*, the rest on the eligible others."""

    def distribution(self, contexts: Any, actions: Any, mask: Any) -> np.ndarray:
        rest = mask[:, 1:] / np.maximum(mask[:, 1:].sum(axis=1, keepdims=True), 1)
        half = np.where(mask[:, 1:].any(axis=1, keepdims=True), 0.5, 1.0)
        return np.hstack((half, rest * (1 - half)))


def test_a_policy_is_asked_in_chunks_under_the_logged_masks(
    bandit: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole is the same in chunks of any size, and progress adds up to the rows."""
    log = bandit(generator("chunks", 0), customers=50, rows_each=2).log
    log.mask[:10, 3] = log.action[:10] == 3
    whole = target_distribution(_Leaning(), log)
    monkeypatch.setattr("agents.ope.target.CHUNK", 7)
    done: list[int] = []
    np.testing.assert_array_equal(target_distribution(_Leaning(), log, on_rows=done.append), whole)
    assert sum(done) == 100
    assert not whole[~log.mask].any()


def test_a_policy_of_other_features_or_actions_is_refused(bandit: Any) -> None:
    """Columns that mean something else would give a number, and the wrong one."""
    log = bandit(generator("other", 0), customers=10, rows_each=1).log
    with pytest.raises(FailedPrecondition) as refused:
        target_distribution(_Leaning(), log, catalogue_digest="0" * 64)
    assert refused.value.field == "log.catalogue"
    renamed = type(log.contexts.schema)(log.contexts.schema.features[:1])
    with pytest.raises(FailedPrecondition) as refused:
        target_distribution(_Leaning(), log, schema=renamed)
    assert refused.value.field == "log.features"
