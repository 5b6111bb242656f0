"""A year of grocery shopping against The Complete Journey: trips, baskets, coupons.

The simulated households live the year of the real ones: each is given the mailings, day by
day, of the real household of the same rank by spend, so that heavy shoppers are mailed more,
as they were. Only households that shopped at all are compared, as only those are in the data.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.complete_journey import Journey, read_journey
from simulator.calibration.jackknife import jackknife
from simulator.validity.classifier import two_sample
from simulator.validity.coupons import TYPES, Coupons, Mailings, imitate, outcome_of
from simulator.validity.populations import rested
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import gini, top_share, variance_parts
from simulator.validity.study import Chart, Findings, Series, Study
from simulator.validity.transactions import TransactionLog, from_dates
from simulator.world import StepResult

Float = NDArray[np.float64]

GROUP = "Complete Journey: grocery shopping"
COUPON_GROUP = "Complete Journey: coupons by mail"
SOURCE = "complete_journey/transactions.parquet"
COUPON_SOURCE = "complete_journey/coupon_redemptions.parquet"

FIRST, LAST = date(2017, 1, 1), date(2017, 12, 31)
YEAR_DAYS = 365
WITHIN = 0.10
COUPON_WITHIN = 0.15
WEEKDAY_DISTANCE = 0.05
CATEGORY_DISTANCE = 0.10
CUSTOMERS_FACTOR = 3
"""Coupons of a type come back by the hundred."""


def real_log(journey: Journey) -> TransactionLog:
    """The households' year: shopping days, all baskets of a day as one."""
    table = journey.transactions
    return from_dates(
        table["customer"].to_numpy(dtype=np.int64),
        table["date"].to_numpy(dtype="datetime64[D]"),
        table["amount"].to_numpy(dtype=np.float64),
        np.datetime64(LAST),
        begin=np.datetime64(FIRST),
    )


def shopping(log: TransactionLog) -> Float:
    """The moments of :data:`_SHOPPING`, in their order."""
    trips = log.count().astype(np.float64)
    gaps = log.gaps()[0]
    paid = log.amount > 0.0
    amount = log.amount[paid]
    total = log.spend()
    between, within = variance_parts(log.customer[paid], np.log(amount))
    return np.array(
        [
            *np.quantile(trips, (0.1, 0.5, 0.9)),
            *np.quantile(gaps, (0.5, 0.9)),
            amount.mean(),
            np.median(amount),
            top_share(total, 0.2),
            gini(total),
            between,
            within,
        ]
    )


_SHOPPING = (
    ("trips_p10", "shopping days a year, 10 % quantile", WITHIN, 1.0),
    ("trips_p50", "shopping days a year, median", WITHIN, 1.0),
    ("trips_p90", "shopping days a year, 90 % quantile", WITHIN, 1.0),
    ("gap_p50", "days between shopping days, median", WITHIN, 0.5),
    ("gap_p90", "days between shopping days, 90 % quantile", WITHIN, 1.0),
    ("basket_mean", "mean spend of a shopping day, dollars", WITHIN, 0.0),
    ("basket_p50", "median spend of a shopping day, dollars", WITHIN, 0.0),
    ("spend_top20", "share of spend of the top 20 %", WITHIN, 0.0),
    ("spend_gini", "Gini coefficient of households' spend", WITHIN, 0.0),
    ("spread_between", "standard deviation of ln spend between households", WITHIN, 0.0),
    ("spread_within", "standard deviation of ln spend within a household", WITHIN, 0.0),
)


def weekdays(log: TransactionLog) -> Float:
    """Share of shopping days by weekday from Monday, float64 (7,)."""
    return np.bincount(log.weekday, minlength=7) / max(len(log), 1)


@dataclass(frozen=True, slots=True)
class Departments:
    """What the simulated households bought most of, purchase by purchase.

    Attributes:
        names: the scenario's categories.
        count: int64 (n, C) purchases by household and category.
    """

    names: tuple[str, ...]
    count: NDArray[np.int64]

    @classmethod
    def empty(cls, study: Study) -> Departments:
        """Nothing bought yet."""
        names = tuple(section.name for section in study.scenario.categories)
        return cls(names, np.zeros((study.customers, len(names)), dtype=np.int64))

    def watch(self, result: StepResult) -> None:
        """Count a day's purchases."""
        buyers = np.flatnonzero((result.orders > 0) & (result.category < len(self.names)))
        self.count[buyers, result.category[buyers]] += 1

    def row(self, journey: Journey, shops: NDArray[np.bool_]) -> ValidityRow:
        """Distance of the shares of categories from those of the real departments.

        A department is the category of its name in lower case, words joined by underscores.
        Those that the scenario does not name are its category ``other``, if it has one.
        """
        real = np.zeros(len(self.names))
        unnamed = 0.0
        for department, share in journey.transactions["category"].value_counts(True).items():
            name = "_".join(re.findall(r"[a-z]+", str(department).lower()))
            if name in self.names:
                real[self.names.index(name)] += share
            elif "other" in self.names:
                real[self.names.index("other")] += share
            else:
                unnamed += share
        count = self.count[shops]

        def distance(chosen: NDArray[np.bool_]) -> Float:
            total = count[chosen].sum(axis=0)
            shares = total / max(total.sum(), 1)
            return np.array([0.5 * (np.abs(shares - real).sum() + unnamed)])

        value, error = jackknife(len(count), distance)
        return ValidityRow(
            id="grocery.categories",
            group=GROUP,
            name="baskets mostly of another category than the real, share",
            target=Target(0.0, CATEGORY_DISTANCE, "total variation distance, range ours", 0.0),
            simulated=float(value[0]),
            stderr=float(error[0]),
            source="complete_journey/products.parquet",
        )


