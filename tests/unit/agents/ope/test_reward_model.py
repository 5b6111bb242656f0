"""The cross-fitted reward model: folds by customer, no leakage, a sensible penalty."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from agents.models.bilinear import BilinearMoments
from agents.ope.reward_model import cross_fit, customer_folds
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch
from troth.streams import generator

MakeLog = Callable[..., LoggedBatch]


def _linear(make_log: MakeLog, n: int = 3000, noise: float = 0.1) -> LoggedBatch:
    rng = np.random.default_rng(21)
    raw, action = rng.normal(size=(n, 2)), rng.integers(0, 3, n)
    reward = 5 + raw[:, 0] * 0.5 * action + noise * rng.normal(size=n)
    made: LoggedBatch = make_log(
        action=action,
        propensity=np.full(n, 1 / 3),
        reward=reward,
        actions=3,
        raw=raw,
        customer=np.arange(n) // 3,
    )
    return made


def test_folds_keep_customers_together_and_are_about_equal() -> None:
    """A fold is a property of the customer alone: not of the order, nor of who else is there."""
    ids = np.array([f"C{c:08d}" for c in np.repeat(np.arange(900), 2)])
    folds = customer_folds(ids, 3)
    np.testing.assert_array_equal(folds[::2], folds[1::2])
    np.testing.assert_array_equal(customer_folds(ids[::-1][:100], 3), folds[::-1][:100])
    assert np.bincount(folds).min() > 500


def test_a_bilinear_reward_is_recovered(make_log: MakeLog) -> None:
    """Where the model is right, predictions of all actions are right, served or not."""
    log = _linear(make_log)
    truth = 5 + 0.5 * log.contexts.raw[:, :1].astype(np.float64) * np.arange(3)
    assert np.abs(cross_fit(log) - truth).max() < 0.05


def test_a_row_is_predicted_without_its_customer(make_log: MakeLog) -> None:
    """Changing one customer's rewards changes no prediction in that customer's own fold."""
    log = _linear(make_log)
    before = cross_fit(log, ridges=(1.0,), own_ridges=())
    reward = log.reward_minor.copy()
    reward[:3] += 1e4
    changed = dataclasses.replace(log, reward_minor=reward)
    after = cross_fit(changed, ridges=(1.0,), own_ridges=())
    fold = customer_folds(log.customer_id, 3)
    same = fold == fold[0]
    np.testing.assert_array_equal(after[same], before[same])
    assert np.abs(after[~same] - before[~same]).max() > 1.0


def test_censored_rows_teach_nothing_but_are_predicted(make_log: MakeLog) -> None:
    """An open outcome window has no reward yet: what stands there is not looked at."""
    log = _linear(make_log)
    censored = np.zeros(len(log), dtype=bool)
    censored[-300:] = True
    reward = log.reward_minor.copy()
    reward[-300:] = -1e6
    hidden = cross_fit(dataclasses.replace(log, reward_minor=reward, censored=censored))
    np.testing.assert_allclose(
        hidden[:-300], cross_fit(log.take(slice(0, len(log) - 300))), atol=1e-9
    )
    assert np.abs(hidden[-300:]).max() < 20


def test_the_penalty_with_the_least_held_out_error_is_used(make_log: MakeLog) -> None:
    """Pure noise asks for shrinkage, a clear signal for none."""
    clear, noisy = _linear(make_log), _linear(make_log, n=300, noise=50.0)
    for log, best in ((clear, 1.0), (noisy, 1000.0)):
        np.testing.assert_array_equal(
            cross_fit(log, ridges=(1.0, 1000.0)), cross_fit(log, ridges=(best,))
        )


def test_own_features_can_stand_in(make_log: MakeLog) -> None:
    """Action features given by the caller tell apart what the catalogue's cannot."""
    n = 900
    action = np.arange(n) % 3
    log = make_log(
        action=action,
        propensity=np.full(n, 1 / 3),
        reward=np.array([0.0, 7.0, -2.0])[action],
        actions=3,
    )
    predicted = cross_fit(log, contexts=np.zeros((n, 1)), action_features=np.eye(3), ridges=(1e-3,))
    np.testing.assert_allclose(predicted[0], [0.0, 7.0, -2.0], atol=0.01)


@pytest.mark.parametrize(
    ("arguments", "field"),
    [
        ({"folds": 1}, "folds"),
        ({"ridges": ()}, "ridges"),
        ({"ridges": (0.0,)}, "ridges"),
        ({"ridges": (np.inf,)}, "ridges"),
        ({"own_ridges": (np.inf,)}, "own_ridges"),
        ({"own_ridges": (-1.0,)}, "own_ridges"),
        ({"action_features": np.eye(5)}, "action_features"),
        ({"contexts": np.ones((5, 2))}, "contexts"),
    ],
)
def test_requests_that_cannot_be_are_refused(
    make_log: MakeLog, arguments: dict[str, Any], field: str
) -> None:
    """Folds, penalties and features are checked by name."""
    with pytest.raises(InvalidArgument) as refused:
        cross_fit(_linear(make_log, n=60), **arguments)
    assert refused.value.field == field


def test_moments_of_a_customer_do_not_enter_their_own_fit() -> None:
    """Leave-one-fold-out sums are exactly the sums over the other folds."""
    rng = generator("moments", 1)
    contexts, action = rng.normal(size=(90, 2)), rng.integers(0, 3, 90)
    reward, fold = rng.normal(size=90), np.arange(90) % 3
    parts = [
        BilinearMoments(2, np.eye(3)).add(contexts[fold == f], action[fold == f], reward[fold == f])
        for f in range(3)
    ]
    rest = BilinearMoments(2, np.eye(3)).add(
        contexts[fold != 1], action[fold != 1], reward[fold != 1]
    )
    both = parts[0] + parts[2]
    np.testing.assert_allclose(both.outer, rest.outer, atol=1e-12)
    np.testing.assert_allclose(both.cross, rest.cross, atol=1e-12)
