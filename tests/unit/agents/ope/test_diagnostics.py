"""Diagnostics: the figures, and the sentences that keep a reader from believing too much."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.ope.cautions import Caution, Trust
from agents.ope.diagnostics import QUANTILES, Diagnostics, diagnose
from agents.ope.evidence import effective_sample_size, gather
from agents.ope.intervals import cluster_codes
from agents.ope.weights import importance_weights
from troth.logs.batches import LoggedBatch

MakeLog = Callable[..., LoggedBatch]


def _of(log: LoggedBatch, distribution: np.ndarray, **more: Any) -> Diagnostics:
    weight = importance_weights(distribution, log.action, log.propensity)
    clusters = cluster_codes(log.customer_id)
    return diagnose(
        weight=weight,
        reward=log.reward_minor,
        clusters=clusters,
        evidence=gather(weight, log.reward_minor, clusters),
        distribution=distribution,
        action=log.action,
        mask=log.mask,
        catalogue=log.catalogue,
        **more,
    )


def _uniform(make_log: MakeLog, n: int = 400, actions: int = 4, **columns: Any) -> LoggedBatch:
    rng = np.random.default_rng(11)
    made: LoggedBatch = make_log(
        **{
            "action": rng.integers(0, actions, n),
            "propensity": np.full(n, 1 / actions),
            "reward": rng.normal(size=n),
            "actions": actions,
            **columns,
        }
    )
    return made


def _cautions(found: Diagnostics) -> set[Caution]:
    return {warned.caution for warned in found.warnings}


def test_kish_by_hand() -> None:
    """Equal weights keep every row, one weight keeps one, 1-1-2 keeps 16/6."""
    assert effective_sample_size(np.full(8, 3.0)) == pytest.approx(8.0)
    assert effective_sample_size(np.array([0.0, 5.0, 0.0])) == pytest.approx(1.0)
    assert effective_sample_size(np.array([1.0, 1.0, 2.0])) == pytest.approx(16 / 6)
    assert effective_sample_size(np.zeros(3)) == 0.0


def test_the_logging_policy_itself_raises_no_warning(make_log: MakeLog) -> None:
    """Weights of one, full support: nothing to say."""
    log = _uniform(make_log)
    found = _of(log, np.full((400, 4), 0.25))
    assert found.warnings == ()
    assert (found.mean_weight, found.mean_weight_z) == (1.0, 0.0)
    assert found.effective_sample_size == pytest.approx(400)
    assert found.weight_quantiles == (1.0,) * len(QUANTILES)


def test_a_tiny_effective_sample_is_called_out_in_words(make_log: MakeLog) -> None:
    """Two rows that carry everything: the sentence gives the figure and says not to trust it."""
    n = 200
    action = np.zeros(n, dtype=np.int64)
    action[:2] = 1
    propensity = np.full(n, 0.99)
    propensity[:2] = 0.01
    reward = np.arange(n, dtype=np.float64)
    log = make_log(action=action, propensity=propensity, reward=reward, actions=2)
    found = _of(log, np.tile([0.0, 1.0], (n, 1)))
    assert found.verdict is Trust.NONE
    sentences = [w.message for w in found.warnings if w.caution is Caution.EFFECTIVE_SAMPLE_SIZE]
    assert sentences == ["effective sample size 2.0 of 200 rows: do not trust"]
    assert Caution.DOMINANT_ROW in _cautions(found)
    assert found.max_weight_share == pytest.approx(0.5)


def test_mass_on_what_was_never_served_is_missing_support(make_log: MakeLog) -> None:
    """Eligible everywhere, served nowhere: the log cannot speak of action 3."""
    n = 300
    log = _uniform(make_log, n, action=np.arange(n) % 3, propensity=np.full(n, 1 / 3))
    target = np.tile([0.25, 0.25, 0.25, 0.25], (n, 1))
    found = _of(log, target)
    assert found.unsupported_actions == ("mail-3",)
    assert found.unsupported_mass == pytest.approx(0.25)
    assert found.unsupported_rows == 1.0
    assert Caution.MISSING_SUPPORT in _cautions(found)
    assert found.mean_weight == pytest.approx(0.75)
    assert Caution.MEAN_WEIGHT in _cautions(found)


def test_mass_on_masked_actions_is_missing_support_in_those_rows(make_log: MakeLog) -> None:
    """Not eligible in a tenth of the rows: those rows count, the action is not called unserved."""
    n = 400
    mask = np.ones((n, 4), dtype=bool)
    mask[:40, 2] = False
    action = np.arange(n) % 4
    action[:40][action[:40] == 2] = 0
    log = _uniform(make_log, n, action=action, mask=mask)
    found = _of(log, np.full((n, 4), 0.25))
    assert found.unsupported_rows == pytest.approx(0.1)
    assert found.unsupported_mass == pytest.approx(0.025)
    assert found.unsupported_actions == ()


def test_wrong_propensities_show_in_the_mean_weight(make_log: MakeLog) -> None:
    """Propensities logged before a filter halves them: mean weight 2, far from 1."""
    log = _uniform(make_log, propensity=np.full(400, 0.125))
    distribution = np.random.default_rng(3).dirichlet(np.ones(4), size=400)
    found = _of(log, distribution)
    assert found.mean_weight == pytest.approx(2.0, rel=0.1)
    assert found.mean_weight_z > 3
    assert Caution.MEAN_WEIGHT in _cautions(found)


def test_few_customers_few_rewards_and_open_windows_are_said(make_log: MakeLog) -> None:
    """Each has a caution of its own."""
    reward = np.zeros(400)
    reward[:5] = 1.0
    log = _uniform(make_log, customer=np.arange(400) % 10, reward=reward)
    found = _of(log, np.full((400, 4), 0.25), censored_rows=7)
    assert _cautions(found) == {
        Caution.FEW_CUSTOMERS,
        Caution.FEW_TELLING,
        Caution.FEW_REWARDS,
        Caution.CENSORED,
    }
    assert [w.verdict for w in found.warnings] == sorted(
        (w.verdict for w in found.warnings), key=list(Trust).index, reverse=True
    )
    assert (found.customers, found.rewarded_rows, found.censored_rows) == (10, 5, 7)


def test_json_holds_everything_even_where_z_is_infinite(make_log: MakeLog) -> None:
    """A target that is never played has constant weights 0: z is infinite, JSON says null."""
    log = _uniform(make_log, action=np.zeros(400, dtype=np.int64))
    found = _of(log, np.tile([0.0, 0.0, 0.0, 1.0], (400, 1)))
    assert found.mean_weight_z == -np.inf
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    assert document["mean_weight_z"] is None
    assert document["weight_quantiles"]["0.5"] == 0.0
    assert {w["caution"] for w in document["warnings"]} >= {"missing_support", "never_played"}
