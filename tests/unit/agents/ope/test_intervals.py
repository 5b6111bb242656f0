"""Intervals: textbook cases, clusters, and coverage of a known truth."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from scipy import stats

from agents.ope.intervals import UNBOUNDED, asymptotic, bootstrap, cluster_codes
from agents.ope.one_step.ips import ips
from agents.ope.one_step.snips import snips
from agents.ope.terms import Terms
from agents.ope.weights import importance_weights
from troth.errors import InvalidArgument
from troth.streams import generator


def _mean(values: np.ndarray) -> Terms:
    return Terms(values, np.ones_like(values))


def test_singletons_give_the_textbook_interval_of_a_mean() -> None:
    """With a row per customer it is Student's interval of a sample mean, exactly."""
    values = np.random.default_rng(1).normal(5, 2, 40)
    found = asymptotic(_mean(values), np.arange(40), level=0.9)
    stderr = values.std(ddof=1) / np.sqrt(40)
    low, high = stats.t.interval(0.9, 39, loc=values.mean(), scale=stderr)
    assert found.stderr == pytest.approx(stderr)
    assert (found.low, found.high) == pytest.approx((low, high))
    normal = asymptotic(_mean(values), np.arange(40), level=0.9, reference="normal")
    assert (normal.low, normal.high) == pytest.approx(
        stats.norm.interval(0.9, loc=values.mean(), scale=stderr)
    )


def test_repeating_every_row_does_not_narrow_the_interval() -> None:
    """Copies of a customer's rows bring no information: the cluster's sum counts, not its rows."""
    values = np.random.default_rng(2).normal(size=30)
    once = asymptotic(_mean(values), np.arange(30))
    copied = asymptotic(_mean(np.repeat(values, 5)), np.repeat(np.arange(30), 5))
    assert copied.stderr == pytest.approx(once.stderr)
    naive = asymptotic(_mean(np.repeat(values, 5)), np.arange(150))
    assert naive.stderr < 0.5 * copied.stderr


def test_snips_interval_does_not_feel_a_shift_of_the_reward() -> None:
    """The delta method accounts for the denominator: a shift leaves the standard error alone."""
    rng = np.random.default_rng(3)
    weight, reward = rng.exponential(size=200), rng.normal(size=200)
    clusters = np.arange(200)
    here = asymptotic(snips(weight, reward), clusters)
    there = asymptotic(snips(weight, reward + 100), clusters)
    assert there.stderr == pytest.approx(here.stderr)
    assert asymptotic(ips(weight, reward + 100), clusters).stderr > 10 * here.stderr


def test_bootstrap_of_snips_resamples_its_denominator() -> None:
    """Rewards near 1 have SNIPS near 1 in every resample; a fixed denominator would spread."""
    rng = np.random.default_rng(4)
    weight, reward = rng.exponential(size=50), 1.0 + 1e-6 * rng.normal(size=50)
    found = bootstrap(snips(weight, reward), np.arange(50), rng=generator("test", 1), resamples=200)
    assert found.low == pytest.approx(1.0, abs=1e-5)
    assert found.high == pytest.approx(1.0, abs=1e-5)
    assert 0 < found.stderr < 1e-5


@pytest.mark.parametrize("value", [0.0, 0.1, -7.0])
def test_values_that_are_all_alike_say_nothing(value: float) -> None:
    """No spread was seen; that there is none is more than the values say."""
    terms = _mean(np.full(100, value))
    assert asymptotic(terms, np.arange(100)) == UNBOUNDED
    assert bootstrap(terms, np.arange(100), rng=generator("test", 7)) == UNBOUNDED


def test_a_resample_without_the_target_has_no_value() -> None:
    """Two of 40 customers carry all weight: a resample misses both one time in seven."""
    weight, reward = np.zeros(40), np.zeros(40)
    weight[:2], reward[:2] = 40.0, (3.0, 5.0)
    found = bootstrap(snips(weight, reward), np.arange(40), rng=generator("test", 8))
    assert (found.low, found.high) == (-np.inf, np.inf)


