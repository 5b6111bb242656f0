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
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from simulator import kernel
from simulator.channels import ChannelTable, log_normal
from simulator.purposes import Purpose
from simulator.scenarios import Scenario
from troth.catalogue import OFFER_KINDS, OfferKind

Float = NDArray[np.float64]

GROUPS = ("sure_thing", "persuadable", "lost_cause", "sleeping_dog")
DISCOUNT = OFFER_KINDS.index(OfferKind.DISCOUNT)
POINTS = OFFER_KINDS.index(OfferKind.POINTS)
CHALLENGE = OFFER_KINDS.index(OfferKind.CHALLENGE)
SERVICE_RECOVERY = "service_recovery"
"""The one journey that an open ticket does not turn against its sender."""


class ActionTable(NamedTuple):
    """The catalogue as the kernel reads it, columns of length K.

    Attributes:
        channel, kind, journey: int64 positions.
        strength: float64, the equation above; 0 for *no contact*.
        recovers: int64, 1 for steps of service recovery.
        delivery: float64, P(arrives).
        discount: float64 share of the basket.
        promised_minor: float64 liability of the points promised, whole minor units.
        points: int64 promised on purchase.
        cost_minor: int64 of the contact.
    """

    channel: NDArray[np.int64]
    kind: NDArray[np.int64]
    journey: NDArray[np.int64]
    strength: Float
    recovers: NDArray[np.int64]
    delivery: Float
    discount: Float
    promised_minor: Float
    points: NDArray[np.int64]
    cost_minor: NDArray[np.int64]

    @classmethod
    def of(cls, scenario: Scenario, channels: ChannelTable) -> ActionTable:
        """Strength and costs of every action; row 0 has none."""
        catalogue = scenario.catalogue
        kinds = np.array([0.0, *(scenario.kinds[k].response for k in OFFER_KINDS[1:])])
        response = scenario.response
        depth = np.where(catalogue.discount > 0, catalogue.discount / 0.10, 1.0)
        points = np.where(catalogue.points > 0, catalogue.points / 500.0, 1.0)
        strength = (
            channels.response[catalogue.channel]
            * kinds[catalogue.kind]
            * depth**response.discount_elasticity
            * points**response.points_elasticity
        )
        names = np.array(("none", *catalogue.journeys))[catalogue.journey + 1]
        return cls(
            channel=catalogue.channel,
            kind=catalogue.kind,
            journey=np.maximum(catalogue.journey, 0),
            strength=strength,
            recovers=(names == SERVICE_RECOVERY).astype(np.int64),
            delivery=channels.delivery[catalogue.channel],
            discount=catalogue.discount,
            promised_minor=np.rint(
                catalogue.points * scenario.economics.point_liability_minor
            ).astype(np.float64),
            points=catalogue.points,
            cost_minor=catalogue.cost_minor,
        )


@dataclass(frozen=True)
class GroupTable:
    """The uplift groups as columns of length 4, in the order of :data:`GROUPS`."""

    share: Float
    rate_slope: Float
    gain: Float
    click: Float
    opt_out: Float
    hurt: Float

    @classmethod
    def of(cls, scenario: Scenario) -> GroupTable:
        """The columns."""
        sections = [getattr(scenario.persuadability, name) for name in GROUPS]
        return cls(
            **{
                name: np.array([getattr(section, name) for section in sections])
                for name in ("share", "rate_slope", "gain", "click", "opt_out", "hurt")
            }
        )

    def draw(self, rate_quantile: Float, uniform: Float) -> NDArray[np.uint8]:
        """uint8 (n,): a group per customer, from the quantile of his rate and a uniform."""
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
        fit[o] = log_normal(scenario.kinds[kind].fit_sigma, u)
    fit[DISCOUNT] *= price_sensitivity.astype(np.float32)
    return fit
