"""How noisy each row's reward is, from the context alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from agents.models.bilinear import with_intercept

Float64 = NDArray[np.float64]

_STEPS = 15
_RIDGE = 1e-3
_LOWEST, _HIGHEST = -8.0, 5.0
"""Bounds of the log of expected takings, relative to that of their mean."""
_PRIOR_ROWS = 100.0
"""Rows by which the variance of a class is pulled towards that of the whole."""


def expected_takings(encoded: NDArray[np.floating], reward: Float64) -> Float64:
    """Fit E[max(reward, 0) | x] = exp([1, x]' w) by quasi-Poisson regression.

    Whoever buys often and much has rewards that are large and noisy alike, over several
    orders of magnitude, which a linear regression cannot rank.

    Args:
        encoded: float (n, D).
        reward: float64 (n,).

    Returns:
        float64 (n,), >= 0; all zero if no reward is positive.

    References:
        P. McCullagh & J. A. Nelder, "Generalized Linear Models", 2nd ed., Chapman & Hall
        1989, section 2.5 (Newton's method) and chapter 9 (quasi-likelihood).
    """
    takings = np.maximum(reward, 0.0)
    mean = float(takings.mean())
    if mean == 0.0:
        return np.zeros(len(reward))
    rows = with_intercept(encoded)
    level = np.log(mean)
    weights = np.zeros(rows.shape[1])
    weights[0] = level
    penalty = np.full(rows.shape[1], _RIDGE * mean * len(rows))
    penalty[0] = 0.0
    fitted = np.full(len(rows), mean)
    for _ in range(_STEPS):
        curvature = (rows * fitted[:, None]).T @ rows
        curvature[np.diag_indices_from(curvature)] += penalty
        # Keeps the step defined where a column never varies among those who buy.
        curvature[np.diag_indices_from(curvature)] += 1e-9 * np.trace(curvature)
        slope = rows.T @ (takings - fitted) - penalty * weights
        weights = weights + np.linalg.solve(curvature, slope)
        fitted = np.exp(np.clip(rows @ weights, level + _LOWEST, level + _HIGHEST))
    return fitted


def precision_weights(encoded: NDArray[np.floating], reward: Float64, classes: int) -> Float64:
    """Inverse noise variance of each row's class of customers.

    Rows are sorted by :func:`expected_takings` into classes of equal size; a class's variance
    is that of its rewards, pulled towards the whole's by 100 rows.

    Args:
        encoded: float (n, D).
        reward: float64 (n,).
        classes: how many, >= 1; with 1 all rows weigh the same.

    Returns:
        float64 (n,), > 0, mean 1.
    """
    overall = float(reward.var())
    if classes == 1 or overall == 0.0:
        return np.ones(len(reward))
    takings = expected_takings(encoded, reward)
    edges = np.quantile(takings, np.linspace(0.0, 1.0, classes + 1)[1:-1])
    group = np.searchsorted(edges, takings)
    count = np.bincount(group, minlength=classes)
    mean = np.bincount(group, reward, minlength=classes) / np.maximum(count, 1)
    squares = np.bincount(group, (reward - mean[group]) ** 2, minlength=classes)
    variance = (squares + _PRIOR_ROWS * overall) / (count + _PRIOR_ROWS)
    weight: Float64 = 1.0 / variance[group]
    weight /= weight.mean()
    return weight
