"""Purchases by the day against the integral written out."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.special import gammaln

from simulator.calibration.whole_days import correction


@pytest.mark.parametrize(
    ("r", "alpha_weeks", "x", "days"),
    [(0.8, 10.0, 0, 300), (0.8, 10.0, 5, 300), (0.8, 10.0, 60, 300), (1.5, 2.0, 40, 400),
     (1.5, 2.0, 200, 400), (0.3, 5.0, 1, 3)],
)  # fmt: skip
def test_correction_is_the_ratio_of_the_integrals(
    r: float, alpha_weeks: float, x: int, days: int
) -> None:
    """p^x (1-p)^(m-x) over p^x exp(-p m), both integrated over the gamma distribution of p."""
    prior = 7.0 * alpha_weeks
    shape, top = r + x, (r + x) / (prior + days)

    def integrand(p: float) -> float:
        by_day = (shape - 1.0) * np.log(p) + (days - x) * np.log1p(-p) - prior * p
        scale = (shape - 1.0) * np.log(top) - (prior + days) * top
        return float(np.exp(by_day - scale))

    low = quad(integrand, 0.0, top, limit=400)[0] + quad(integrand, top, 1.0, limit=400)[0]
    log_scale = (shape - 1.0) * np.log(top) - (prior + days) * top
    exact = np.log(low) + log_scale - (gammaln(shape) - shape * np.log(prior + days))
    found = correction(r, alpha_weeks, x, np.array([days / 7.0]))[0]
    assert found == pytest.approx(exact, abs=0.02)
