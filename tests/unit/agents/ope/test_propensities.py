"""Propensities that are not those of the log: found whoever the target is, and sound ones not."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.ope.cautions import Caution, Trust
from agents.ope.copies import find_copies
from agents.ope.data import OpeData
from agents.ope.evaluate import Evaluation, evaluate_policy
from agents.ope.intervals import cluster_codes
from agents.ope.propensities import LoggedPropensities, Misfit, _Cells
from troth.logs.batches import LoggedBatch
from troth.streams import generator

MakeLog = Callable[..., LoggedBatch]
RATES = np.array([0.05, 0.2, 0.3])
UNIFORM = (1 / 3, 1 / 3, 1 / 3)


def misfit(
    log: LoggedBatch, target: np.ndarray, clusters: np.ndarray, model: np.ndarray | None = None
) -> Misfit | None:
    """What is found for one target."""
    return LoggedPropensities(log, clusters).misfit(target, model)


def _drawn(rng: np.random.Generator, probabilities: np.ndarray) -> np.ndarray:
    """One action a row, int64 (n,), from float64 (n, K)."""
    return (rng.random((len(probabilities), 1)) > probabilities.cumsum(axis=1)).sum(axis=1)


def _log(
    make_log: MakeLog,
    served: np.ndarray,
    logged: np.ndarray,
    *,
    rng: np.random.Generator,
    flag: np.ndarray | None = None,
    **more: Any,
) -> LoggedBatch:
    """Actions by ``served``, propensities by ``logged``, both float64 (n, K)."""
    n = len(served)
    action = _drawn(rng, served)
    raw = rng.normal(size=(n, 2)).clip(-10, 10)
    if flag is not None:
        raw[:, 0] = flag
    sold = rng.random(n) < RATES[action % 3]
    return make_log(
        action=action,
        propensity=logged[np.arange(n), action].clip(max=1.0),
        reward=sold * rng.gamma(4, 500, n),
        actions=served.shape[1],
        raw=raw,
        **more,
    )


def _rows(n: int, *probabilities: float) -> np.ndarray:
    return np.tile(probabilities, (n, 1))


def _refused(found: Evaluation) -> str:
    """The sentence that says what the propensities do not fit."""
    assert found.verdict is Trust.NONE
    (said,) = (w.message for w in found.diagnostics.warnings if w.caution is Caution.PROPENSITIES)
    return said


@pytest.mark.parametrize(
    ("served", "logged", "target", "named"),
    [
        ((0.8, 0.1, 0.1), UNIFORM, UNIFORM, "none was served, by 1 / propensity, 2.4"),
        ((0.5, 0.4, 0.1), (0.5, 0.1, 0.4), (0.5, 0.1, 0.4), "mail-2 was served"),
        ((0.5, 0.4, 0.1), (0.5, 0.1, 0.4), (1.0, 0.0, 0.0), "mail-1 was served"),
    ],
)
def test_propensities_of_other_actions_are_not_trusted(
    make_log: MakeLog, served: Any, logged: Any, target: Any, named: str
) -> None:
    """The target's mean weight is 1, or knows nothing of the swapped two; each action's is not."""
    n = 3000
    log = _log(make_log, _rows(n, *served), _rows(n, *logged), rng=generator("other actions", 0))
    assert named in _refused(evaluate_policy(log, _rows(n, *target)))


def test_propensities_that_forget_a_feature_are_not_trusted(make_log: MakeLog) -> None:
    """A policy by a flag, logged as if it were the same for all: right only in the mean."""
    n, rng = 3000, generator("forgotten", 0)
    flag = (rng.random(n) < 0.5).astype(float)
    served = np.where(flag[:, None] == 1, [[0.9, 0.1]], [[0.1, 0.9]])
    log = _log(make_log, served, _rows(n, 0.5, 0.5), rng=rng, flag=flag)
    for target in (_rows(n, 0.5, 0.5), _rows(n, 1.0, 0.0), _rows(n, 0.0, 1.0)):
        assert "where x0 is" in _refused(evaluate_policy(log, target))
    right = _log(make_log, served, served, rng=rng, flag=flag)
    assert evaluate_policy(right, _rows(n, 0.5, 0.5)).verdict is not Trust.NONE


def test_propensities_in_another_order_of_rows_are_not_trusted(make_log: MakeLog) -> None:
    """Their distribution is right, and each stands beside another's action."""
    n, rng = 3000, generator("permuted", 0)
    flag = rng.normal(size=n)
    weight = np.exp(flag[:, None] * [[-1.0, 0.0, 1.0]])
    served = weight / weight.sum(axis=1, keepdims=True)
    log = _log(make_log, served, served, rng=rng, flag=flag)
    assert evaluate_policy(log, _rows(n, *UNIFORM)).verdict is Trust.FULL
    permuted = replace(log, propensity=rng.permutation(log.propensity))
    _refused(evaluate_policy(permuted, _rows(n, *UNIFORM)))


