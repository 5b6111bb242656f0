"""The sections of a scenario: every parameter with its unit, range and default-free type.

Ranges are enforced on loading; where a number comes from is written beside it in the TOML.
What befalls customers and the firm from outside is in :mod:`simulator.scenarios.circumstances`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

from troth.catalogue import CHANNELS, OFFER_KINDS, Channel, OfferKind


class Section(BaseModel):
    """Base: unknown keys are refused, values are frozen and of the type written."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


Share = Annotated[float, Field(ge=0.0, le=1.0)]
Factor = Annotated[float, Field(ge=0.0, le=100.0)]
Sigma = Annotated[float, Field(ge=0.0, le=3.0)]
Days = Annotated[float, Field(gt=0.0, le=3650.0)]
Minor = Annotated[int, Field(ge=0, le=1_000_000)]


def _channel(value: object) -> Channel:
    """A channel by its name; *no contact* is none."""
    for channel in CHANNELS[1:]:
        if channel == value:
            return channel
    raise ValueError(f"must be one of {', '.join(CHANNELS[1:])}")


def _kind(value: object) -> OfferKind:
    """A kind of offer by its name; only *no contact* has none."""
    for kind in OFFER_KINDS[1:]:
        if kind == value:
            return kind
    raise ValueError(f"must be one of {', '.join(OFFER_KINDS[1:])}")


Kind = Annotated[OfferKind, BeforeValidator(_kind)]
ChannelName = Annotated[Channel, BeforeValidator(_channel)]


class ObjectiveSection(Section):
    """Weights of the reward components; see :class:`troth.objective.Objective`."""

    margin_minor: float = Field(ge=0.0, le=10.0)
    discount_minor: float = Field(ge=-10.0, le=0.0)
    points_minor: float = Field(ge=-10.0, le=0.0)
    contact_minor: float = Field(ge=-10.0, le=0.0)
    opt_outs: float = Field(ge=-100_000.0, le=0.0)


class EconomicsSection(Section):
    """``margin_share`` of a basket; a redeemed point is worth ``point_value_minor``.

    ``breakage`` is the share of points that the books expect never to be redeemed: a point
    issued is charged at ``point_value_minor * (1 - breakage)``.
    """

    margin_share: Share
    point_value_minor: float = Field(ge=0.0, le=100.0)
    breakage: Share


class PopulationSection(Section):
    """Who the customers are on joining; sigmas are of log-normal factors of mean 1.

    ``active_hour`` and ``active_hour_sd`` place the hour of the day at which a person looks at
    messages; ``hour_sensitivity`` is how much a contact gains by coming then. ``loyalty`` of
    category and store: share of purchases made in a person's favourite one. For
    ``novelty_days`` after joining, purchases come more often by the share ``novelty``: the
    purchase process is to be fitted under it.
    """

    tenure_days_max: int = Field(ge=1, le=3650)
    novelty: float = Field(default=0.0, ge=0.0, le=10.0)
    novelty_days: int = Field(default=0, ge=0, le=365)
    engagement_sigma: Sigma
    price_sensitivity_sigma: Sigma
    active_hour: float = Field(ge=0.0, lt=24.0)
    active_hour_sd: float = Field(ge=0.0, le=12.0)
    hour_sensitivity: float = Field(ge=0.0, le=2.0)
    category_loyalty: Share
    store_loyalty: Share


class CategorySection(Section):
    """What is bought: ``share`` of purchases, margin as a multiple of the firm's."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    share: Share
    margin_factor: Factor


class StoresSection(Section):
    """Where it is bought: shares of purchases."""

    store: Share
    web: Share
    app: Share


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
        send_hour: hour of the day at which this channel speaks.
        latency_days: whole days between the decision and the arrival.
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
    send_hour: float = Field(ge=0.0, lt=24.0)
    latency_days: int = Field(default=0, ge=0, le=14)


class KindSection(Section):
    """One kind of offer: ``response`` as a multiple of plain content's, spread of its fit."""

    response: Factor
    fit_sigma: Sigma


class OfferSection(Section):
    """One offer; ``cost_minor`` comes on top of the channel's cost.

    ``take_up`` multiplies the chance that someone who would have bought anyway uses it;
    ``redeems`` is the share of the purchases it brings that use it, as an offer also advertises
    what it does not cover (Sahni, Zou & Chintagunta 2017).
    """

    kind: Kind
    discount: Share = 0.0
    points: Minor = 0
    cost_minor: Minor = 0
    take_up: Factor = 1.0
    redeems: Share = 1.0


class ResponseSection(Section):
    """How a contact acts on buying; see :mod:`simulator.model.response`.

    ``take_up_power`` above 1: who buys often uses more offers than in proportion, as households
    of Complete Journey do (0, 2, 9, 23, 49 % ever redeem, by fifths of spend).
    """

    discount_elasticity: float = Field(ge=0.0, le=5.0)
    points_elasticity: float = Field(ge=0.0, le=5.0)
    take_up: Share
    take_up_days: Days
    take_up_power: float = Field(default=1.0, ge=0.1, le=5.0)
    visit_given_click: Share
    lapsed: Share
    sentiment_gain: float = Field(ge=0.0, le=1.0)
    ceiling: Share
    max_recency_months: float = Field(ge=1.0, le=60.0)
    min_history: float = Field(ge=0.0, le=10_000.0)
    smoothing_clicks: float = Field(gt=0.0, le=100.0)


