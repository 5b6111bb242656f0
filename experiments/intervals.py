"""Intervals over seeds: each seed is one independent repetition of everything."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from troth.errors import InvalidArgument


@dataclass(frozen=True, slots=True)
class Interval:
    """A mean with its two-sided confidence interval."""

    mean: float
    low: float
    high: float

    @property
    def excludes_zero(self) -> bool:
        """True if the whole interval lies on one side of zero."""
        return self.low > 0.0 or self.high < 0.0


def student(values: ArrayLike, level: float) -> Interval:
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
    return Interval(mean, mean - half, mean + half)