@dataclass(frozen=True, slots=True)
class GroceryMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "Complete Journey"

    def days(self, study: Study) -> int:
        """The year."""
        return YEAR_DAYS

    def measure(self, study: Study) -> Findings:
        """Rows and plots of the year."""
        journey = read_journey(study.data / "complete_journey")
        larger = study.larger(CUSTOMERS_FACTOR)
        real = real_log(journey)
        mailings = Mailings.of(journey, FIRST, real)
        bought = Departments.empty(larger)
        everyone, coupons = imitate(
            rested(larger, start=FIRST), mailings, YEAR_DAYS, study.advance, bought.watch
        )
        shops = everyone.count() > 0
        world = everyone.of(shops)
        found = compare(real, world)
        apart = two_sample(real, world, "complete_journey", SOURCE, study.seed)
        told = coupon_rows(
            outcome_of(mailings),
            coupons.of(shops),
            world,
        )
        return Findings(
            (*found.rows, bought.row(journey, shops), *told, *apart.rows),
            (*found.charts, *apart.charts),
        )


def compare(real: TransactionLog, world: TransactionLog) -> Findings:
    """Rows and plots of shopping."""
    truth = shopping(real)
    values, errors = jackknife(world.customers, lambda chosen: shopping(world.of(chosen)))
    rows = [
        ValidityRow(
            id=f"grocery.{key}",
            group=GROUP,
            name=name,
            target=Target.near(float(truth[at]), share, floor=floor),
            simulated=float(values[at]),
            stderr=float(errors[at]),
            source=SOURCE,
        )
        for at, (key, name, share, floor) in enumerate(_SHOPPING)
    ]
    profile = weekdays(real)

    def distance(chosen: NDArray[np.bool_]) -> Float:
        return np.array([0.5 * np.abs(weekdays(world.of(chosen)) - profile).sum()])

    apart, error = jackknife(world.customers, distance)
    rows.append(
        ValidityRow(
            id="grocery.weekdays",
            group=GROUP,
            name="shopping days on another weekday than the real, share",
            target=Target(0.0, WEEKDAY_DISTANCE, "total variation distance, range ours", 0.0),
            simulated=float(apart[0]),
            stderr=float(error[0]),
            source=SOURCE,
        )
    )
    return Findings(tuple(rows), _charts(real, world))


def coupon_rows(real: Coupons, made: Coupons, world: TransactionLog) -> list[ValidityRow]:
    """Redemption by type of campaign, its delay, and who redeems at all.

    Args:
        real: the data.
        made: the simulated households'.
        world: their purchases, for their ranks by spend.
    """
    labels = [
        *(
            (f"type_{kind}", f"share redeemed per mailed household, type {kind.upper()}", 0.0)
            for kind in TYPES
        ),
        *((f"delay_p{q}", f"days until redemption, {q} % quantile", 2.0) for q in (25, 50, 75)),
        *(
            (f"ever_{q}", f"share of households that redeem at all, spend quintile {q}", 0.02)
            for q in range(1, 6)
        ),
    ]
    truth = real.table()
    values, errors = jackknife(world.customers, lambda chosen: made.of(chosen).table())
    rows = []
    for at, (key, name, floor) in enumerate(labels):
        told = bool(np.isfinite(values[at]))
        rows.append(
            ValidityRow(
                id=f"coupons.{key}",
                group=COUPON_GROUP,
                name=name,
                target=Target.near(float(truth[at]), COUPON_WITHIN, floor=floor),
                simulated=float(values[at]) if told else None,
                stderr=float(errors[at]) if told else None,
                source=COUPON_SOURCE,
                note="" if told else "no coupon of the kind was mailed, or none came back",
            )
        )
    return rows


def _charts(real: TransactionLog, world: TransactionLog) -> tuple[Chart, ...]:
    levels = np.arange(0.02, 0.99, 0.02)

    def curves(of: str) -> tuple[Series, ...]:
        found = []
        for log, label, is_real in ((real, "Complete Journey", True), (world, "simulated", False)):
            values = {
                "trips": log.count().astype(np.float64),
                "baskets": log.amount[log.amount > 0.0],
            }[of]
            x = np.quantile(values, levels)
            found.append(Series(label, tuple(x.tolist()), tuple(levels.tolist()), is_real))
        return tuple(found)

    days = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
    at = tuple(float(day) for day in range(7))
    return (
        Chart(
            id="grocery_trips",
            group=GROUP,
            title="Shopping days a year",
            caption="Share of households that shop on fewer days.",
            x_label="shopping days",
            y_label="share of households",
            style="line",
            series=curves("trips"),
            log_x=True,
        ),
        Chart(
            id="grocery_baskets",
            group=GROUP,
            title="Spend of a shopping day",
            caption="Share of shopping days with less spend.",
            x_label="dollars",
            y_label="share of shopping days",
            style="line",
            series=curves("baskets"),
            log_x=True,
        ),
        Chart(
            id="grocery_weekdays",
            group=GROUP,
            title="Days of the week",
            caption="Share of shopping days by weekday.",
            x_label="",
            y_label="share of shopping days",
            style="bars",
            series=(
                Series("Complete Journey", at, tuple(weekdays(real).tolist()), True),
                Series("simulated", at, tuple(weekdays(world).tolist()), False),
            ),
            ticks=days,
        ),
    )
