"""What a purchase is worth, from a user's own: log-normal, with the mean basket of the data."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import gammagamma, spend
from simulator.calibration.estimates import Gathered, Scale, Unidentified, estimate
from simulator.calibration.own.data import Transactions
from simulator.calibration.own.influence import warn_of_spend
from simulator.scenarios.processes import SpendFigures
from troth.errors import FailedPrecondition, InvalidArgument

_MANY_UNPAID = 0.01
"""Share of purchase days with nothing paid from which a world sells visibly more than was sold."""


def fit_spend(bought: Transactions, got: Gathered) -> None:
    """Add the spend of a purchase day, and how it compares with another model's."""
    customer, amount = bought.baskets()
    if not len(amount):
        got.open.append(Unidentified("spend", "no purchase has an amount above 0"))
        return
    _unpaid(bought, len(amount), got)
    warn_of_spend(bought, customer, amount, got)
    try:
        likely, errors, best = spend.fit(customer, amount)
    except InvalidArgument as error:
        got.open.append(Unidentified("spend", error.message))
        return
    except FailedPrecondition:
        _alike(bought, customer, amount, got)
        return
    values, errors["mu"] = spend.sold(likely, best, customer, amount)
    _add(
        bought, values, errors, len(amount), "log-normal with random customer effects", got,
        "maximum likelihood, per purchase day, mu from the mean basket",
    )  # fmt: skip
    got.notes.append(
        f"spend: the mean basket is {amount.mean():.4g} in the data and in the world; maximum "
        f"likelihood alone has {spend.mean_spend(likely):.4g}"
    )
    # The density of an amount is that of its logarithm over the amount.
    aic = 2.0 * (3.0 - best.log_likelihood + float(np.log(amount).sum()))
    try:
        other, _, maximum = gammagamma.fit(customer, amount)
    except FailedPrecondition:
        got.notes.append(f"spend: AIC of log-normal {aic:.1f}; Gamma-Gamma is not identified")
        return
    shown = ", ".join(f"{name} {value:.4g}" for name, value in other.items())
    got.notes.append(
        f"spend: AIC of log-normal {aic:.1f}, of Gamma-Gamma "
        f"{2.0 * (3.0 - maximum.log_likelihood):.1f} ({shown}); the simulator draws log-normal"
    )


def _alike(
    bought: Transactions,
    customer: NDArray[np.int64],
    amount: NDArray[np.float64],
    got: Gathered,
) -> None:
    try:
        values, errors = spend.fit_alike(customer, amount)
    except FailedPrecondition as error:
        got.open.append(Unidentified("spend", error.message))
        return
    _add(
        bought, values, errors, len(amount), "log-normal", got,
        "per purchase day, mu from the mean basket",
    )  # fmt: skip
    got.open.append(
        Unidentified(
            "spend.sigma_between",
            "customers differ no more than purchases of one do: held at "
            f"{spend.ALIKE:g}; the rest is estimated under it",
        )
    )


def _add(
    bought: Transactions,
    values: SpendFigures,
    errors: dict[str, float],
    rows: int,
    model: str,
    got: Gathered,
    method: str,
) -> None:
    where = bought.sheet.origin(rows, f"{model}, {method}")
    for name, value in values.model_dump().items():
        scale: Scale = "plain" if name == "mu" else "log"
        got.found.append(estimate(f"spend.{name}", value, errors.get(name), where, scale))


def _unpaid(bought: Transactions, paid: int, got: Gathered) -> None:
    """Say how many purchase days have no amount: in the world every purchase is paid for."""
    days = len(np.unique(np.stack((bought.customer, bought.day.astype(np.int64))), axis=1)[0])
    if (days - paid) > _MANY_UNPAID * days:
        got.warnings.append(
            f"spend: on {days - paid:,} of {days:,} purchase days nothing was paid; they count as "
            f"purchases, each of which is paid for in the world: it sells {days / paid - 1.0:.1%} "
            "more than was sold. Leave those rows out if they are no purchases"
        )
