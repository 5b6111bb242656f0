"""The processes of a scenario that are fitted to real data: purchases, spend, e-mail response.

``troth calibrate`` estimates them (:mod:`simulator.calibration`); a scenario holds them as its
sections of the same names.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Discriminator, Field, Tag


class Values(BaseModel):
    """Base: unknown keys are refused, values are frozen, finite and of the type written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PurchaseFigures(Values):
    """BG/NBD purchase process (Fader, Hardie & Lee 2005).

    While alive, a customer buys at a Poisson rate; after each repeat purchase they leave for
    good with some probability.
    """

    model: Literal["bg_nbd"] = "bg_nbd"
    r: float = Field(gt=0.0, description="Shape of the gamma distribution of purchase rates.")
    alpha_weeks: float = Field(gt=0.0, description="Its rate: buys r/alpha a week on average.")
    a: float = Field(gt=0.0, description="First shape of the beta distribution of drop-out.")
    b: float = Field(gt=0.0, description="Second shape: mean drop-out is a / (a + b).")


class ParetoFigures(Values):
    """Pareto/NBD purchase process (Schmittlein, Morrison & Colombo 1987).

    While alive, a customer buys at a Poisson rate; their lifetime is exponential and ends unseen.
    """

    model: Literal["pareto_nbd"] = "pareto_nbd"
    r: float = Field(gt=0.0, description="Shape of the gamma distribution of purchase rates.")
    alpha_weeks: float = Field(gt=0.0, description="Its rate: buys r/alpha a week on average.")
    s: float = Field(gt=0.0, description="Shape of the gamma distribution of death rates.")
    beta_weeks: float = Field(gt=0.0, description="Its rate: dies at s/beta a week on average.")


def _model(value: object) -> str | None:
    """The process a mapping or an object names; BG/NBD where it names none."""
    named = value.get("model", "bg_nbd") if isinstance(value, Mapping) else value
    return named if isinstance(named, str) else getattr(value, "model", None)


MODELS = frozenset({"bg_nbd", "pareto_nbd"})
"""The values of ``purchases.model``; pydantic puts them into the place of an error."""

Purchases = Annotated[
    Annotated[PurchaseFigures, Tag("bg_nbd")] | Annotated[ParetoFigures, Tag("pareto_nbd")],
    Discriminator(_model),
]
"""Either purchase process, told apart by the key ``model``; without it BG/NBD."""


class SpendFigures(Values):
    """Log-normal spend of a purchase, in major units: ln spend = mu + customer + purchase."""

    mu: float = Field(ge=-20.0, le=20.0, description="Mean of ln spend over customers.")
    sigma_between: float = Field(gt=0.0, le=10.0, description="SD of ln spend between customers.")
    sigma_within: float = Field(gt=0.0, le=10.0, description="SD of ln spend within a customer.")


class EmailFigures(Values):
    """Response to an e-mail within two weeks.

    Without an e-mail, logit P(visit) = visit_intercept + visit_recency * m + visit_log_history
    * log1p(h), with m months since the last purchase (fitted on 1..12) and h dollars spent in
    the past year; an e-mail adds lift_intercept + lift_recency * m + lift_log_history *
    log1p(h). A visitor buys with the share given for their arm.
    """

    visit_intercept: float = Field(ge=-50.0, le=50.0)
    visit_recency: float = Field(ge=-10.0, le=10.0)
    visit_log_history: float = Field(ge=-10.0, le=10.0)
    lift_intercept: float = Field(ge=-50.0, le=50.0)
    lift_recency: float = Field(ge=-10.0, le=10.0)
    lift_log_history: float = Field(ge=-10.0, le=10.0)
    conversion_given_visit_email: float = Field(gt=0.0, lt=1.0)
    conversion_given_visit_none: float = Field(gt=0.0, lt=1.0)
