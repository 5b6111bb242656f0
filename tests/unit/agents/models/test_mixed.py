"""Shared weights and own effects against the design matrix that is never formed."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from agents.learners.bandits.empirical_bayes import FLAT, Expectation, maximise_evidence
from agents.models.bilinear import BilinearMoments, with_intercept
from agents.models.mixed import MixedEquations
from tests.support.dense import DenseSystem
from troth.errors import InvalidArgument

ROWS, WIDTH, ACTIONS = 400, 3, 6
TWINS = (2, 3)
NEVER = 5
FEATURES = np.array([[0.0, 0.0], [1.0, 0.3], [1.0, -1.0], [1.0, -1.0], [1.0, 2.0], [1.0, 0.5]])
SHARED = (WIDTH + 1) * (FEATURES.shape[1] + 1)
Float64 = NDArray[np.float64]


def rows(seed: int = 7) -> tuple[Float64, NDArray[np.int64], Float64]:
    """Contexts, actions (the last is never taken) and rewards in which the twins differ."""
    rng = np.random.default_rng(seed)
    contexts = rng.normal(size=(ROWS, WIDTH))
    action = rng.integers(0, ACTIONS - 1, ROWS)
    lift = np.array([0.0, 1.0, 3.0, -3.0, 0.5, 9.0])[action]
    reward = lift * (1.0 + 0.5 * contexts[:, 1]) + contexts[:, 0] + rng.normal(size=ROWS)
    return contexts, action, reward


def moments(weight: Float64 | None = None) -> BilinearMoments:
    """The sums of the rows."""
    return BilinearMoments(WIDTH, FEATURES).add(*rows(), weight)


def dense(own: NDArray[np.int64], weight: Float64 | None = None) -> DenseSystem:
    """The same regression, one column per weight."""
    contexts, action, reward = rows()
    z, u = with_intercept(contexts), with_intercept(FEATURES)[action]
    shared = (z[:, :, None] * u[:, None, :]).reshape(ROWS, -1)
    each = np.eye(ACTIONS)[action][:, :, None] * z[:, None, own]
    scale = np.ones(ROWS) if weight is None else np.sqrt(weight)
    design = np.hstack((shared, each.reshape(ROWS, -1)))
    return DenseSystem(design * scale[:, None], reward * scale)


def precisions(own: NDArray[np.int64]) -> Float64:
    """Some prior precision for each weight, over four orders of magnitude."""
    rng = np.random.default_rng(3)
    return 10.0 ** rng.uniform(-2, 2, SHARED + ACTIONS * len(own))


OWN = [np.arange(0), np.array([0]), np.array([0, 2]), np.arange(WIDTH + 1)]


@pytest.mark.parametrize("own", OWN, ids=len)
def test_solution_is_that_of_the_dense_design(own: NDArray[np.int64]) -> None:
    """Mean, marginal variances, residual and column squares, with weighed rows and noise."""
    weight = np.random.default_rng(8).uniform(0, 2, ROWS)
    equations, whole = MixedEquations(moments(weight), own), dense(own, weight)
    assert equations.size == whole.design.shape[1]
    np.testing.assert_allclose(equations.diagonal, whole.diagonal, rtol=1e-10)
    found = equations.solve(precisions(own), 2.5)
    expected = whole.solve(precisions(own), 2.5)
    np.testing.assert_allclose(found.mean, expected.mean, rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(found.variance, expected.variance, rtol=1e-9)
    np.testing.assert_allclose(
        equations.residual(found.mean), whole.residual(expected.mean), rtol=1e-9
    )


def test_predictions_are_those_of_the_dense_design() -> None:
    """A row's predicted reward is its design row times the weights."""
    own = OWN[-1]
    contexts, action, _ = rows()
    fit, whole = MixedEquations(moments(), own).solve(precisions(own)), dense(own)
    expected = whole.design @ whole.solve(precisions(own)).mean
    predicted = with_intercept(contexts) @ fit.coefficients
    assert predicted.shape == (ROWS, ACTIONS)
    np.testing.assert_allclose(predicted[np.arange(ROWS), action], expected, atol=1e-9)


def test_draws_have_the_posterior_covariance() -> None:
    """Of all weights together: what ties an own effect to the shared weights is in it."""
    own = np.array([0, 2])
    equations = MixedEquations(moments(), own)
    fit, expected = equations.solve(precisions(own)), dense(own).solve(precisions(own))
    draws = fit.draw(np.random.default_rng(5).standard_normal((400_000, equations.size)))
    scale = np.sqrt(expected.variance)
    np.testing.assert_allclose((draws.mean(axis=0) - expected.mean) / scale, 0.0, atol=0.01)
    np.testing.assert_allclose(
        np.cov(draws.T) / np.outer(scale, scale),
        expected.covariance / np.outer(scale, scale),
        atol=0.01,
    )


def test_opposite_normals_give_opposite_draws() -> None:
    """Antithetic pairs have the posterior mean as their mean, own effects and all."""
    own = OWN[-1]
    equations = MixedEquations(moments(), own)
    fit = equations.solve(precisions(own))
    half = np.random.default_rng(5).standard_normal((3, equations.size))
    draws = fit.draw(np.concatenate((half, -half)))
    np.testing.assert_allclose(draws[:3] + draws[3:], 2 * np.tile(fit.mean, (3, 1)), atol=1e-9)


@pytest.mark.parametrize("sparsity", [0.0, 0.5])
def test_evidence_is_that_of_the_dense_design(sparsity: float) -> None:
    """Learned variances of shared weights and of own effects do not depend on the shortcut."""
    own = np.array([0, 2])
    groups = np.concatenate(([FLAT], np.arange(SHARED - 1) % 2, np.tile([2, 3], ACTIONS)))
    _, _, reward = rows()
    found, expected = (
        maximise_evidence(
            system,
            ROWS,
            float(reward @ reward),
            groups,
            expectation=Expectation(group=2, others=frozenset({1}), share=0.3, weights=2.0),
            iterations=30,
            sparsity=sparsity,
        )
        for system in (MixedEquations(moments(), own), dense(own))
    )
    np.testing.assert_allclose(found.precision, expected.precision, rtol=1e-6)
    np.testing.assert_allclose(found.noise, expected.noise, rtol=1e-9)
    np.testing.assert_allclose(found.solution.mean, expected.solution.mean, atol=1e-8)
    assert found.iterations == expected.iterations


def test_twins_are_told_apart_and_the_untried_is_its_attributes() -> None:
    """Own effects follow the rows; without a row there is none."""
    own = np.array([0])
    fit = MixedEquations(moments(), own).solve(np.ones(SHARED + ACTIONS))
    apart = fit.coefficients[0, TWINS[0]] - fit.coefficients[0, TWINS[1]]
    assert apart == pytest.approx(6.0, abs=0.5)
    assert fit.own[NEVER, 0] == 0.0


def test_without_own_effects_twins_are_one() -> None:
    """Attributes alone cannot tell equal attributes apart."""
    fit = MixedEquations(moments(), np.arange(0)).solve(np.ones(SHARED))
    np.testing.assert_array_equal(fit.coefficients[:, TWINS[0]], fit.coefficients[:, TWINS[1]])


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.inf, np.nan])
def test_a_precision_that_is_none_is_refused(wrong: float) -> None:
    """Without a prior the solution need not exist."""
    precision = np.ones(SHARED + ACTIONS)
    precision[-1] = wrong
    with pytest.raises(InvalidArgument, match="above 0"):
        MixedEquations(moments(), np.array([0])).solve(precision)