class DelaySection(Section):
    """A log-normal delay in days; whole days are what is left of it."""

    median_days: float = Field(gt=0.0, le=180.0)
    sigma: float = Field(ge=0.0, le=3.0)


class DelaysSection(Section):
    """Contact to opening, opening to click, click to visit, contact to redemption or purchase."""

    open: DelaySection
    click: DelaySection
    visit: DelaySection
    redeem: DelaySection
    buy: DelaySection


class VisitsSection(Section):
    """Visits without a purchase, and how they give away who is about to leave.

    ``per_purchase`` own visits per own purchase; in the last ``fade_days`` of a membership
    visits and clicks fall to ``fade_visits`` and ``fade_clicks``, while purchases go on.
    """

    per_purchase: float = Field(ge=0.0, le=1000.0)
    fade_days: int = Field(ge=0, le=365)
    fade_visits: Share
    fade_clicks: Share
    fade_shock: float = Field(ge=0.0, le=2.0)


class FatigueSection(Section):
    """Too many contacts, over all channels together.

    ``app_removal_per_day`` and ``address_lost_per_day`` end channels without a contact;
    ``app_removal_on_opt_out`` is the share of push refusals that take the whole app with them.
    """

    wear: float = Field(ge=0.0, le=5.0)
    opt_out_gain: Factor
    irritation: Share
    app_removal_per_day: Share
    app_removal_on_opt_out: Share
    address_lost_per_day: Share
    cap_contacts: int = Field(ge=1, le=28)
    cap_days: int = Field(ge=1, le=28)


class MoodSection(Section):
    """Sentiment in -1..1 and open tickets.

    ``upsell_shock`` is the sentiment lost when something is offered during an open ticket;
    ``compensation_lift`` the sentiment gained per 500 points of compensation;
    ``leaves_per_complaint`` the share whom one bad experience drives away for good.
    Surveys: ``nps_per_purchase`` of purchases are followed by one, with the score
    ``nps_mean + nps_gain * sentiment`` and noise of ``nps_sd``. The firm's sentiment signal is
    refreshed on ``signal_per_day`` of days, with noise of ``signal_sd``.
    """

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
    leaves_per_complaint: Share
    upsell_shock: float = Field(ge=0.0, le=2.0)
    compensation_lift: float = Field(ge=0.0, le=2.0)
    nps_per_purchase: Share
    nps_mean: float = Field(ge=0.0, le=10.0)
    nps_gain: float = Field(ge=0.0, le=10.0)
    nps_sd: float = Field(ge=0.0, le=5.0)
    signal_per_day: Share
    signal_sd: float = Field(ge=0.0, le=1.0)


class WalletSection(Section):
    """Points: earned per major unit spent, redeemed in multiples of a threshold.

    ``generosity_elasticity`` of the purchase rate to the return (points per major times their
    value) relative to the scenario's own.
    """

    points_per_major: float = Field(ge=0.0, le=1000.0)
    redeem_from: int = Field(ge=1, le=1_000_000)
    redeem_chance: Share
    redeemed_before: Share
    generosity_elasticity: float = Field(ge=0.0, le=2.0)


class LoyaltySection(Section):
    """What standing in the programme does to buying, and rewards nobody asked for.

    ``tier_gradient`` and ``points_gradient`` raise the purchase rate near the next tier and
    near a redeemable balance; the pull fades as exp(-rate / ``flexible_per_day``), since those
    who buy often anyway hardly react (Hartmann & Viard 2008). A demotion costs sentiment and,
    for ``demotion_days``, the share ``demotion_drop`` of purchases.
    """

    tier_gradient: float = Field(ge=0.0, le=5.0)
    points_gradient: float = Field(ge=0.0, le=5.0)
    flexible_per_day: float = Field(gt=0.0, le=10.0)
    birthday_points: Minor
    surprise_points: Minor
    surprise_per_day: Share
    gift_lift: float = Field(ge=0.0, le=2.0)
    demotion_shock: float = Field(ge=0.0, le=2.0)
    demotion_drop: Share
    demotion_days: int = Field(ge=0, le=365)


class TierSection(Section):
    """A tier: from how much spend in the qualifying year, minor units; earning multiplier."""

    name: str = Field(pattern=r"^[a-z][a-z_]*$")
    from_spend_minor: int = Field(ge=0, le=100_000_000)
    earn_factor: float = Field(ge=0.0, le=100.0)


class ChallengeSection(Section):
    """Buy ``target`` times within ``days`` for ``award_points``.

    The target adapts: ``stretch`` times the purchases of the past year that fall into
    ``days``, rounded up, between ``target_min`` and ``target_max``.
    """

    target_min: int = Field(ge=1, le=100)
    target_max: int = Field(ge=1, le=100)
    stretch: float = Field(gt=0.0, le=10.0)
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
