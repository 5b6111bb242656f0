"""The year's rhythm: factors by month and weekday, and the operational time they make.

A customer whose daily rate is lambda m(d) buys as one of constant rate lambda does whose clock
runs m(d) days on day d. A likelihood written for constant rates holds for seasonal ones with
M(t) = the sum of m over the days until t in the place of t (Cox & Isham, "Point Processes",
1980, section 3.1). The novelty of a new member runs the same clock faster in their first weeks.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.calibration.histories import DAYS_PER_WEEK, PurchaseHistories
from troth.errors import InvalidArgument

Float64 = NDArray[np.float64]

MONTHS, WEEKDAYS = 12, 7
_THURSDAY = 3  # 1970-01-01 was one; weekday 0 is Monday


@dataclass(frozen=True, slots=True)
class Season:
    """Multipliers of a daily purchase rate.

    Attributes:
        month: float64 (12,) from January, > 0.
        weekday: float64 (7,) from Monday, > 0.
        novelty: share by which a customer buys more often at first, >= 0 ...
        novelty_weeks: ... for so long after their first purchase.

    Raises:
        InvalidArgument: for another shape, or a factor that is not above 0.
    """

    month: Float64
    weekday: Float64
    novelty: float = 0.0
    novelty_weeks: float = 0.0

    def __post_init__(self) -> None:
        for name, length in (("month", MONTHS), ("weekday", WEEKDAYS)):
            factors = getattr(self, name)
            if factors.shape != (length,):
                raise InvalidArgument(f"shape {factors.shape}, must be ({length},)", field=name)
            if not (np.isfinite(factors) & (factors > 0.0)).all():
                raise InvalidArgument(f"{factors.tolist()}: each must be > 0", field=name)
        for name in ("novelty", "novelty_weeks"):
            if not 0.0 <= getattr(self, name) < np.inf:
                raise InvalidArgument(f"{getattr(self, name)}: must be >= 0", field=name)

    @classmethod
    def flat(cls) -> Self:
        """No season."""
        return cls(np.ones(MONTHS), np.ones(WEEKDAYS))

    @classmethod
    def of(
        cls,
        month: ArrayLike,
        weekday: ArrayLike | None = None,
        *,
        novelty: float = 0.0,
        novelty_days: float = 0.0,
    ) -> Self:
        """Factors scaled to mean 1 over the months and over the weekdays."""
        months = np.asarray(month, dtype=np.float64)
        weekdays = np.asarray(np.ones(WEEKDAYS) if weekday is None else weekday, dtype=np.float64)
        return cls(months / months.mean(), weekdays / weekdays.mean(), novelty, novelty_days / 7.0)

    @property
    def is_flat(self) -> bool:
        """Whether every factor is 1."""
        same = (self.month == 1.0).all() and (self.weekday == 1.0).all()
        return bool(same and self.novelty * self.novelty_weeks == 0.0)

    def daily(self, day: NDArray[np.int64], age: NDArray[np.int64] | None = None) -> Float64:
        """The factor of each day, float64 (n,).

        Args:
            day: since 1970-01-01.
            age: days since the customer's first purchase; past their novelty by default.
        """
        factor = self.month[month_of(day)] * self.weekday[weekday_of(day)]
        if age is not None:
            new = age <= self.novelty_weeks * DAYS_PER_WEEK
            factor = factor * np.where(new, 1.0 + self.novelty, 1.0)
        return np.asarray(factor)

    def elapsed(self, first: NDArray[np.int64], weeks: Float64) -> Float64:
        """Operational weeks M between the end of day ``first`` and ``weeks`` later.

        Args:
            first: days since 1970-01-01, int64 (n,).
            weeks: >= 0, float64 (n,) or (n, Q).

        Returns:
            the shape of ``weeks``; ``weeks`` itself where there is no season.
        """
        if self.is_flat or not weeks.size:
            return weeks
        elapsed = self._calendar(first, weeks)
        if self.novelty * self.novelty_weeks == 0.0:
            return elapsed
        early = self._calendar(first, np.minimum(weeks, self.novelty_weeks))
        return np.asarray(elapsed + self.novelty * early)

    def _calendar(self, first: NDArray[np.int64], weeks: Float64) -> Float64:
        """Operational weeks without novelty."""
        start = first.reshape(first.shape + (1,) * (weeks.ndim - first.ndim))
        origin = int(first.min())
        end = int((first + np.ceil(weeks.reshape(len(first), -1).max(axis=1) * 7.0)).max()) + 1
        clock = np.concatenate(
            ((0.0,), np.cumsum(self.daily(np.arange(origin + 1, end + 1, dtype=np.int64))))
        )
        ticks = np.arange(len(clock), dtype=np.float64)
        at = start - origin + weeks * DAYS_PER_WEEK
        since = clock[start - origin]
        return np.asarray((np.interp(at, ticks, clock) - since) / DAYS_PER_WEEK)


def month_of(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Month 0..11 of days since 1970-01-01, int64 (n,)."""
    return day.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64) % MONTHS


def weekday_of(day: NDArray[np.int64]) -> NDArray[np.int64]:
    """Weekday 0 (Monday)..6 of days since 1970-01-01, int64 (n,)."""
    return (day + _THURSDAY) % WEEKDAYS


def operational(data: PurchaseHistories, season: Season) -> PurchaseHistories:
    """The same histories on the season's clock: recency and age in operational weeks.

    Raises:
        FailedPrecondition: if the season is not flat and the first days are unknown.
    """
    if season.is_flat:
        return data
    first = data.joined
    return PurchaseHistories(
        frequency=data.frequency,
        recency=season.elapsed(first, data.recency),
        age=season.elapsed(first, data.age),
        first=first,
    )


def album_trade() -> Season:
    """Months of recorded-music retail, from sources other than CDNOW's log.

    A third of the year's albums, 33.1 %, are sold from October to December (Nielsen SoundScan,
    mean of 1999 to 2007), "as much as 20 percent" in the last five weeks of the year (M. Fine,
    SoundScan, in the Spokesman-Review, 21 December 1996). Days within each of the three
    stretches are alike; nothing is known of other months, which share the rest evenly.
    """
    last_quarter, last_five_weeks = 0.331, 0.20
    rest = (1.0 - last_quarter) / 273.0
    autumn = (last_quarter - last_five_weeks) / 57.0  # 1 October to 26 November
    christmas = last_five_weeks / 35.0
    november = (26.0 * autumn + 4.0 * christmas) / 30.0
    return Season.of([rest] * 9 + [autumn, november, christmas])
