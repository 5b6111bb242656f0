"""Customers who move the fit by themselves: tills, guests, whoever is many people under one id.

No name gives them away, their influence does. On the purchase process it is the score test's
statistic of one customer, to the first order how many standard errors the fit lies from the one
without that customer (Cook, "Assessment of local influence", JRSS B 48(2), 1986); on the mean
basket, that customer's share of the variance of the mean.

Several hide behind each other: without any one of them the fit stays with the others. They are
looked for as a group, above a gap in the tail (:mod:`simulator.calibration.own.tails`), each of
them such as the process without the group would hardly bring once among all customers; and the
group's influence is that of all of it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.stats import poisson

from simulator.calibration.estimates import Gathered
from simulator.calibration.histories import PurchaseHistories
from simulator.calibration.own.data import Transactions
from simulator.calibration.own.tails import CHANCE, apart, gap_chances
from simulator.calibration.process import (
    Process,
    ProcessFit,
    fit_better,
    fit_process,
    pulls,
    rarities,
)
from simulator.calibration.season import Season
from troth.errors import FailedPrecondition, InvalidArgument

MOST_PULL = 0.5
"""Squared standard errors of the fit by which one customer may pull at it before it is refitted."""
MOST_MOVE = 4.0
"""Squared standard errors, those of the fit without them, by which they may move it."""
MOST_VARIANCE, MOST_OF_MEAN = 0.5, 0.01
"""Share of the variance of the mean basket, and of the mean itself, that may hang on one."""
_LOOKED_AT = 20
"""Customers of the most purchases who are looked at: nobody else weighs as much."""
_MOST_LIKELY, _HARDLY_EVER = 1e-6, 1e-24
"""Chance that the process without a group has as many customers who are as frequent: below a clear
gap, and below one of a chance up to the following."""
_MOST_ALIKE = 0.1
_MOST_ROUNDS = 5
_NAMED = 50


def without(bought: Transactions, names: Collection[str]) -> Transactions:
    """The purchases of all but the customers named.

    Raises:
        InvalidArgument: for a customer who is not there, or if nobody is left.
    """
    for name in names:
        if name not in bought.names:
            raise InvalidArgument(f"no customer {name!r} is in the purchases", field="exclude")
    kept = ~np.isin(bought.names, list(names))
    if not kept.any():
        raise InvalidArgument("no customer is left", field="exclude")
    rows = kept[bought.customer]
    number = np.cumsum(kept) - 1
    return replace(
        bought,
        customer=number[bought.customer[rows]].astype(np.int64),
        names=bought.names[kept],
        day=bought.day[rows],
        amount=bought.amount[rows],
        category=None if bought.category is None else bought.category[rows],
        store=None if bought.store is None else bought.store[rows],
        joined=None if bought.joined is None else bought.joined[rows],
        again=bought.again[rows],
    )


def warn_of_process(
    bought: Transactions,
    who: NDArray[np.int64],
    history: PurchaseHistories,
    fit: ProcessFit,
    process: Process | None,
    season: Season,
    got: Gathered,
) -> tuple[ProcessFit, NDArray[np.bool_]]:
    """Warn of customers without whom the process is another, and say which.

    Args:
        bought: the purchases.
        who: int64 (n,), positions in ``bought.names`` of the customers of ``history``.
        history: of n customers.
        fit: of the process, on all of them.
        process: the one asked for; ``None`` for that of smaller AIC.
        season: as in the fit.
        got: where the warning goes.

    Returns:
        the fit without them, or ``fit`` where there are none, and whom it is on, bool (n,).
    """
    everyone = np.ones(len(history), dtype=np.bool_)
    now, kept = grouped = _without_group(history, fit, process, season)
    kept = kept.copy()
    try:
        for _ in range(_MOST_ROUNDS):
            heavy = _heavy(now, history, kept, season)
            if not heavy.size:
                break
            kept[heavy] = False
            now = _fit(history.of(kept), process, season)
    except (FailedPrecondition, InvalidArgument):
        if _stand_out(now, history, kept, season):
            change = "the data identify no process"
            got.warnings.insert(0, f"purchases: {_named(bought, who[~kept], change)}")
        return fit, everyone
    if (kept != grouped[1]).any() and not _stand_out(now, history, kept, season):
        now, kept = grouped
    if kept.all() or not _moved(fit, now):
        return fit, everyone
    if now.figures.model != fit.figures.model:
        change = f"{now.figures.model} is taken in place of {fit.figures.model}"
    else:
        after, before = (f.figures.model_dump(exclude={"model"}) for f in (now, fit))
        change = ", ".join(f"{k} {after[k]:.3g} in place of {before[k]:.3g}" for k in after)
    got.warnings.insert(0, f"purchases: {_named(bought, who[~kept], change)}")
    return now, kept


def _fit(history: PurchaseHistories, process: Process | None, season: Season) -> ProcessFit:
    return fit_process(process, history, season) if process else fit_better(history, season)[0]


def _without_group(
    history: PurchaseHistories, fit: ProcessFit, process: Process | None, season: Season
) -> tuple[ProcessFit, NDArray[np.bool_]]:
    """The fit without those who buy so often that nobody is between them and the others.

    Returns:
        it, and the others, bool (n,); ``fit`` and everybody where there is no such group.
    """
    rarity = rarities(fit, history, season)
    others = np.ones(len(history), dtype=np.bool_)
    chances = gap_chances(rarity)
    gap = float(chances.min(initial=1.0))
    if gap < _MOST_ALIKE:
        others[np.argsort(-rarity, kind="stable")[: chances.argmin() + 1]] = False
        try:
            now = _fit(history.of(others), process, season)
        except (FailedPrecondition, InvalidArgument):
            return fit, np.ones_like(others)
        # How often the process without them has so many who are as frequent.
        expected = len(history) * np.exp(-rarities(now, history.of(~others), season).min())
        alike = poisson.sf((~others).sum() - 1, expected)
        if alike < (_MOST_LIKELY if gap < CHANCE else _HARDLY_EVER) and _moved(fit, now):
            return now, others
    return fit, np.ones_like(others)


def _stand_out(
    fit: ProcessFit, history: PurchaseHistories, kept: NDArray[np.bool_], season: Season
) -> bool:
    """Whether there is a gap between those who are not kept and the others.

    People who differ more than the process allows pull at it too, and have none.
    """
    rarity = rarities(fit, history, season)
    rank = int((rarity >= rarity[~kept].min()).sum())
    chances = gap_chances(rarity)
    return rank <= len(chances) and bool(chances[rank - 1] < CHANCE)


def _moved(fit: ProcessFit, now: ProcessFit) -> bool:
    """Whether two fits are apart: another process, or by more than twice the error of ``now``."""
    if now.figures.model != fit.figures.model or len(now.found.theta) != len(fit.found.theta):
        return True
    step = now.found.theta - fit.found.theta
    return bool(step @ np.linalg.solve(now.found.covariance, step) > MOST_MOVE)


def _heavy(
    fit: ProcessFit, history: PurchaseHistories, kept: NDArray[np.bool_], season: Season
) -> NDArray[np.int64]:
    """Positions of those among the most frequent who pull too much, int64 (k,)."""
    there = np.flatnonzero(kept)
    most = there[np.argsort(-history.frequency[there], kind="stable")[:_LOOKED_AT]]
    asked = np.zeros(len(history), dtype=np.bool_)
    asked[most] = True
    pull = pulls(fit, history.of(asked), season)
    return np.flatnonzero(asked)[pull > MOST_PULL]


def warn_of_spend(
    bought: Transactions,
    customer: NDArray[np.int64],
    amount: NDArray[np.float64],
    got: Gathered,
) -> None:
    """Warn of customers on whom the mean basket hangs.

    Args:
        bought: the purchases.
        customer: int64 (k,) of each purchase day, positions in ``bought.names``.
        amount: float64 (k,), what was paid, > 0.
        got: where the warning goes.
    """
    mean, size = float(amount.mean()), len(bought.names)
    kept = np.ones(size, dtype=np.bool_)
    for _ in range(_MOST_ROUNDS):
        rows = kept[customer]
        now = float(amount[rows].mean())
        distance = amount[rows] - now
        pull = np.bincount(customer[rows], distance, size).astype(np.float64)
        left_out = next(
            (who for who in _hanging(pull) if _mean_moves(amount, rows & ~who[customer], now)), None
        )
        if left_out is None:
            break
        kept &= ~left_out
    if not kept.all():
        change = f"the mean basket is {now:.4g} in place of {mean:.4g}"
        got.warnings.append(f"spend: {_named(bought, np.flatnonzero(~kept), change)}")


def _hanging(pull: NDArray[np.float64]) -> Iterator[NDArray[np.bool_]]:
    """Customers, one or a group on one side, who make most of the variance of a mean, bool (n,).

    Args:
        pull: float64 (n,), the sum of each one's distances from it.
    """
    size = np.abs(pull)
    alone = gap_chances(size)[:1] < CHANCE
    sides = [(size, int(alone.sum()))]
    sides += [(side, apart(side)) for side in (np.maximum(pull, 0.0), np.maximum(-pull, 0.0))]
    for side, most in sides:
        who = np.zeros(len(pull), dtype=np.bool_)
        who[np.argsort(-side, kind="stable")[:most]] = True
        if (pull[who] ** 2).sum() > MOST_VARIANCE * (pull**2).sum():
            yield who


def _mean_moves(amount: NDArray[np.float64], rows: NDArray[np.bool_], mean: float) -> bool:
    """Whether the mean of ``amount`` on ``rows``, bool (k,), is another than ``mean``."""
    return bool(rows.any() and abs(amount[rows].mean() / mean - 1.0) > MOST_OF_MEAN)


def _named(bought: Transactions, who: NDArray[np.int64], change: str) -> str:
    """The sentence: who, how many rows, what changes without them, what to do."""
    rows = np.bincount(bought.customer, minlength=len(bought.names))
    shown = who[np.argsort(-rows[who], kind="stable")]
    each = [
        f"{str(bought.names[at])!r} ({rows[at]:,} of {rows.sum():,} rows, on "
        f"{len(np.unique(bought.day[bought.customer == at])):,} days)"
        for at in shown[:_NAMED]
    ]
    if len(shown) > _NAMED:
        each.append(f"{len(shown) - _NAMED} more")
    options = " ".join(f"--exclude {str(bought.names[at])!r}" for at in shown[:_NAMED])
    return (
        f"the figures hang on {', '.join(each)}; without {'it' if len(shown) == 1 else 'them'} "
        f"{change}. If that is no person but a till, a guest or a test, leave it out: {options}"
    )
