"""Estimators against values worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.ope.one_step.dm import dm
from agents.ope.one_step.dr import dr
from agents.ope.one_step.ips import ips
from agents.ope.one_step.snips import snips
from agents.ope.terms import Terms
from agents.ope.weights import expected_prediction, importance_weights
from troth.errors import InvalidArgument

DISTRIBUTION = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0], [0.4, 0.6]])
ACTION = np.array([1, 0, 1, 1])
PROPENSITY = np.array([0.5, 0.25, 0.5, 0.3])
REWARD = np.array([10.0, 0.0, 4.0, -1.0])
Q_HAT = np.array([[1.0, 8.0], [2.0, 2.0], [3.0, 5.0], [0.0, 0.0]])
WEIGHT = np.array([1.6, 2.0, 0.0, 2.0])
"""0.8/0.5, 0.5/0.25, 0/0.5, 0.6/0.3."""


def test_weights_are_target_over_propensity() -> None:
    """A weight is the target's probability of the action served over its propensity."""
    np.testing.assert_allclose(importance_weights(DISTRIBUTION, ACTION, PROPENSITY), WEIGHT)


def test_values_worked_out_by_hand() -> None:
    """Each formula, digit by digit, on four rows."""
    expected = expected_prediction(DISTRIBUTION, Q_HAT)
    np.testing.assert_allclose(expected, [6.6, 2.0, 3.0, 0.0])
    predicted = np.array([8.0, 2.0, 5.0, 0.0])
    assert ips(WEIGHT, REWARD).value == pytest.approx((16.0 - 2.0) / 4)
    assert snips(WEIGHT, REWARD).value == pytest.approx((16.0 - 2.0) / 5.6)
    assert dm(expected).value == pytest.approx(11.6 / 4)
    # 6.6 + 1.6*2, 2 + 2*(-2), 3 + 0*(-1), 0 + 2*(-1)
    assert dr(WEIGHT, REWARD, expected, predicted).value == pytest.approx((9.8 - 2 + 3 - 2) / 4)


def test_a_shift_of_the_reward_moves_snips_by_as_much() -> None:
    """Self-normalisation is equivariant to a shift; plain IPS here is not."""
    assert snips(WEIGHT, REWARD + 7).value == pytest.approx(snips(WEIGHT, REWARD).value + 7)
    assert ips(WEIGHT, REWARD + 7).value != pytest.approx(ips(WEIGHT, REWARD).value + 7)


def test_a_perfect_model_makes_dr_free_of_noise_from_the_weights() -> None:
    """With q equal to the rewards seen, DR is DM whatever the weights."""
    q_hat = np.repeat(REWARD[:, None], 2, axis=1)
    expected = expected_prediction(DISTRIBUTION, q_hat)
    doubly = dr(WEIGHT, REWARD, expected, REWARD)
    np.testing.assert_allclose(doubly.numerator, dm(expected).numerator)


def test_influence_sums_to_zero_and_gives_the_derivative() -> None:
    """Influence is the estimate's derivative in the weight of a row, the delta method's core."""
    for terms in (ips(WEIGHT, REWARD), snips(WEIGHT, REWARD)):
        assert terms.influence.sum() == pytest.approx(0.0, abs=1e-12)
        for row in range(4):
            rows = np.ones(4)
            rows[row] += 1e-6
            moved = (rows @ terms.numerator) / (rows @ terms.denominator)
            slope = 4 * (moved - terms.value) / 1e-6
            assert slope == pytest.approx(terms.influence[row], rel=1e-4)


def test_a_target_that_was_never_played_is_worth_zero() -> None:
    """SNIPS of no weight at all is 0 with no influence, not a division by zero."""
    terms = snips(np.zeros(3), np.ones(3))
    assert terms.value == 0.0
    assert not terms.influence.any()


def test_terms_know_their_length() -> None:
    """The number of rows is that of the numerator."""
    assert len(Terms(np.ones(3), np.ones(3))) == 3


@pytest.mark.parametrize(
    ("change", "field"),
    [
        ({"propensity": np.array([0.5, 0.0, 0.5, 0.5])}, "propensity"),
        ({"propensity": np.array([0.5, 1.1, 0.5, 0.5])}, "propensity"),
        ({"propensity": np.array([0.5, np.nan, 0.5, 0.5])}, "propensity"),
        ({"propensity": np.array([0.5, 5e-324, 0.5, 0.5])}, "propensity"),
        ({"propensity": np.ones(3)}, "propensity"),
        ({"action": np.array([0, 1, 2, 0])}, "action"),
        ({"action": np.array([0, 1, -1, 0])}, "action"),
        ({"action": np.array([0, 1])}, "action"),
    ],
)
def test_rows_that_cannot_be_are_refused(change: dict[str, Any], field: str) -> None:
    """Propensities outside (0, 1], or too small to divide by, and unknown actions are named."""
    good = {"action": ACTION, "propensity": PROPENSITY}
    with pytest.raises(InvalidArgument) as refused:
        importance_weights(DISTRIBUTION, **{**good, **change})
    assert refused.value.field == field


@pytest.mark.parametrize("q_hat", [np.ones((4, 3)), np.full((4, 2), np.nan)])
def test_a_reward_model_that_does_not_fit_is_refused(q_hat: np.ndarray) -> None:
    """Predictions must be finite, one per row and action."""
    with pytest.raises(InvalidArgument) as refused:
        expected_prediction(DISTRIBUTION, q_hat)
    assert refused.value.field == "q_hat"
