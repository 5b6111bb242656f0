"""What a fit says and what the data show, side by side: a fit is believed for its moments."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simulator.calibration import email, spend
from simulator.calibration.cdnow import PurchaseLog
from simulator.calibration.hillstrom import EmailTrial
from simulator.calibration.histories import (
    DAYS_PER_WEEK,
    PurchaseHistories,
    histories,
    purchases_within,
)
from simulator.calibration.process import (
    expected_future,
    expected_purchases,
    share_without_repeat,
)
from simulator.calibration.season import Season
from simulator.scenarios.processes import EmailFigures, ParetoFigures, PurchaseFigures, SpendFigures

_DEVIATE_90 = 1.2815515655446004


@dataclass(frozen=True, slots=True)
class Moment:
    """One quantity, as the fit implies it and as the data have it.

    Attributes:
        name: what, with its unit.
        fit: under the fitted figures.
        real: in the data.
        held_out: whether these observations were kept from the fit.
    """

    name: str
    fit: float
    real: float
    held_out: bool = False


def purchase_moments(
    figures: PurchaseFigures | ParetoFigures, data: PurchaseHistories, season: Season | None = None
) -> tuple[Moment, ...]:
    """Repeat purchases in the period of the fit."""
    season = season or Season.flat()
    expected = expected_purchases(figures, data.age, season, data.first)
    return (
        Moment(
            "share of customers who buy again",
            1.0 - float(share_without_repeat(figures, data, season).mean()),
            data.repeat_share,
        ),
        Moment(
            "repeat purchases per customer", float(expected.mean()), float(data.frequency.mean())
        ),
    )


def holdout_moments(
    figures: PurchaseFigures | ParetoFigures, log: PurchaseLog, season: Season | None = None
) -> tuple[Moment, ...]:
    """Purchases in the second half of the log, predicted from the first half, all customers.

    BG/NBD cannot lose a customer before their first repeat purchase, so the groups are shown
    apart: what it gets wrong, it gets wrong for some of them.
    """
    ids, data = histories(log.customer, log.day, log.middle)
    days = float((log.last - log.middle) / np.timedelta64(1, "D"))
    weeks = days / DAYS_PER_WEEK
    real = purchases_within(ids, log.customer, log.day, log.middle, log.last)
    fit = expected_future(figures, data, weeks, season)
    moments = []
    for label, chosen in (
        ("all", np.ones(len(ids), dtype=np.bool_)),
        ("with no repeat before", data.frequency == 0),
        ("with 1 or 2", (data.frequency > 0) & (data.frequency <= 2)),
        ("with 3 or more", data.frequency > 2),
    ):
        if chosen.any():
            name = f"purchases in the next {weeks:.0f} weeks, customers {label}"
            moments.append(
                Moment(name, float(fit[chosen].mean()), float(real[chosen].mean()), True)
            )
    return tuple(moments)


def spend_moments(figures: SpendFigures, log: PurchaseLog) -> tuple[Moment, ...]:
    """Baskets: each customer once, and each purchase once.

    The model draws spend apart from frequency. Where frequent buyers also fill larger
    baskets, the mean over purchases is above the model's, and the table shows by how much.
    """
    customer, dollars = log.baskets()
    _, at, count = np.unique(customer, return_inverse=True, return_counts=True)
    of_customer = np.bincount(at, weights=dollars) / count
    mean = spend.mean_spend(figures)
    return (
        Moment("mean basket, over customers, dollars", mean, float(of_customer.mean())),
        Moment("mean basket, over purchases, dollars", mean, float(dollars.mean())),
        Moment(
            "median basket, dollars", spend.quantile_spend(figures, 0.0), float(np.median(dollars))
        ),
        Moment(
            "90th percentile of basket, dollars",
            spend.quantile_spend(figures, _DEVIATE_90),
            float(np.quantile(dollars, 0.9)),
        ),
    )


def email_moments(figures: EmailFigures, trial: EmailTrial) -> tuple[Moment, ...]:
    """Visits by arm at the ends of recency, and purchases by arm."""
    probability = email.visit_probability(figures, trial.recency, trial.history, trial.emailed)
    recent, lapsed = trial.recency <= 3.0, trial.recency >= 10.0
    moments = []
    for arm, chosen, share in (
        ("e-mail", trial.emailed, figures.conversion_given_visit_email),
        ("no e-mail", ~trial.emailed, figures.conversion_given_visit_none),
    ):
        for label, months in (
            ("bought in the last 3 months", recent),
            ("10 months ago or more", lapsed),
        ):
            rows = chosen & months
            if rows.any():
                moments.append(
                    Moment(
                        f"share who visit, {arm}, {label}",
                        float(probability[rows].mean()),
                        float(trial.visited[rows].mean()),
                    )
                )
        moments.append(
            Moment(
                f"share who buy, {arm}",
                float(probability[chosen].mean() * share),
                float(trial.converted[chosen].mean()),
            )
        )
    return tuple(moments)
