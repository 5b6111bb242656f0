"""Offers: what they pull, whom they suit, and whom a contact moves at all.

    strength_k = channel response * kind response
                 * (discount / 10 %) ** e_d      where there is a discount
                 * (points / 500) ** e_p         where there are points
    fit_io     = log-normal, mean 1; that of discounts times the customer's price sensitivity

Uplift groups (Radcliffe & Surry, "Real-world uplift modelling with significance-based uplift
trees", 2011): sure things, persuadables, lost causes, sleeping dogs. P(group g | i) is
proportional to share_g * exp(slope_g * (F(lambda_i) - 1/2)) with F the distribution function
of purchase rates, so that frequent buyers are more often sure things. No sourced figure exists
for the shares: they are knobs of the scenario.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.scenarios import Scenario
from simulator.scenarios.sections import PersuadabilitySection
from simulator.state.codes import DISCOUNT_KIND
from troth.catalogue import OFFER_KINDS

Float = NDArray[np.float64]

GROUPS = tuple(PersuadabilitySection.model_fields)
"""The uplift groups, in the order of their section."""
USUAL_DISCOUNT, USUAL_POINTS = 0.10, 500.0
"""What an offer's discount and points are measured by."""
SERVICE_RECOVERY = "service_recovery"
"""The one journey that an open ticket does not turn against its sender."""


@dataclass(frozen=True)
class GroupTable:
    """How the uplift groups are drawn, columns of length 4 in the order of :data:`GROUPS`."""

    share: Float
    rate_slope: Float

    @classmethod
    def of(cls, scenario: Scenario) -> GroupTable:
        """The columns."""
        sections = [getattr(scenario.persuadability, name) for name in GROUPS]
        return cls(
            **{
                name: np.array([getattr(section, name) for section in sections])
                for name in ("share", "rate_slope")
            }
        )

    def draw(self, rate_quantile: Float, uniform: Float) -> NDArray[np.uint8]:
        """uint8 (n,): a group per customer, from the quantile of their rate and a uniform."""
        weights = self.share[:, None] * np.exp(
            self.rate_slope[:, None] * (rate_quantile[None, :] - 0.5)
        )
        cumulative = np.cumsum(weights, axis=0)
        drawn: NDArray[np.uint8] = np.argmax(cumulative > uniform * cumulative[-1], axis=0).astype(
            np.uint8
        )
        return drawn


def draw_fit(
    scenario: Scenario, price_sensitivity: Float, seed: int, index: NDArray[np.int64]
) -> NDArray[np.float32]:
    """float32 (O, n): how well each kind of offer suits each customer; row 0 is 1."""
    fit = np.ones((len(OFFER_KINDS), index.shape[0]), dtype=np.float32)
    for o, kind in enumerate(OFFER_KINDS[1:], start=1):
        u = kernel.uniforms(seed, index, purpose=Purpose.TRAIT_OFFER, step=o)[0]
        sigma = scenario.kinds[kind].fit_sigma
        fit[o] = np.exp(sigma * ndtri(u) - 0.5 * sigma**2)
    fit[DISCOUNT_KIND] *= price_sensitivity.astype(np.float32)
    return fit