def test_bootstrap_agrees_with_the_delta_method_on_clusters_of_unequal_size() -> None:
    """Both are right to first order, so with 400 clusters their errors differ by a few percent."""
    rng = np.random.default_rng(5)
    clusters = np.repeat(np.arange(400), rng.integers(1, 6, 400))
    weight = rng.exponential(size=len(clusters))
    reward = rng.normal(size=400)[clusters] + rng.normal(size=len(clusters))
    for terms in (ips(weight, reward), snips(weight, reward)):
        exact = asymptotic(terms, clusters)
        drawn = bootstrap(terms, clusters, rng=generator("test", 2), resamples=2000)
        assert drawn.stderr == pytest.approx(exact.stderr, rel=0.1)
        assert drawn.low == pytest.approx(exact.low, abs=0.3 * exact.stderr)
        assert drawn.high == pytest.approx(exact.high, abs=0.3 * exact.stderr)


def test_bootstrap_is_a_function_of_its_key(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same key gives the same interval, in blocks of any size; another key another one."""
    values = np.random.default_rng(6).normal(size=60)
    first = bootstrap(_mean(values), np.arange(60), rng=generator("test", 3), resamples=150)
    monkeypatch.setattr("agents.ope.intervals._BLOCK", 60 * 7)
    again = bootstrap(_mean(values), np.arange(60), rng=generator("test", 3), resamples=150)
    other = bootstrap(_mean(values), np.arange(60), rng=generator("test", 4), resamples=150)
    assert again == first
    assert other != first


@pytest.mark.parametrize("kind", ["student", "bootstrap"])
def test_intervals_cover_the_truth_as_often_as_they_say(bandit: Any, kind: str) -> None:
    """95 % intervals of IPS and SNIPS over 400 logs of customers with correlated rows.

    The band is 95 % plus or minus four binomial standard errors. Intervals that take rows for
    independent fall out of it.
    """
    truth, replications = bandit.truth(), 400
    covered = {"ips": 0, "snips": 0}
    naive = 0
    for replication in range(replications):
        rng = generator("coverage", replication)
        drawn = bandit(rng, customers=150, rows_each=4)
        weight = importance_weights(drawn.target, drawn.log.action, drawn.log.propensity)
        for name, form in (("ips", ips), ("snips", snips)):
            terms = form(weight, drawn.log.reward_minor)
            if kind == "student":
                found = asymptotic(terms, drawn.customer)
            else:
                found = bootstrap(terms, drawn.customer, rng=rng, resamples=300)
            covered[name] += found.low <= truth <= found.high
            if name == "snips":
                rows = asymptotic(terms, np.arange(len(terms)))
                naive += rows.low <= truth <= rows.high
    slack = 4 * np.sqrt(0.95 * 0.05 / replications)
    for name, count in covered.items():
        assert abs(count / replications - 0.95) < slack, name
    assert naive / replications < 0.95 - slack


def test_one_customer_says_nothing() -> None:
    """A single cluster has no spread to learn from: the interval is the whole line."""
    values = np.array([1.0, 2.0])
    clusters = np.zeros(2, dtype=np.int64)
    for found in (
        asymptotic(_mean(values), clusters),
        bootstrap(_mean(values), clusters, rng=generator("test", 5)),
    ):
        assert (found.low, found.high) == (-np.inf, np.inf)


def test_labels_become_codes() -> None:
    """Equal labels share a code; codes run from 0 without gaps."""
    np.testing.assert_array_equal(cluster_codes(np.array(["b", "a", "b", "c"])), [1, 0, 1, 2])


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"level": 0.0}, "level"),
        ({"level": 1.0}, "level"),
        ({"resamples": 10}, "resamples"),
        ({"clusters": np.arange(3)}, "clusters"),
    ],
)
def test_requests_out_of_range_are_refused(arguments: dict[str, Any], field: str) -> None:
    """Level, resamples and clusters are checked before anything is drawn."""
    full = {"clusters": np.arange(4), "rng": generator("test", 6), **arguments}
    clusters = full.pop("clusters")
    with pytest.raises(InvalidArgument) as refused:
        bootstrap(_mean(np.ones(4)), clusters, **full)
    assert refused.value.field == field
