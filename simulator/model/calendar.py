"""The calendar: season, weekday, weather, shocks and outages of a day.

    factor_t   = month[t] * weekday[t] * exp(effect * w_t) * exp(drift * t / 365) * shocks
    w_t        = phi * w_{t-1} + sqrt(1 - phi^2) * sigma * e_t,   phi = exp(-1 / memory)

Month and weekday factors are scaled to mean 1, and the weather factor by its mean, so that a
year's purchases are those of the purchase process alone. Weather is that of Steinker, Hoberg &
Thonemann, "The value of weather information for e-commerce operations" (2017), in form; its
size is a knob. A channel fails on a day if an outage began within the last ``outage_days``.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from functools import lru_cache
from math import cos, exp, pi, sin, sqrt

import numpy as np
from numpy.typing import NDArray
from scipy.special import ndtri

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.scenarios import Scenario
from simulator.scenarios.circumstances import ShockSection
from troth import streams
from troth.catalogue import CHANNELS

DAYS_PER_YEAR = 365.25
SATURDAY = 5
_WEATHER_MEMORY = 5.0
"""Time constants of weather that are summed up."""
_CHUNK = 128
"""Days whose weather and outages are worked out at a time."""


@dataclass(frozen=True)
class CalendarDay:
    """What one day is like.

    Attributes:
        when: the date.
        weekend: Saturday or Sunday.
        day_of_year: 0..365; birthdays are on 0..364, so that no year holds two of one.
        season_sin, season_cos: position in the year, in [-1, 1].
        factor: multiplier of purchase rates.
        basket: multiplier of baskets.
        response: multiplier of what contacts bring.
        delivery: float64 (C,), multiplier of deliveries; 0 where a channel fails.
    """

    when: date
    weekend: bool
    day_of_year: int
    season_sin: float
    season_cos: float
    factor: float
    basket: float
    response: float
    delivery: NDArray[np.float64]


def day(scenario: Scenario, seed: int, offset: int) -> CalendarDay:
    """The day ``offset`` days after the start; negative offsets lie before it."""
    section = scenario.calendar
    when = scenario.start + timedelta(days=offset)
    at = when.timetuple().tm_yday
    angle = 2.0 * pi * at / DAYS_PER_YEAR
    month = section.month_factors[when.month - 1] * 12.0 / sum(section.month_factors)
    weekday = section.weekday_factors[when.weekday()] * 7.0 / sum(section.weekday_factors)
    years = offset / DAYS_PER_YEAR
    factor = month * weekday * exp(section.drift_rate * years) * _weather(scenario, seed, offset)
    basket, response = 1.0, exp(section.drift_response * years)
    delivery = _delivery(scenario, seed, offset)
    for shock in shocks(scenario, offset):
        factor *= shock.rate
        basket *= shock.basket
        response *= shock.response
        for name, share in shock.delivery.items():
            delivery[CHANNELS.index(name)] *= share
    return CalendarDay(
        when=when,
        weekend=when.weekday() >= SATURDAY,
        day_of_year=at - 1,
        season_sin=sin(angle),
        season_cos=cos(angle),
        factor=factor,
        basket=basket,
        response=response,
        delivery=delivery,
    )


def shocks(scenario: Scenario, offset: int) -> list[ShockSection]:
    """The shocks that hold on the day ``offset`` days after the start."""
    return [s for s in scenario.shocks if s.start_day <= offset < s.start_day + s.days]


def _weather(scenario: Scenario, seed: int, offset: int) -> float:
    """Factor of the purchase rate, mean 1."""
    section = scenario.calendar
    if section.weather_sigma == 0.0 or section.weather_effect == 0.0:
        return 1.0
    clock = offset + scenario.warm_up.days
    weather = _weathers(section.weather_memory_days, seed, clock // _CHUNK)[clock % _CHUNK]
    swing = section.weather_effect * section.weather_sigma
    return exp(swing * float(weather) - 0.5 * swing**2)


@lru_cache(maxsize=64)
def _weathers(memory: float, seed: int, chunk: int) -> NDArray[np.float64]:
    """Standardised weather of many days at once, float64 (_CHUNK,)."""
    lags = np.arange(int(_WEATHER_MEMORY * memory) + 1)
    days = np.arange(chunk * _CHUNK - lags[-1], (chunk + 1) * _CHUNK)
    u = kernel.uniforms(seed, days % 2**32, purpose=Purpose.WEATHER, step=0)[0]
    phi = exp(-1.0 / memory)
    weather: NDArray[np.float64] = np.convolve(ndtri(u), phi**lags, mode="valid")
    return weather * sqrt(1.0 - phi**2)


def _delivery(scenario: Scenario, seed: int, offset: int) -> NDArray[np.float64]:
    """float64 (C,): 0 for a channel that fails on this day, else 1."""
    firm, clock = scenario.firm, offset + scenario.warm_up.days
    if firm.outages_per_year == 0.0:
        return np.ones(len(CHANNELS))
    chance = firm.outages_per_year / DAYS_PER_YEAR
    fails = _outages(chance, firm.outage_days, seed, clock // _CHUNK)[clock % _CHUNK]
    return np.where(fails, 0.0, 1.0)


@lru_cache(maxsize=64)
def _outages(chance: float, days: int, seed: int, chunk: int) -> NDArray[np.bool_]:
    """Bool (_CHUNK, C): which channels fail on many days at once."""
    fails = np.zeros((_CHUNK, len(CHANNELS)), dtype=bool)
    starts = np.arange(chunk * _CHUNK - days + 1, (chunk + 1) * _CHUNK)
    for c in range(1, len(CHANNELS)):
        counter = np.full(starts.size, c)
        u = streams.philox4x32((counter, int(Purpose.OUTAGE), starts % 2**32, 0), seed)[0]
        begins = (u + 0.5) * kernel.UNIT < chance
        for back in range(days):
            fails[:, c] |= begins[days - 1 - back : days - 1 - back + _CHUNK]
    return fails
