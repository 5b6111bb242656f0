"""Intervals over seeds, each one repetition of everything, and over customers of one seed."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from troth.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class MeanInterval:
    """A mean with its two-sided confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """True if the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


def student(values: ArrayLike, level: float) -> MeanInterval:
    """Student's t interval of the mean of independent repetitions.

    Give it paired differences to compare two policies on the same seeds.

    Args:
        values: float (s,), one per seed, s >= 2.
        level: confidence level in (0, 1).

    Raises:
        InvalidArgument: for fewer than two values or a non-finite one.
    """
    from scipy.stats import t

    sample = np.asarray(values, dtype=np.float64)
    if sample.ndim != 1 or sample.size < 2:
        raise InvalidArgument("an interval needs two values or more", field="values")
    if not np.isfinite(sample).all():
        raise InvalidArgument("not finite", field="values")
    mean = float(sample.mean())
    stderr = float(sample.std(ddof=1) / np.sqrt(sample.size))
    half = float(t.ppf(0.5 + level / 2.0, sample.size - 1)) * stderr
    return MeanInterval(mean, mean - half, mean + half)


def counted(counts: ArrayLike, level: float) -> MeanInterval:
    """Interval of the mean of counts per customer, never below zero and never of width zero.

    Garwood's exact interval of a Poisson total, for counts that vary phi times as much as
    Poisson's: with total T over n customers, phi = variance / mean and k = T / phi, it runs
    from chi2(alpha / 2; 2 k) / 2 to chi2(1 - alpha / 2; 2 k + 2) / 2, times phi / n. Where all
    counts are alike, phi is taken for 1: that nothing was seen does not say that nothing is.

    Reference: F. Garwood (1936), Fiducial limits for the Poisson distribution, Biometrika 28.

    Args:
        counts: non-negative numbers (n,), one per customer, n >= 2.
        level: confidence level in (0, 1).

    Raises:
        InvalidArgument: for fewer than two counts, or one that is negative or not finite.
    """
    from scipy.stats import chi2

    sample = np.asarray(counts, dtype=np.float64)
    if sample.ndim != 1 or sample.size < 2:
        raise InvalidArgument("an interval needs two counts or more", field="counts")
    if not np.isfinite(sample).all() or sample.min() < 0.0:
        raise InvalidArgument("negative or not finite", field="counts")
    mean, variance = float(sample.mean()), float(sample.var(ddof=1))
    phi = variance / mean if variance > 0.0 else 1.0
    k, alpha = float(sample.sum()) / phi, 1.0 - level
    low = float(chi2.ppf(alpha / 2.0, 2.0 * k)) / 2.0 if k > 0.0 else 0.0
    high = float(chi2.ppf(1.0 - alpha / 2.0, 2.0 * k + 2.0)) / 2.0
    return MeanInterval(mean, low * phi / sample.size, high * phi / sample.size)
