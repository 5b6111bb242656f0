"""A linear regression with its whole Gram matrix: what the products' shortcuts must equal."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Float64 = NDArray[np.float64]


@dataclass(frozen=True)
class DenseSolution:
    """Posterior of d weights: mean (d,) and covariance (d, d)."""

    mean: Float64
    covariance: Float64

    @property
    def variance(self) -> Float64:
        """Marginal variances, (d,)."""
        return np.diag(self.covariance)


@dataclass(frozen=True)
class DenseSystem:
    """Rows of a design (n, d) with rewards (n,), solved by inverting."""

    design: Float64
    reward: Float64

    @property
    def diagonal(self) -> Float64:
        """Sums of squares of the columns, (d,)."""
        return (self.design**2).sum(axis=0)

    def solve(self, precision: Float64, noise: float = 1.0) -> DenseSolution:
        """Posterior under prior precisions (d,)."""
        covariance = np.linalg.inv(self.design.T @ self.design / noise + np.diag(precision))
        return DenseSolution(covariance @ (self.design.T @ self.reward / noise), covariance)

    def residual(self, mean: Float64) -> float:
        """Sum of squared errors of weights (d,)."""
        return float(((self.reward - self.design @ mean) ** 2).sum())
