"""How much a purchase is worth: log-normal within and between customers.

    ln basket = mu + sigma_between * z_i + sigma_within * e,   z, e ~ N(0, 1)
    E[basket | i] = exp(mu + sigma_between * z_i + sigma_within**2 / 2)

The share of variance between and within customers is fitted to CDNOW by ``troth calibrate``;
Complete Journey has 0.65 between and 0.96 within.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios.processes import SpendFigures

Float = NDArray[np.float64]

MINOR_PER_MAJOR = 100.0


def normal(first: Float, second: Float) -> Float:
    """Standard normal (n,) from two uniforms in (0, 1): Box & Muller 1958."""
    return np.sqrt(-2.0 * np.log(first)) * np.cos(2.0 * np.pi * second)


def draw_means(figures: SpendFigures, first: Float, second: Float) -> Float:
    """Mean of ln basket in major units per customer, float64 (n,), from two uniforms."""
    return figures.mu + figures.sigma_between * normal(first, second)


def basket_minor(figures: SpendFigures, mean: Float, first: Float, second: Float) -> Float:
    """Baskets in whole minor units, float64 (n,) >= 1, from two uniforms."""
    major = np.exp(mean + figures.sigma_within * normal(first, second))
    return np.maximum(np.rint(major * MINOR_PER_MAJOR), 1.0)


def expected_minor(figures: SpendFigures, mean: Float) -> Float:
    """E[basket] in minor units, float64 (n,); rounding to whole units has no bias to speak of."""
    return np.exp(mean + 0.5 * figures.sigma_within**2) * MINOR_PER_MAJOR
