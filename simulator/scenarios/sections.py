"""The sections of a scenario: every parameter with its unit, range and default-free type.

Ranges are enforced on loading; where a number comes from is written beside it in the TOML.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from troth.catalogue import Channel, OfferKind


class Section(BaseModel):
    """Base: unknown keys are refused, values are frozen and of the type written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Factor = Annotated[float, Field(ge=0.0, le=100.0)]
Sigma = Annotated[float, Field(ge=0.0, le=3.0)]
Days = Annotated[float, Field(gt=0.0, le=3650.0)]
Minor = Annotated[int, Field(ge=0, le=1_000_000)]
Kind = Annotated[OfferKind, BeforeValidator(OfferKind)]
ChannelName = Annotated[Channel, BeforeValidator(Channel)]


class ObjectiveSection(Section):
    """Weights of the reward components; see :class:`troth.objective.Objective`."""

    margin_minor: float = Field(ge=0.0, le=10.0)
    discount_minor: float = Field(ge=-10.0, le=0.0)
    points_minor: float = Field(ge=-10.0, le=0.0)
    contact_minor: float = Field(ge=-10.0, le=0.0)
    opt_outs: float = Field(ge=-100_000.0, le=0.0)


class EconomicsSection(Section):
    """``margin_share`` of a basket; ``point_liability_minor`` per point promised."""

    margin_share: Share
    point_liability_minor: float = Field(ge=0.0, le=100.0)


class CalendarSection(Section):
    """Multipliers of purchase rates; weekdays start on Monday."""

    season_amplitude: float = Field(ge=0.0, lt=1.0)
    season_peak_day: float = Field(ge=1.0, le=366.0)
    weekday_factors: Annotated[
        tuple[Factor, Factor, Factor, Factor, Factor, Factor, Factor], Field(strict=False)
    ]


class PopulationSection(Section):
    """Who the customers are on joining; sigmas are of log-normal factors of mean 1."""

    tenure_days_max: int = Field(ge=1, le=3650)
    engagement_sigma: Sigma
    price_sensitivity_sigma: Sigma


class GroupSection(Section):
    """One uplift group: how contacts move the people in it.

    ``share`` of the population before ``rate_slope`` shifts it towards frequent (> 0) or rare
    (< 0) buyers; ``gain``, ``click`` and ``opt_out`` multiply the response to a contact;
    ``hurt`` is the share of a day's own purchases that a contact destroys.
    """

    share: Share
    rate_slope: float = Field(ge=-5.0, le=5.0)
    gain: Factor
    click: Factor
    opt_out: Factor
    hurt: Share


class PersuadabilitySection(Section):
    """The four uplift groups."""

    sure_thing: GroupSection
    persuadable: GroupSection
    lost_cause: GroupSection
    sleeping_dog: GroupSection


class ChannelSection(Section):
    """One channel.

    Attributes:
        response: incremental buying of an average contact, as a multiple of an e-mail's.
        affinity_sigma: spread of the per-customer factor (log-normal, mean 1).
        reach: share of customers who can be reached and have agreed to it.
        delivery: share of contacts that arrive.
        opened, clicked: shares of the delivered that are opened, that are clicked.
        opt_out: permissions withdrawn per delivered contact.
        wear: log response lost per recent delivered contact on this channel.
        recovery_days: time constant in which that is forgotten.
        cost_minor: cost of a contact, minor units.
        sends_per_year: contacts a member had in the past year, before the simulation.
    """

    response: Factor
    affinity_sigma: Sigma
    reach: Share
    delivery: Share
    opened: Share
    clicked: Annotated[float, Field(gt=0.0, le=1.0)]
    opt_out: Share
    wear: float = Field(ge=0.0, le=5.0)
    recovery_days: Days
    cost_minor: Minor
    sends_per_year: float = Field(ge=0.0, le=1000.0)


class KindSection(Section):
    """One kind of offer: ``response`` as a multiple of plain content's, spread of its fit."""

    response: Factor
    fit_sigma: Sigma


class OfferSection(Section):
    """One offer; ``cost_minor`` comes on top of the channel's cost."""

    kind: Kind
    discount: Share = 0.0
    points: Minor = 0
    cost_minor: Minor = 0


class ResponseSection(Section):
    """How a contact acts on buying; see :mod:`simulator.response`."""

    discount_elasticity: float = Field(ge=0.0, le=5.0)
    points_elasticity: float = Field(ge=0.0, le=5.0)
    lapsed: Share
    sentiment_gain: float = Field(ge=0.0, le=1.0)
    ceiling: Share
    max_recency_months: float = Field(ge=1.0, le=60.0)
    min_history: float = Field(ge=0.0, le=10_000.0)
    smoothing_clicks: float = Field(gt=0.0, le=100.0)


class FatigueSection(Section):
    """Too many contacts, over all channels together."""

    wear: float = Field(ge=0.0, le=5.0)
    opt_out_gain: Factor
    irritation: Share
    cap_contacts: int = Field(ge=1, le=28)
    cap_days: int = Field(ge=1, le=28)


class MoodSection(Section):
    """Sentiment in -1..1 and open tickets."""

    recovery_days: Days
    ticket_per_purchase: Share
    ticket_per_day: Share
    ticket_shock: float = Field(ge=0.0, le=2.0)
    purchase_lift: float = Field(ge=0.0, le=2.0)
    solved_per_day: Share
    solved_by_recovery: Share
    recovery_lift: float = Field(ge=0.0, le=2.0)
    hurt_when_open: Share
    opt_out_when_open: Factor
    leaves_per_open_day: Share


class WalletSection(Section):
    """Points: earned per major unit spent, worth redeeming from a threshold."""

    points_per_major: float = Field(ge=0.0, le=1000.0)
    redeem_from: int = Field(ge=1, le=1_000_000)
    redeem_chance: Share
    redeemed_before: Share


class TierSection(Section):
    """A tier: from how much spend in the qualifying year, minor units; earning multiplier."""

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    from_spend_minor: int = Field(ge=0, le=100_000_000)
    earn_factor: float = Field(ge=0.0, le=100.0)


class ChallengeSection(Section):
    """Buy ``target`` times within ``days`` for ``award_points``."""

    target: int = Field(ge=1, le=100)
    days: int = Field(ge=1, le=365)
    award_points: int = Field(ge=0, le=1_000_000)
    goal_gradient: float = Field(ge=0.0, le=5.0)


class Condition(Section):
    """A raw feature within bounds, inclusive; at least one is given."""

    feature: str
    at_least: float | None = None
    at_most: float | None = None


class StepSection(Section):
    """One step of a journey: an offer on some channels."""

    offer: str
    channels: Annotated[tuple[ChannelName, ...], Field(strict=False, min_length=1)]


class JourneySection(Section):
    """When a journey starts, how well its moment suits, and what it offers.

    ``pressure`` names what raises the response by up to ``pressure_gain`` as it nears 1:
    closeness of the next tier, points about to expire, progress of a challenge.
    """

    response: Factor
    pressure: Literal["none", "tier", "expiry", "progress"] = "none"
    pressure_gain: float = Field(default=0.0, ge=0.0, le=10.0)
    when: Annotated[tuple[Condition, ...], Field(strict=False)] = ()
    steps: Annotated[tuple[StepSection, ...], Field(strict=False, min_length=1)]


class WarmUpSection(Section):
    """The plain programme of the days before day 0, and the mix of the year before it."""

    days: int = Field(ge=0, le=365)
    contact_chance: Share
    discount_share: Share
    points_share: Share