def test_ips_and_dr_far_apart_are_not_trusted(make_log: MakeLog) -> None:
    """Wrong where neither feature tells alone: the reward model does."""
    n, rng = 6000, generator("apart", 0)
    sides = rng.choice([-1.0, 1.0], size=(n, 2))
    one = np.where(sides.prod(axis=1) > 0, 0.7, 0.3)
    log = _log(make_log, np.column_stack((one, 1 - one)), _rows(n, 0.5, 0.5), rng=rng)
    log.contexts.raw[:] = sides
    truth = np.column_stack((sides.prod(axis=1), np.zeros(n)))
    clusters, target = cluster_codes(log.customer_id), _rows(n, 0.5, 0.5)
    assert misfit(log, target, clusters) is None
    found = misfit(log, target, clusters, truth)
    assert found is not None
    assert "IPS and DR" in found.what


def test_a_missing_feature_is_a_kind_of_context_too(make_log: MakeLog) -> None:
    """Where it is missing another policy decided, in a log that says otherwise."""
    n, rng = 3000, generator("missing", 0)
    absent = rng.random(n) < 0.2
    served = np.where(absent[:, None], [[0.9, 0.05, 0.05]], [UNIFORM])
    log = _log(make_log, served, _rows(n, *UNIFORM), rng=rng, flag=np.where(absent, np.nan, 1.0))
    assert "where x0 is missing" in _refused(evaluate_policy(log, _rows(n, *UNIFORM)))


@pytest.mark.parametrize("third", [0.333, 0.3333, 0.33333333, float(np.float32(1 / 3))])
@pytest.mark.parametrize("n", [3000, 60_000])
def test_rounded_propensities_are_not_called_wrong(make_log: MakeLog, third: float, n: int) -> None:
    """Three digits, four, single precision: 0.1 % off, and never infinitely many errors."""
    rng = generator("rounded", n)
    log = _log(make_log, _rows(n, *UNIFORM), np.full((n, 3), third), rng=rng)
    for target in (_rows(n, *UNIFORM), _rows(n, 0.0, 0.5, 0.5)):
        found = evaluate_policy(log, target, estimators=("ips", "snips"))
        assert found.verdict is Trust.FULL
        assert abs(found.diagnostics.mean_weight_z) < 4


@pytest.mark.parametrize("customers", [1500, 150])
@pytest.mark.parametrize("rare", [0.2, 0.01])
def test_sound_logs_are_not_called_wrong(make_log: MakeLog, customers: int, rare: float) -> None:
    """None of 100 logs with masks, a skewed policy, rare actions and customers of many rows."""
    n, k = 1500, 6
    for replication in range(100):
        rng = generator("sound propensities", replication)
        mask = rng.random((n, k)) < 0.7
        mask[:, 0] = True
        weight = mask * rng.gamma(1.0, size=(1, k)) * np.where(np.arange(k) == 5, rare, 1.0)
        served = 0.9 * weight / weight.sum(axis=1, keepdims=True)
        served += 0.1 * mask / mask.sum(axis=1, keepdims=True)
        customer = rng.integers(0, customers, n)
        log = _log(make_log, served, served, rng=rng, mask=mask, customer=customer)
        target = mask / mask.sum(axis=1, keepdims=True)
        model = rng.normal(size=(n, k))
        assert misfit(log, target, cluster_codes(log.customer_id), model) is None


def test_one_action_for_all_decisions_of_a_customer_is_sound(make_log: MakeLog) -> None:
    """Drawn once per customer, then kept: fewer draws than rows, and nothing wrong."""
    for replication in range(50):
        rng = generator("kept", replication)
        customer = np.arange(2000) // 20
        action = rng.integers(0, 3, 100)[customer]
        log = make_log(
            action=action,
            propensity=np.full(2000, 1 / 3),
            reward=rng.normal(size=2000),
            actions=3,
            customer=customer,
            raw=rng.normal(size=(100, 2))[customer],
        )
        assert misfit(log, _rows(2000, *UNIFORM), cluster_codes(log.customer_id)) is None


def test_a_few_rows_without_the_targets_action_are_no_sign(make_log: MakeLog) -> None:
    """Served elsewhere an eighth of the time; of 30 rows that want it none had it: by chance."""
    n, k, rng = 2000, 8, generator("by chance", 0)
    action = rng.integers(0, k, n)
    log = make_log(
        action=action, propensity=np.full(n, 1 / k), reward=rng.normal(size=n), actions=k
    )
    wanting = np.flatnonzero(action != 3)[:30]
    target = _rows(n, *np.eye(k)[0])
    target[wanting] = np.eye(k)[3]
    assert misfit(log, target, cluster_codes(log.customer_id)) is None
    target[np.flatnonzero(action != 3)[:300]] = np.eye(k)[3]
    assert misfit(log, target, cluster_codes(log.customer_id)) is not None


