"""Statistics of the moments, and standard errors of means, ratios and shares."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Float = NDArray[np.float64]


def gini(values: Float) -> float:
    """Gini coefficient of values >= 0, in [0, 1); NaN where they sum to 0."""
    ordered = np.sort(values)
    n = ordered.size
    total = ordered.sum()
    if n == 0 or total <= 0.0:
        return float("nan")
    ranks = np.arange(1, n + 1)
    return float((2.0 * (ranks * ordered).sum() / total - (n + 1)) / n)


def top_share(values: Float, share: float) -> float:
    """Share of the total that the largest ``share`` of the values hold, in [0, 1]."""
    ordered = np.sort(values)[::-1]
    most = round(share * ordered.size)
    return float(ordered[:most].sum() / ordered.sum()) if ordered.sum() > 0.0 else float("nan")


def variance_parts(group: NDArray[np.int64], values: Float) -> tuple[float, float]:
    """Standard deviations (between, within) of groups: one-way random effects, ANOVA moments.

    Args:
        group: int64 (m,) labels >= 0.
        values: float64 (m,).
    """
    count = np.bincount(group)
    at = np.flatnonzero(count)
    n = count[at].astype(np.float64)
    mean = np.bincount(group, weights=values)[at] / n
    square = np.bincount(group, weights=values**2)[at] - n * mean**2
    freedom = max(values.size - at.size, 1)
    within = max(float(square.sum()) / freedom, 0.0)
    overall = float(values.mean())
    spread = float((n * (mean - overall) ** 2).sum()) / max(at.size - 1, 1)
    size = (values.size - float((n**2).sum()) / values.size) / max(at.size - 1, 1)
    return float(np.sqrt(max((spread - within) / size, 0.0))), float(np.sqrt(within))


def mean_error(values: Float, weights: Float | None = None) -> tuple[float, float]:
    """Weighted mean of independent values and its standard error; NaN for no weight.

    Args:
        values: float64 (n,).
        weights: float64 (n,) >= 0, all alike by default.
    """
    w = np.ones_like(values) if weights is None else weights
    total = w.sum()
    if total <= 0.0:
        return float("nan"), float("nan")
    mean = float((w * values).sum() / total)
    return mean, float(np.sqrt(((w * (values - mean)) ** 2).sum()) / total)


def ratio_error(top: Float, bottom: Float) -> tuple[float, float]:
    """Ratio of two sums over the same customers, and its linearised standard error.

    Args:
        top: float64 (n,) per customer.
        bottom: float64 (n,) per customer; where it sums to 0, both answers are NaN.
    """
    below = float(bottom.sum())
    if below == 0.0:
        return float("nan"), float("nan")
    ratio = float(top.sum()) / below
    return ratio, float(np.sqrt(((top - ratio * bottom) ** 2).sum()) / abs(below))


def share_error(successes: int, trials: int) -> tuple[float, float]:
    """A share and its standard error; NaN for no trial."""
    if trials == 0:
        return float("nan"), float("nan")
    share = successes / trials
    return share, float(np.sqrt(share * (1.0 - share) / trials))
