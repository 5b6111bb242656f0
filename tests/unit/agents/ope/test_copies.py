"""Decisions that a log holds twice under other ids: found, and honest coarse logs are not."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.ope.cautions import Caution, Trust
from agents.ope.copies import Copies, find_copies
from agents.ope.data import OpeData
from agents.ope.evaluate import Evaluation, evaluate_policy, on_policy
from agents.ope.intervals import cluster_codes
from tests.support.logs import log_of
from troth.logs.batches import LoggedBatch
from troth.streams import generator

START = np.datetime64("2026-03-01T00:00:00", "us")


def _log(
    rng: np.random.Generator,
    n: int,
    *,
    actions: int = 3,
    served: np.ndarray | None = None,
    moments: int = 10**9,
    kinds: int = 0,
    customers: int = 0,
    **columns: Any,
) -> LoggedBatch:
    """Decisions drawn one by one.

    ``moments`` (seconds) and ``kinds`` (of contexts; 0 for as many as there are numbers) say how
    coarse they are, ``served`` (K,) how actions are drawn.
    """
    shares = np.full(actions, 1 / actions) if served is None else served
    action = rng.choice(actions, size=n, p=shares)
    bought = rng.random(n) < 0.1
    made = log_of(
        **{
            "action": action,
            "propensity": shares[action],
            "reward": bought * rng.integers(1, 4, n) * 500.0,
            "actions": actions,
            "customer": rng.integers(0, customers, n) if customers else None,
            "raw": rng.integers(0, kinds, (n, 2)) if kinds else rng.normal(size=(n, 2)),
            **columns,
        }
    )
    return replace(made, decided_at=START + rng.integers(0, moments, n) * np.timedelta64(1, "s"))


def _again(log: LoggedBatch, rows: Any, *, customers: bool = False) -> LoggedBatch:
    """The log, and below it ``rows`` of it once more under new decision ids, or all new ids."""
    more = log.take(rows)
    changes = {"decision_id": np.array([f"R{row}" for row in range(len(more))])}
    if customers:
        changes["customer_id"] = np.char.add("again-", more.customer_id)
    return LoggedBatch.concatenate([log, replace(more, **changes)])


def _found(log: LoggedBatch) -> Copies | None:
    return find_copies(log, cluster_codes(log.customer_id))


def _uniform(log: LoggedBatch, **more: Any) -> Evaluation:
    k = len(log.catalogue)
    return evaluate_policy(log, np.full((len(log), k), 1 / k), estimators=("ips",), **more)


@pytest.mark.parametrize("customers", [False, True])
@pytest.mark.parametrize("times", [2, 3])
def test_an_export_appended_to_itself_is_not_trusted(customers: bool, times: int) -> None:
    """Under fresh decision ids, or all ids fresh: the verdict says it, with rows."""
    log = _log(generator("appended", 0), 1500, customers=900)
    doubled = log
    for round_ in range(times - 1):
        more = replace(
            log,
            decision_id=np.array([f"{round_}-{row}" for row in range(len(log))]),
            customer_id=np.char.add(f"{round_}-", log.customer_id)
            if customers
            else log.customer_id,
        )
        doubled = LoggedBatch.concatenate([doubled, more])
    found = _uniform(doubled)
    assert found.verdict is Trust.NONE
    (said,) = (w.message for w in found.diagnostics.warnings if w.caution is Caution.COPIES)
    assert f"{1500 * (times - 1):,} rows repeat another row in all but ids" in said
    assert "the first is row 1500, which repeats row 0" in said
    assert found.diagnostics.copied_rows == 1500 * (times - 1)
    assert Caution.COPIES not in {w.caution for w in _uniform(log).diagnostics.warnings}


def test_customers_under_new_ids_count_once() -> None:
    """The interval is that of the log before, of as many effective customers."""
    log = _log(generator("once", 0), 1500, customers=900)
    before, after = _uniform(log), _uniform(_again(log, slice(None), customers=True))
    for name in ("customers", "effective_customers"):
        now, then = (getattr(each.diagnostics, name) for each in (after, before))
        assert now == pytest.approx(then)
    for end in ("value", "stderr", "low", "high"):
        assert getattr(after["ips"], end) == pytest.approx(getattr(before["ips"], end))
    own = on_policy(_again(log, slice(None), customers=True))
    assert own.stderr == pytest.approx(on_policy(log).stderr)


@pytest.mark.parametrize("customers", [False, True])
@pytest.mark.parametrize("order", ["appended", "mixed"])
def test_a_part_of_an_export_is_found_too(customers: bool, order: str) -> None:
    """A month that is there twice, wherever its rows stand."""
    rng = generator("part", 0)
    doubled = _again(_log(rng, 3000, customers=1000), slice(100, 400), customers=customers)
    if order == "mixed":
        doubled = doubled.take(rng.permutation(len(doubled)))
    found = _found(doubled)
    assert found is not None
    assert found.rows == 300
    assert found.by_chance < 150
    later, earlier = found.first
    assert earlier < later
    assert doubled.reward_minor[later] == doubled.reward_minor[earlier]
    np.testing.assert_array_equal(doubled.contexts.raw[later], doubled.contexts.raw[earlier])


@pytest.mark.parametrize("kinds", [1, 3, 20])
def test_a_coarse_log_that_is_there_twice_is_found(kinds: int) -> None:
    """Rows agree by chance as well, but not each of them an even number of times."""
    log = _log(generator("coarse twice", kinds), 2000, kinds=kinds, moments=30, actions=4)
    assert _found(log) is None
    found = _found(_again(log, slice(None), customers=True))
    assert found is not None


@pytest.mark.parametrize("kinds", [1, 2, 5, 30])
@pytest.mark.parametrize("moments", [1, 7, 300])
@pytest.mark.parametrize("served", [(1 / 3, 1 / 3, 1 / 3), (0.9, 0.05, 0.05), (0.0, 1.0, 0.0)])
def test_honest_coarse_logs_are_not_called_copies(
    kinds: int, moments: int, served: tuple[float, ...]
) -> None:
    """Few features, few rewards, days for moments, no customer or few: they agree by chance."""
    for replication in range(10):
        rng = generator("coarse", replication)
        for customers in (0, 40):
            log = _log(
                rng,
                1000,
                kinds=kinds,
                moments=moments,
                served=np.array(served),
                customers=customers,
            )
            assert _found(log) is None
            assert _found(log.take(np.lexsort((log.reward_minor, log.action)))) is None


def test_propensities_of_each_context_are_no_copies() -> None:
    """A policy that depends on the context agrees with itself more often than on the whole."""
    for replication in range(20):
        rng = generator("by context", replication)
        kind = rng.integers(0, 400, 1000)
        served = np.array([0.98, 0.02])[(rng.random(400) < 0.5).astype(int)][kind]
        action = (rng.random(1000) > served).astype(np.int64)
        log = log_of(
            action=action,
            propensity=np.where(action == 0, served, 1 - served),
            reward=np.zeros(1000),
            actions=2,
            raw=np.column_stack((kind / 50, kind / 50)),
        )
        assert _found(log) is None


@pytest.mark.parametrize("moments", [1, 20, 10**9])
def test_one_draw_for_all_decisions_of_a_customer_is_no_copy(moments: int) -> None:
    """Customers keep their action, features and often their reward: 0."""
    for replication in range(10):
        rng = generator("kept action", replication)
        customer = np.arange(2000) // 20
        log = _log(
            rng,
            2000,
            moments=moments,
            action=rng.integers(0, 3, 100)[customer],
            propensity=np.full(2000, 1 / 3),
            customer=customer,
            raw=rng.normal(size=(100, 2))[customer],
        )
        assert _found(log) is None


@pytest.mark.parametrize("kept", [False, True])
def test_a_part_of_one_mailing_is_found_too(kept: bool) -> None:
    """All of one moment, a row or more for each customer: the rewards tell what the draw cannot."""
    rng = generator("one mailing", 0)
    customer = np.arange(3000) // 3 if kept else np.arange(3000)
    log = _log(
        rng,
        3000,
        moments=1,
        action=rng.integers(0, 3, 3000)[customer],
        propensity=np.full(3000, 1 / 3),
        customer=customer,
        raw=rng.normal(size=(3000, 2))[customer],
    )
    assert _found(log) is None
    if not kept:  # rows of a customer that agree already hide those that are copied
        found = _found(_again(log, slice(0, 1500)))
        assert found is not None
        assert found.rows == 1500


def test_rows_are_those_of_the_whole_log() -> None:
    """Counted with decisions whose outcome is open, which are left out."""
    log = _again(_log(generator("open", 0), 400), slice(200, 400))
    log = replace(log, censored=np.arange(600) < 50)
    copies = OpeData.of(log).copies
    assert copies is not None
    assert (copies.rows, copies.first) == (200, (400, 200))


def test_zeros_and_missing_values_are_the_same_whatever_their_bits() -> None:
    """-0.0 is 0.0; any NaN is missing."""
    log = _log(generator("bits", 0), 300)
    log.contexts.raw[:, 1] = np.nan
    log.contexts.raw[::2, 0] = 0.0
    raw = log.contexts.raw.copy()
    raw[raw == 0.0] = -0.0
    raw.view(np.uint32)[:, 1] |= 0x1234
    more = replace(
        log,
        decision_id=np.array([f"R{row}" for row in range(300)]),
        contexts=replace(log.contexts, raw=raw),
    )
    found = _found(LoggedBatch.concatenate([log, more]))
    assert found is not None
    assert found.rows == 300