def test_propensities_below_one_for_what_was_always_served(make_log: MakeLog) -> None:
    """A log that always sends the same and calls it a coin's throw."""
    n, rng = 500, generator("always", 0)
    log = _log(make_log, _rows(n, 0.0, 1.0), _rows(n, 0.5, 0.5), rng=rng)
    assert "mail-1 was served" in _refused(evaluate_policy(log, _rows(n, 0.0, 1.0)))


def _by_definition(
    log: LoggedBatch, h: np.ndarray, clusters: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Errors and ratios, float64 (C, K), from arrays of all rows and actions."""
    n, k = h.shape
    weighted = h[np.arange(n), log.action] / log.propensity
    actual = np.zeros_like(h)
    actual[np.arange(n), log.action] = weighted
    expected, squares, seen = (inside.T @ each for each in (h, h**2, actual))
    first, second = actual.sum(axis=0), (actual**2).sum(axis=0)
    typical = np.divide(second, first, out=np.zeros(k), where=first > 0)
    held = (log.action[:, None] == np.arange(k)) / log.propensity[:, None]
    inverse = np.divide(
        (held**2).sum(axis=0), held.sum(axis=0), out=np.zeros(k), where=held.any(axis=0)
    )
    spread = inside.T @ (actual - h) ** 2
    variance = np.fmax(spread, np.fmax(typical * expected, inverse * squares) - squares)
    together = np.array(
        [(actual - h)[clusters == g].sum(axis=0) for g in range(clusters.max() + 1)]
    )
    alone = ((actual - h) ** 2).sum(axis=0)
    variance *= np.maximum(
        np.divide((together**2).sum(axis=0), alone, out=np.ones(k), where=alone > 0), 1.0
    )
    excess = seen - expected
    beyond = np.sign(excess) * np.maximum(np.abs(excess) - 2e-3 * expected, 0.0)
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            np.where(beyond == 0, 0.0, beyond / np.sqrt(variance)),
            np.where(expected > 0, seen / expected, np.nan),
        )


@pytest.mark.parametrize("sparse", [False, True])
@pytest.mark.parametrize("rows", [7, 64, 10_000])
def test_sums_by_block_are_those_of_the_definition(
    make_log: MakeLog, monkeypatch: pytest.MonkeyPatch, rows: int, sparse: bool
) -> None:
    """Customers across blocks, features that are missing or all alike, targets of one action."""
    monkeypatch.setattr("agents.ope.propensities._ROWS", rows)
    n, k, rng = 300, 12, generator("by definition", rows)
    mask = rng.random((n, k)) < 0.6
    mask[:, 0] = True
    served = mask / mask.sum(axis=1, keepdims=True)
    flag = np.where(rng.random(n) < 0.2, np.nan, 1.0)
    customer = rng.integers(0, 40, n)
    log = _log(make_log, served, served, rng=rng, mask=mask, customer=customer, flag=flag)
    target = np.eye(k)[(rng.random((n, k)) * mask).argmax(axis=1)] if sparse else served
    x1 = log.contexts.raw[:, 1]
    middle = float(np.median(x1))
    inside = np.column_stack((np.ones(n), np.isnan(flag), x1 <= middle, x1 > middle)).astype(float)
    clusters = cluster_codes(log.customer_id)
    checks = LoggedPropensities(log, clusters)
    supported = (mask & (np.bincount(log.action, minlength=k) > 0)).astype(float)
    for found, h in (
        (checks._apart(target), target * supported),
        (checks._apart(None), supported),
    ):
        for here, there in zip(found, _by_definition(log, h, clusters, inside), strict=True):
            np.testing.assert_allclose(here, there, rtol=1e-9, atol=1e-9)


def test_what_the_log_alone_decides_is_found_once(
    make_log: MakeLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two targets of one log: cells and copies once, not once for each."""
    n, rng = 400, generator("once", 0)
    log = _log(make_log, _rows(n, *UNIFORM), _rows(n, *UNIFORM), rng=rng)
    calls: list[str] = []
    for name, of in (
        ("agents.ope.propensities._Cells.of_log", _Cells.of_log),
        ("agents.ope.data.find_copies", find_copies),
    ):
        monkeypatch.setattr(name, lambda *given, n=name, of=of: calls.append(n) or of(*given))
    data = OpeData.of(log)
    once = [evaluate_policy(data, _rows(n, *t)) for t in (UNIFORM, (0.0, 0.5, 0.5))]
    assert sorted(calls) == ["agents.ope.data.find_copies", "agents.ope.propensities._Cells.of_log"]
    apart = [evaluate_policy(log, _rows(n, *t)) for t in (UNIFORM, (0.0, 0.5, 0.5))]
    assert [found.to_dict() for found in once] == [found.to_dict() for found in apart]
