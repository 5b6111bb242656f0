"""Out of sample: fit on the first part of a purchase log, predict the rest, period by period."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.histories import (
    DAYS_PER_WEEK,
    PurchaseHistories,
    histories,
    purchase_days,
    purchases_within,
)
from simulator.calibration.process import Process, expected_daily, expected_future, fit_process
from simulator.calibration.season import Season
from simulator.scenarios.processes import ParetoFigures, PurchaseFigures
from troth.errors import InvalidArgument

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Forecast:
    """Repeat purchases of a cohort, predicted and real.

    Attributes:
        end: int64 (k,), last day of each period since 1970-01-01.
        expected: float64 (k,), repeat purchases of the period under the figures, from each
            customer's first purchase on, as for customers nothing else is known of.
        real: int64 (k,).
        held_out: bool (k,), whether the period begins after the period of the fit.
        expected_held_out: repeat purchases after the fit, given each customer's history.
        real_held_out: the same, in the data.
    """

    end: NDArray[np.int64]
    expected: Float64
    real: NDArray[np.int64]
    held_out: NDArray[np.bool_]
    expected_held_out: float
    real_held_out: int

    @property
    def cumulative_ratio(self) -> Float64:
        """Predicted over real repeat purchases up to the end of each period, float64 (k,)."""
        return np.asarray(np.cumsum(self.expected) / np.cumsum(self.real))

    @property
    def held_out_ratio(self) -> float:
        """Predicted over real repeat purchases after the fit, given the histories."""
        return self.expected_held_out / self.real_held_out


def forecast(
    figures: PurchaseFigures | ParetoFigures,
    customer: NDArray[np.int64],
    day: NDArray[np.datetime64],
    split: np.datetime64,
    *,
    season: Season | None = None,
    weeks: int = 4,
) -> Forecast:
    """Compare figures with a log, before and after ``split``.

    Args:
        figures: fitted on the log up to ``split``, or from elsewhere.
        customer: int64 (m,) who bought.
        day: datetime64[D] (m,) when.
        split: the last day of the fit; customers who came later are left out.
        season: as in the fit.
        weeks: length of a period, the last of which may be shorter.

    Raises:
        InvalidArgument: if the log does not go beyond ``split``.
    """
    last = day.max().astype("datetime64[D]")
    if not last > split:
        raise InvalidArgument(f"the log ends on {last}, not after {split}", field="split")
    ids, seen = histories(customer, day, split)
    span = float((last - split) / np.timedelta64(1, "D")) / DAYS_PER_WEEK
    after = purchases_within(ids, customer, day, split, last)
    origin, end = int(seen.joined.min()), int(last.astype(np.int64))
    period = (np.arange(origin, end + 1) - origin) // (7 * weeks)
    daily = expected_daily(figures, seen.joined, end - origin + 1, season)
    who, when = purchase_days(customer, day)
    mine = np.isin(who, ids)
    repeat = when[mine] > seen.joined[np.searchsorted(ids, who[mine])]
    real = np.bincount(when[mine][repeat] - origin, minlength=len(period))
    starts = origin + np.arange(int(period[-1]) + 1) * 7 * weeks
    return Forecast(
        end=np.minimum(starts + 7 * weeks - 1, end),
        expected=np.bincount(period, weights=daily).astype(np.float64),
        real=np.bincount(period, weights=real).astype(np.int64),
        held_out=starts > int(split.astype("datetime64[D]").astype(np.int64)),
        expected_held_out=float(expected_future(figures, seen, span, season).sum()),
        real_held_out=int(after.sum()),
    )


def forecast_half(
    process: Process,
    customer: NDArray[np.int64],
    day: NDArray[np.datetime64],
    split: np.datetime64,
    *,
    season: Season | None = None,
) -> tuple[PurchaseFigures | ParetoFigures, Forecast]:
    """Fit ``process`` on what was known on day ``split`` only, and predict the rest.

    Raises:
        InvalidArgument: if the log does not go beyond ``split``, or nobody had bought again.
        FailedPrecondition: if the parameters are not identified.
    """
    seen: PurchaseHistories = histories(customer, day, split)[1]
    figures = fit_process(process, seen, season).figures
    return figures, forecast(figures, customer, day, split, season=season)
