"""The two-sample test finds differences where there are any, and none where there are none."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from sklearn.metrics import roc_auc_score

from simulator.validity.classifier import auc, tell_apart, two_sample
from simulator.validity.features import NAMES, customer_features
from simulator.validity.transactions import TransactionLog


def test_auc_agrees_with_scikit_learn() -> None:
    """The area, ties included, is the one that scikit-learn computes."""
    draw = np.random.default_rng(1)
    label = draw.random(300) < 0.4
    score = np.round(draw.normal(size=300) + label, 1)
    assert auc(score, label)[0] == pytest.approx(roc_auc_score(label, score))


def test_auc_error_has_the_right_size() -> None:
    """DeLong's error agrees with the spread over fresh samples."""
    draw = np.random.default_rng(2)
    label = np.arange(200) >= 100
    found = np.array([auc(draw.normal(size=200) + label, label) for _ in range(200)])
    assert found[:, 1].mean() == pytest.approx(found[:, 0].std(), rel=0.15)


def test_same_law_is_not_told_apart_and_another_is() -> None:
    """Chance for two samples of one law; far from chance for a shifted one, and it is known why."""
    draw = np.random.default_rng(3)
    first, second = draw.normal(size=(600, 4)), draw.normal(size=(600, 4))
    same = tell_apart(first, second, 1)
    assert abs(same.auc - 0.5) < 4.0 * same.stderr
    second[:, 2] += 1.5
    moved = tell_apart(first, second, 1)
    assert moved.auc > 0.8
    assert int(np.argmax(moved.importance)) == 2


def test_features_known_answers(log: TransactionLog) -> None:
    """Counts, gaps and baskets of three customers, by hand; unknown where there are too few."""
    table = dict(zip(NAMES, customer_features(log).T, strict=True))
    assert table["purchases"].tolist() == [3.0, 1.0, 2.0]
    assert table["days since the last"].tolist() == [4.0, 12.0, 9.0]
    assert table["mean gap"][[0, 2]].tolist() == [5.0, 4.0]
    assert np.isnan(table["mean gap"][1])
    assert table["longest gap"][0] == 8.0
    assert table["shortest gap"][0] == 2.0
    assert table["first basket"].tolist() == [5.0, 3.0, 8.0]
    assert table["largest basket"].tolist() == [20.0, 3.0, 8.0]
    assert table["weekend share"][0] == pytest.approx(2.0 / 3.0)
    assert table["purchases in the first third"].tolist() == [2.0, 1.0, 2.0]


def test_two_sample_rows(
    cohort: TransactionLog, make_cohort: Callable[..., TransactionLog]
) -> None:
    """A cohort with far fewer returns is told apart; the reference of real with real is chance."""
    few = np.arange(cohort.customers) < 900
    found = two_sample(cohort.of(few), make_cohort(4, weekly=0.005).of(few), "cdnow", "file", 1)
    apart, reference = found.rows
    assert apart.simulated is not None
    assert reference.simulated is not None
    assert apart.simulated > reference.simulated + 0.1
    assert abs(reference.simulated - 0.5) < 4.0 * (reference.stderr or 0.0)
    assert apart.note.startswith("area lost without")
