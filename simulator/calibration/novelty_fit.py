"""How much faster new members buy, and for how long, from a purchase log.

Novelty runs a new member's clock faster in their first weeks (:mod:`simulator.calibration.season`).
Its size is estimated by maximum likelihood together with the process; its length, in whole
weeks, by that of greater likelihood than its neighbours. A density of purchase times on the
faster clock is one in calendar time when it is multiplied by the clock's speed at each purchase,
so that fits under different clocks compare.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar

from simulator.calibration.histories import DAYS_PER_WEEK, PurchaseHistories, purchase_days
from simulator.calibration.process import Process, fit_process
from simulator.calibration.season import Season
from troth.errors import FailedPrecondition

MOST_WEEKS = 26
START_WEEKS = 5
LARGEST = 2.0
_WORST = -1e15
_TOLERANCE = 0.005
_STEP = 0.05
"""Half-width of the second difference that the standard error is taken from."""


@dataclass(frozen=True, slots=True)
class Novelty:
    """What was found.

    Attributes:
        share: by which a new member buys more often, >= 0, in thousandths.
        stderr: its standard error at the process's best figures.
        days: for how long after their first purchase.
        gain: log-likelihood over that of no novelty.
    """

    share: float
    stderr: float
    days: int
    gain: float

    def season(self, calendar: Season) -> Season:
        """``calendar`` with this novelty."""
        return replace(calendar, novelty=self.share, novelty_weeks=self.days / DAYS_PER_WEEK)


def fit_novelty(
    process: Process,
    data: PurchaseHistories,
    customer: NDArray[np.int64],
    day: NDArray[np.datetime64],
    season: Season,
    *,
    on_fit: Callable[[int], None] = lambda _weeks: None,
) -> Novelty:
    """Fit the novelty of the customers of ``data`` under the calendar ``season``.

    Args:
        process: of the purchases.
        data: histories with their first days.
        customer: int64 (m,) who bought, positions in ``data``.
        day: datetime64[D] (m,) when; what lies after a history's end is left out.
        season: months and weekdays; a novelty of its own is ignored.
        on_fit: told each length in weeks before it is tried.

    Raises:
        FailedPrecondition: if the data do not identify the process, or a novelty.
    """
    who, when = purchase_days(customer, day)
    age = when - data.joined[who]
    repeat = (age > 0) & (age <= np.rint(data.age[who] * DAYS_PER_WEEK))
    age = age[repeat]

    def likelihood(share: float, weeks: int) -> float:
        new = replace(season, novelty=share, novelty_weeks=float(weeks))
        early = int((age <= weeks * DAYS_PER_WEEK).sum())
        try:
            fit = fit_process(process, data, new)
        except FailedPrecondition:  # no interior maximum so far from the best novelty
            return _WORST
        return float(fit.found.log_likelihood) + early * float(np.log1p(share))

    def best(weeks: int) -> tuple[float, float]:
        on_fit(weeks)
        found = minimize_scalar(
            lambda share: -likelihood(float(share), weeks),
            bounds=(0.0, LARGEST),
            method="bounded",
            options={"xatol": _TOLERANCE},
        )
        return -float(found.fun), float(found.x)

    tried = {weeks: best(weeks) for weeks in (START_WEEKS, START_WEEKS + 1)}
    step = 1 if tried[START_WEEKS + 1] > tried[START_WEEKS] else -1
    weeks = max(tried, key=lambda at: tried[at])
    while 1 <= weeks + step <= MOST_WEEKS:
        tried[weeks + step] = best(weeks + step)
        if tried[weeks + step] < tried[weeks]:
            break
        weeks += step
    share = round(tried[weeks][1], 3)
    here, none = likelihood(share, weeks), likelihood(0.0, weeks)
    bend = 2.0 * here - sum(likelihood(abs(share + h), weeks) for h in (-_STEP, _STEP))
    if bend <= 0.0 or here <= none:
        raise FailedPrecondition("new members buy no faster than others", field="novelty")
    return Novelty(
        share=share,
        stderr=float(_STEP / np.sqrt(bend)),
        days=weeks * int(DAYS_PER_WEEK),
        gain=here - none,
    )
