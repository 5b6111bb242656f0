"""The calendar: season and weekday.

    season_t = weekday_factor[t] * (1 + amplitude * cos(2 pi (day of year - peak) / 365.25))

Weekday factors are scaled to mean 1, so that a year's purchases are those of the purchase
process alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from math import cos, pi, sin

from simulator.scenarios.sections import CalendarSection

DAYS_PER_YEAR = 365.25
SATURDAY = 5


@dataclass(frozen=True)
class Day:
    """What one day is like.

    Attributes:
        when: the date.
        weekend: Saturday or Sunday.
        season_sin, season_cos: position in the year, in [-1, 1].
        factor: multiplier of purchase rates, mean 1.
    """

    when: date
    weekend: bool
    season_sin: float
    season_cos: float
    factor: float


def day(section: CalendarSection, start: date, offset: int) -> Day:
    """The day ``offset`` days after ``start``; negative offsets lie before it."""
    when = start + timedelta(days=offset)
    angle = 2.0 * pi * when.timetuple().tm_yday / DAYS_PER_YEAR
    swing = 1.0 + section.season_amplitude * cos(
        angle - 2.0 * pi * section.season_peak_day / DAYS_PER_YEAR
    )
    weekday = section.weekday_factors[when.weekday()] * 7.0 / sum(section.weekday_factors)
    return Day(when, when.weekday() >= SATURDAY, sin(angle), cos(angle), weekday * swing)
