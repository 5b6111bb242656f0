"""What estimators answer with: sums over rows, or influence by customer."""

from __future__ import annotations

import numpy as np
import pytest

from agents.ope.data import OpeData
from agents.ope.intervals import asymptotic, bootstrap
from agents.ope.terms import ClusterInfluence, Terms, cluster_sums
from agents.ope.weighed import WeighedLog
from tests.support.logs import log_of
from troth.errors import FailedPrecondition, InvalidArgument
from troth.streams import generator

CLUSTERS = np.arange(300) // 3


def _both() -> tuple[Terms, ClusterInfluence]:
    """A ratio of sums, and the same by what it says of each customer."""
    rng = np.random.default_rng(8)
    terms = Terms(rng.normal(3.0, 2.0, 300), rng.uniform(0.5, 1.5, 300))
    return terms, ClusterInfluence(
        value=terms.value,
        influence=terms.influence_by(CLUSTERS),
        rows=300,
        size=terms.size,
    )


def test_influence_is_all_that_an_interval_needs() -> None:
    """The same interval to the bit; the bootstrap's ends agree to first order."""
    terms, by = _both()
    assert asymptotic(by, CLUSTERS) == asymptotic(terms, CLUSTERS)
    one, other = (
        bootstrap(answer, CLUSTERS, rng=generator("test", 9), resamples=400)
        for answer in (terms, by)
    )
    width = one.high - one.low
    assert other != one
    for end in ("low", "high"):
        assert abs(getattr(other, end) - getattr(one, end)) < 0.1 * width


def test_replicates_are_used_where_there_are_any() -> None:
    """With those of the ratio the bootstrap is the ratio's."""
    terms, by = _both()
    same = ClusterInfluence(
        value=by.value,
        influence=by.influence,
        rows=300,
        size=by.size,
        replicates=terms.resampler(CLUSTERS),
    )
    drawn = {"rng": generator("test", 10), "resamples": 200}
    again = {"rng": generator("test", 10), "resamples": 200}
    assert bootstrap(same, CLUSTERS, **drawn) == bootstrap(terms, CLUSTERS, **again)


def test_influence_of_other_customers_is_refused() -> None:
    """Sums by one grouping say nothing of another."""
    terms, by = _both()
    for wrong in (np.arange(300), CLUSTERS[:-1]):
        with pytest.raises(InvalidArgument, match="clusters"):
            asymptotic(by, wrong)
    with pytest.raises(InvalidArgument, match="clusters"):
        asymptotic(terms, CLUSTERS[:-1])
    np.testing.assert_allclose(sum(cluster_sums(CLUSTERS, 300, terms.influence)), by.influence)


def test_a_reward_model_is_there_for_those_who_declare_it() -> None:
    """And fitted once for all targets on a log; q is that of the action served."""
    rng = np.random.default_rng(3)
    log = log_of(
        action=rng.integers(0, 2, 90),
        propensity=np.full(90, 0.5),
        reward=rng.normal(size=90),
        actions=2,
        raw=rng.normal(size=(90, 2)),
    )
    data, target = OpeData.of(log), np.full((90, 2), 0.5)
    assert data.q_hat is data.q_hat
    with pytest.raises(FailedPrecondition, match="does not declare"):
        _ = WeighedLog(data, target).expected
    weighed = WeighedLog(data, target, data.q_hat)
    np.testing.assert_allclose(weighed.expected, data.q_hat.mean(axis=1))
    np.testing.assert_array_equal(weighed.predicted, data.q_hat[np.arange(90), log.action])
    np.testing.assert_array_equal(weighed.weight, np.ones(90))
    assert not np.array_equal(OpeData.of(log, folds=7).q_hat, data.q_hat)
