"""The bilinear ridge model against the design matrix it never forms."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.models.bilinear import BilinearMoments, kronecker_sum, with_intercept
from troth.errors import InvalidArgument

ROWS, WIDTH, ACTIONS, FEATURES = 200, 3, 5, 2


def _data() -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.float64], ...]:
    rng = np.random.default_rng(7)
    contexts = rng.normal(size=(ROWS, WIDTH))
    action = rng.integers(0, ACTIONS, ROWS)
    features = rng.normal(size=(ACTIONS, FEATURES))
    return contexts, action, rng.normal(size=ROWS), features


def _design(
    contexts: NDArray[np.float64], action: NDArray[np.int64], features: NDArray[np.float64]
) -> NDArray[np.float64]:
    z, u = with_intercept(contexts), with_intercept(features)[action]
    return (z[:, :, None] * u[:, None, :]).reshape(len(action), -1)


def _gram(moments: BilinearMoments) -> NDArray[np.float64]:
    return kronecker_sum(moments.outer, moments.actions)


def test_moments_equal_those_of_the_kronecker_design() -> None:
    """Products and sums are phi'phi and phi'y, also when weighed and added in two parts."""
    contexts, action, reward, features = _data()
    weight = np.random.default_rng(8).uniform(0, 2, ROWS)
    design = _design(contexts, action, features)
    first = BilinearMoments(WIDTH, features).add(
        contexts[:90], action[:90], reward[:90], weight[:90]
    )
    second = BilinearMoments(WIDTH, features).add(
        contexts[90:], action[90:], reward[90:], weight[90:]
    )
    both = first + second
    np.testing.assert_allclose(_gram(both), design.T @ (design * weight[:, None]), atol=1e-10)
    np.testing.assert_allclose(
        (both.cross.T @ both.actions).reshape(-1), design.T @ (weight * reward), atol=1e-10
    )
    np.testing.assert_allclose(both.rows, weight.sum())
    np.testing.assert_allclose(both.squares.sum(), weight @ reward**2)


def test_held_out_error_comes_from_the_moments() -> None:
    """The error of other rows' weights is the same as by a pass over the rows."""
    contexts, action, reward, features = _data()
    weights = np.random.default_rng(9).normal(size=(WIDTH + 1, FEATURES + 1))
    moments = BilinearMoments(WIDTH, features).add(contexts, action, reward)
    residual = reward - _design(contexts, action, features) @ weights.reshape(-1)
    np.testing.assert_allclose(
        moments.squared_error(weights @ moments.actions.T), residual @ residual, rtol=1e-10
    )


def test_chunks_do_not_change_the_sums(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows are converted in chunks: their size is invisible."""
    contexts, action, reward, features = _data()
    whole = BilinearMoments(WIDTH, features).add(contexts, action, reward)
    monkeypatch.setattr("agents.models.bilinear._CHUNK", 17)
    parts = BilinearMoments(WIDTH, features).add(contexts, action, reward)
    np.testing.assert_allclose(_gram(parts), _gram(whole), atol=1e-10)


@pytest.mark.parametrize(
    ("contexts", "action", "reward", "field"),
    [
        (np.ones((2, 4)), np.zeros(2, int), np.ones(2), "contexts"),
        (np.ones((2, 3)), np.array([0, 9]), np.ones(2), "action"),
        (np.ones((2, 3)), np.zeros(2, int), np.ones(3), "reward"),
    ],
)
def test_bad_rows_are_refused(
    contexts: NDArray[np.float64],
    action: NDArray[np.int64],
    reward: NDArray[np.float64],
    field: str,
) -> None:
    """A wrong shape or an unknown action is named, and nothing is added."""
    moments = BilinearMoments(WIDTH, np.eye(ACTIONS))
    with pytest.raises(InvalidArgument) as refused:
        moments.add(contexts, action, reward)
    assert refused.value.field == field
    assert moments.rows == 0


def test_moments_of_different_catalogues_do_not_add() -> None:
    """Sums over different action features mean different things."""
    with pytest.raises(InvalidArgument, match="different models"):
        BilinearMoments(WIDTH, np.eye(2)) + BilinearMoments(WIDTH, 2 * np.eye(2))
