"""Sections of a scenario about what nobody in the programme controls.

Season, weather and shocks; outages and other departments; who is who; and who cheats.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from simulator.scenarios.sections import ChannelName, Factor, Minor, Section, Share

Weekdays = tuple[Factor, Factor, Factor, Factor, Factor, Factor, Factor]


class CalendarSection(Section):
    """Multipliers of purchase rates; months from January, weekdays from Monday.

    Weather is a first-order autoregression of standard deviation ``weather_sigma`` and memory
    ``weather_memory_days``; ``weather_effect`` is the log rate per unit of it. ``drift_rate``
    and ``drift_response`` are log changes per year.
    """

    month_factors: Annotated[tuple[Factor, ...], Field(strict=False, min_length=12, max_length=12)]
    weekday_factors: Annotated[Weekdays, Field(strict=False)]
    weather_sigma: float = Field(ge=0.0, le=3.0)
    weather_memory_days: float = Field(gt=0.0, le=60.0)
    weather_effect: float = Field(ge=-1.0, le=1.0)
    drift_rate: float = Field(default=0.0, ge=-3.0, le=3.0)
    drift_response: float = Field(default=0.0, ge=-3.0, le=3.0)


class ShockSection(Section):
    """Days on which the world is different.

    ``rate``, ``basket`` and ``response`` are factors; ``delivery`` a factor by channel;
    ``hides`` names features that the firm does not receive on these days.
    """

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    start_day: int = Field(ge=-3650, le=36_500)
    days: int = Field(ge=1, le=36_500)
    rate: Factor = 1.0
    basket: Factor = 1.0
    response: Factor = 1.0
    delivery: dict[ChannelName, Share] = Field(default_factory=dict)
    hides: Annotated[tuple[str, ...], Field(strict=False)] = ()


class FirmSection(Section):
    """The firm around the programme.

    Channels fail ``outages_per_year`` times for ``outage_days``. Other departments contact a
    member by e-mail with chance ``rival_contacts_per_day``: it tires them, and Troth has no say
    in it. ``budget_minor_per_customer`` is what a day's contacts may cost in all, per customer
    of the world, first customers first; 0 means no limit. A contact that costs more than is
    left is not made; those after it may cost less. It is the one thing customers share.
    """

    outages_per_year: float = Field(ge=0.0, le=365.0)
    outage_days: int = Field(ge=1, le=30)
    rival_contacts_per_day: Share
    budget_minor_per_customer: float = Field(default=0.0, ge=0.0, le=100_000.0)


class IdentitySection(Section):
    """Who is who: a share of members has a second identifier that is linked late, or wrongly.

    ``late_share`` of members make ``unseen_share`` of their purchases under an identifier that
    is linked to the profile after ``link_days`` on average; until then the firm does not see
    them and they earn nothing. ``wrong_share`` of profiles are merged with a stranger's, whose
    purchases appear on them with chance ``stranger_per_day``.
    """

    late_share: Share
    unseen_share: Share
    link_days: float = Field(gt=0.0, le=3650.0)
    wrong_share: Share
    stranger_per_day: Share


class FraudSection(Section):
    """Who cheats.

    ``adversary_share`` of members take every offer and never buy because of one. On
    ``attempts_per_day`` of days somebody asks for ``ask_points`` at once from an account, be it
    an adversary from their own or a thief from another's.
    """

    adversary_share: Share
    attempts_per_day: Share
    ask_points: Minor


class ValiditySection(Section):
    """What the scenario claims to resemble, and why it misses where it does."""

    against: Annotated[
        tuple[Literal["cdnow", "hillstrom", "complete_journey"], ...], Field(strict=False)
    ] = ()
    reasons: dict[str, str] = Field(default_factory=dict)
