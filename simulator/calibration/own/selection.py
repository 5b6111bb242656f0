"""Whether those who seem to begin within the data began before them.

Of customers who bought before an export begins, the frequent show at once and the slow late:
first appearances fall from the beginning on, and who appears later buys less often. Neither is
proof alone: acquisition may fall, cohorts may differ. Both together are what a cut at the left
looks like, be it that ``since`` is too early or that nobody new came any more.

That cohorts differ is tested by the score of the early ones under the fit on all (Breusch &
Pagan, "The Lagrange multiplier test and its applications", Review of Economic Studies 47, 1980):
with U the sum of their scores and I their information of that on all, U' (I_early - I_early
I^-1 I_early)^-1 U is chi-squared.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import chi2

from simulator.calibration.estimates import Gathered
from simulator.calibration.histories import DAYS_PER_WEEK, PurchaseHistories
from simulator.calibration.process import Process, ProcessFit, fit_process, scores
from simulator.calibration.season import Season
from troth.errors import FailedPrecondition, InvalidArgument

Int64 = NDArray[np.int64]

EXCESS = 1.1
"""First purchases a day early in the data, over those late in them, that are more than enough."""
CERTAIN = 0.999
"""How sure it must be that first purchases fall, and that cohorts differ."""
LEAST = 100
"""Customers of either kind below which nothing is said."""
_SPLIT = 0.25
"""Share of the time up to which a first purchase is early."""
_LATER = (0.125, 0.25, 0.375, 0.5)
"""Shares of the time by which a later beginning is tried."""
_MOST = 40_000
"""Customers whose scores are taken; of more, every k-th."""
_STEADY = 1.25
"""First purchases a day early over late up to which newcomers come steadily enough."""
_NEARLY_ALL = 0.9
"""First purchases up to the last of which cohorts are compared where nobody new comes any more."""
_FEW = 0.25
"""Late first purchases a day over early ones from which acquisition seems to have ended."""


def warn_of_selection(
    history: PurchaseHistories,
    begin: np.datetime64,
    fit: ProcessFit,
    season: Season,
    got: Gathered,
) -> bool:
    """Warn if customers who seem new are old ones, with what a later ``since`` would give.

    Args:
        history: of n customers, with their first days.
        begin: the first day on which a first purchase counts.
        fit: of the process, on all of them.
        season: as in the fit.
        got: where the warning goes.

    Returns:
        whether there was enough to tell.
    """
    first = history.joined
    start = int(begin.astype("datetime64[D]").astype(np.int64))
    end = int((first + np.rint(history.age * DAYS_PER_WEEK)).max())
    told, cut = _looks_cut(history, start, end, fit, season)
    if not told:
        until = int(np.quantile(first, _NEARLY_ALL))
        told, cut = _looks_cut(history, start, until, fit, season)
        if not told and _falls(first, start, until):
            early, late = _fall(first, start, until)
            got.warnings.append(
                f"purchases: first purchases fall from {early:.3g} a day to {late:.3g} by "
                f"{np.datetime64(until, 'D')}, and {len(first):,} customers are too few to tell "
                "whether they began then: if they had bought before, r, alpha and how many leave "
                "are wrong; give a column joined, or an export that begins earlier"
            )
            return True
    if not cut:
        return told
    fall = _fall(first, start, end)
    said = (
        "purchases: first purchases fall from "
        f"{fall[0]:.3g} a day at first to {fall[1]:.3g} in the second half, and who comes later "
        "buys less often: some who seem to begin in the data had bought before"
    )
    process: Process = fit.figures.model
    for share in _LATER:
        since = start + round(share * (end - start))
        left = history.of(first >= since)
        try:
            again = fit_process(process, left, season)
        except (FailedPrecondition, InvalidArgument):
            break
        rates = _fall(left.joined, since, end)
        steady = rates[0] <= _STEADY * rates[1]
        if steady and _looks_cut(left, since, end, again, season) == (True, False):
            values = again.figures.model_dump(exclude={"model"})
            before = fit.figures.model_dump()
            got.warnings.append(
                f"{said}. With --since {np.datetime64(since, 'D')} that is not so, and "
                + ", ".join(
                    f"{k} is {v:.3g} in place of {before[k]:.3g}" for k, v in values.items()
                )
            )
            return told
    ended = " as if nobody new came any more" if fall[1] < _FEW * fall[0] else ""
    got.warnings.append(
        f"{said},{ended or ' and no later --since mends it'}. Do not believe r, alpha and how many "
        "leave: give a column joined, or an export that begins earlier"
    )
    return told


def _fall(first: Int64, start: int, end: int) -> tuple[float, float]:
    """First purchases a day in the first quarter, and in the second half."""
    span = end - start
    early = (first < start + _SPLIT * span).sum() / max(_SPLIT * span, 1.0)
    late = (first >= start + 0.5 * span).sum() / max(0.5 * span, 1.0)
    return float(early), float(late)


def _looks_cut(
    history: PurchaseHistories, start: int, end: int, fit: ProcessFit, season: Season
) -> tuple[bool, bool]:
    """Whether there is enough to tell, and whether first purchases fall and cohorts differ."""
    first = history.joined
    early = first < start + _SPLIT * (end - start)
    if min(early.sum(), (~early).sum()) < LEAST:
        return False, False
    cut = _falls(first, start, end) and _differ(history, early, fit, season)
    return True, cut


def _falls(first: Int64, start: int, end: int) -> bool:
    """Whether first purchases fall by more than chance and what is usual."""
    before, after = _fall(first, start, end)
    span = max(end - start, 1)
    # Two Poisson rates apart by more than chance: of a difference of counts over their spans.
    error = np.sqrt(before / (_SPLIT * span) + after * EXCESS**2 / (0.5 * span))
    return bool(before - EXCESS * after > _deviate() * error)


def _deviate() -> float:
    return float(np.sqrt(chi2.ppf(CERTAIN, 1)))


def _differ(
    history: PurchaseHistories, early: NDArray[np.bool_], fit: ProcessFit, season: Season
) -> bool:
    """Whether the early ones follow another process than the late ones."""
    asked = np.zeros(len(history), dtype=np.bool_)
    asked[:: -(-len(history) // _MOST)] = True
    each = scores(fit, history.of(asked), season)
    each = each - each.mean(axis=1, keepdims=True)
    mine = each[:, early[asked]]
    total, part = each @ each.T, mine @ mine.T
    spread = part - part @ np.linalg.pinv(total) @ part
    pull = mine.sum(axis=1)
    return bool(pull @ np.linalg.pinv(spread) @ pull > chi2.ppf(CERTAIN, len(pull)))
