"""Customers who move the fit by themselves: tills, guests, whoever is many people under one id.

No name gives them away, their influence does. On the purchase process it is the score test's
statistic of one customer, to the first order how many standard errors the fit lies from the one
without that customer (Cook, "Assessment of local influence", JRSS B 48(2), 1986); on the mean
basket, that customer's share of the variance of the mean.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.estimates import Gathered
from simulator.calibration.histories import PurchaseHistories
from simulator.calibration.own_data import Transactions
from simulator.calibration.process import Process, ProcessFit, fit_better, fit_process, pulls
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
_MOST_ROUNDS = 5
_NAMED = 5


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
    now, kept = fit, everyone.copy()
    for _ in range(_MOST_ROUNDS):
        heavy = _heavy(now, history, kept, season)
        if not heavy.size:
            break
        kept[heavy] = False
        try:
            left = history.of(kept)
            now = fit_process(process, left, season) if process else fit_better(left, season)[0]
        except (FailedPrecondition, InvalidArgument):
            got.warnings.insert(
                0, f"purchases: {_named(bought, who[~kept], 'the data identify no process')}"
            )
            return fit, everyone
    if kept.all() or not _moved(fit, now):
        return fit, everyone
    if now.figures.model != fit.figures.model:
        change = f"{now.figures.model} is taken in place of {fit.figures.model}"
    else:
        after, before = (f.figures.model_dump(exclude={"model"}) for f in (now, fit))
        change = ", ".join(f"{k} {after[k]:.3g} in place of {before[k]:.3g}" for k in after)
    got.warnings.insert(0, f"purchases: {_named(bought, who[~kept], change)}")
    return now, kept


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
        pull = np.bincount(customer[rows], weights=amount[rows] - now, minlength=size)
        at = int(np.abs(pull).argmax())
        others = amount[rows & (customer != at)]
        hangs = pull[at] ** 2 > MOST_VARIANCE * (pull**2).sum() and others.size > 0
        if not hangs or abs(others.mean() / now - 1.0) <= MOST_OF_MEAN:
            break
        kept[at] = False
    if not kept.all():
        change = f"the mean basket is {now:.4g} in place of {mean:.4g}"
        got.warnings.append(f"spend: {_named(bought, np.flatnonzero(~kept), change)}")


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
