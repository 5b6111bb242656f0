"""A cohort without contacts against CDNOW: repeat purchases, gaps, baskets, silence.

Simulated members join like the cohort of 1997 and are observed as long: customer j's
calendar is that of a real customer. CDNOW's retailer sent no offers that the data know of, so
nobody is contacted. Weeks 40 to 78 are out of sample where the scenario's ``[purchases]`` are
fitted on the first 39 weeks, as ``troth calibrate`` does; the rows say what is known of that.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import cdnow
from simulator.calibration.jackknife import jackknife
from simulator.validity.classifier import two_sample
from simulator.validity.forecast_rows import forecast_rows, provenance
from simulator.validity.populations import column, newcomers
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import gini, top_share
from simulator.validity.study import Chart, Findings, Series, Study
from simulator.validity.transactions import TransactionLog, from_dates, simulate
from troth.errors import NotFound

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]

GROUP = "CDNOW: purchases of a cohort"
SOURCE = f"cdnow/{cdnow.MASTER}"

LAST_WEEK = 78
SPLIT_WEEK = 39
CURVE_WEEKS = (13, 26, 39, 52, 65, 78)
GAP_LEVELS = (0.10, 0.25, 0.50, 0.75, 0.90)
SILENCE_WEEKS = ((0, 4), (4, 13), (13, 26), (26, 39))

REPEATS_WITHIN = 0.05
WITHIN = 0.10
SILENCE_WITHIN = 0.15

CUSTOMERS_FACTOR = 25
"""The cohort is larger than the real one: a few customers make most of the repeat purchases."""

_GOLDEN = 0.6180339887498949


def read(study: Study) -> TransactionLog:
    """The real cohort.

    Raises:
        NotFound: if the file is absent.
    """
    master, _ = cdnow.locate(study.data)
    if master is None:
        raise NotFound("no such file", field=str(study.data / "cdnow" / cdnow.MASTER))
    log = cdnow.read_log(master)
    return from_dates(log.customer, log.day, log.dollars, log.last)


def imitate(study: Study, real: TransactionLog) -> TransactionLog:
    """A simulated cohort observed like the real one.

    Everybody's joining purchase is day 0; its amount is what the firm knows of them next day.
    """
    first = np.datetime64(int(np.median(real.start)), "D").astype(object)
    world = newcomers(study, start=first)
    joining = column(world.contexts(), "monetary_minor") / 100.0
    later = simulate(world, int(real.span.max()), advance=study.advance)
    # Evenly spread over the real customers, and in no order: one golden step each.
    twin = (np.arange(study.customers) * _GOLDEN % 1.0 * real.customers).astype(np.int64)
    everyone = np.arange(study.customers, dtype=np.int64)
    customer = np.concatenate((everyone, later.customer))
    day = np.concatenate((np.zeros(study.customers, dtype=np.int64), later.day + 1))
    order = np.lexsort((day, customer))
    return TransactionLog(
        customer[order],
        day[order],
        np.concatenate((joining, later.amount))[order],
        np.full(study.customers, real.span.max(), dtype=np.int64),
        real.start[twin],
    ).within(real.span[twin])


def repeats_by_week(log: TransactionLog, weeks: Float) -> Float:
    """Repeat purchases per customer up to each calendar week of the cohort, float64 (w,)."""
    origin = (log.start + log.span).max() - 7 * LAST_WEEK
    at = (log.start[log.customer] + log.day - origin)[log.day > 0]
    return np.searchsorted(np.sort(at), 7.0 * weeks, side="right") / log.customers


def halves(log: TransactionLog) -> tuple[Int64, Int64]:
    """Repeat purchases of each customer up to week 39 and after it, int64 (n,) each."""
    split = (log.start + log.span).max() - 7 * (LAST_WEEK - SPLIT_WEEK)
    early = log.start[log.customer] + log.day <= split
    return log.count(early & (log.day > 0)), log.count(~early)


def returns_by_silence(log: TransactionLog) -> Float:
    """Share who buy in weeks 40 to 78, by weeks since the last purchase at week 39."""
    split = (log.start + log.span).max() - 7 * (LAST_WEEK - SPLIT_WEEK)
    early = log.start[log.customer] + log.day <= split
    silent = (split - log.start - log.only(early).last()) / 7.0
    again = log.count(~early) > 0
    shares = []
    for low, high in SILENCE_WEEKS:
        chosen = (silent >= low) & (silent < high)
        shares.append(again[chosen].mean() if chosen.any() else np.nan)
    return np.array(shares)


def by_repeats(log: TransactionLog) -> Float:
    """Purchases per customer in weeks 40 to 78: all, and with 0, 1 or 2, 3 or more before."""
    before, after = halves(log)
    groups = (before >= 0, before == 0, (before > 0) & (before < 3), before > 2)
    return np.array([after[g].mean() if g.any() else np.nan for g in groups])


def frequencies(log: TransactionLog) -> Float:
    """Shares of customers with 0, 1, 2, 3 or more repeat purchases in the whole time."""
    repeats = np.minimum(log.count(log.day > 0), 3)
    return np.bincount(repeats, minlength=4) / log.customers


def gap_quantiles(log: TransactionLog) -> Float:
    """Quantiles of the days between purchases, float64 (5,)."""
    return np.quantile(log.gaps()[0], GAP_LEVELS)


def spending(log: TransactionLog) -> Float:
    """Basket mean, 10 %, 50 %, 90 %; Gini and top-fifth share of customers' spend."""
    paid = log.amount[log.amount > 0.0]
    total = log.spend()
    low, middle, high = np.quantile(paid, (0.1, 0.5, 0.9))
    return np.array([paid.mean(), low, middle, high, gini(total), top_share(total, 0.2)])


def _table(log: TransactionLog) -> Float:
    return np.concatenate(
        (
            repeats_by_week(log, np.array(CURVE_WEEKS, dtype=np.float64)),
            by_repeats(log),
            frequencies(log),
            gap_quantiles(log),
            spending(log),
            returns_by_silence(log),
        )
    )


def _labels() -> list[tuple[str, str, float, float]]:
    """(id, name, relative tolerance, least tolerance) of each value of :func:`_table`."""
    labels = [
        (
            f"repeats_week_{w}",
            f"repeat purchases per customer by week {w}"
            + (", out of sample" if w > SPLIT_WEEK else ""),
            REPEATS_WITHIN,
            0.0,
        )
        for w in CURVE_WEEKS
    ]
    labels.append(
        ("holdout", "purchases per customer in weeks 40 to 78, out of sample", REPEATS_WITHIN, 0.0)
    )
    labels += [
        (
            f"holdout_{key}",
            f"the same, customers with {text} repeats before",
            WITHIN,
            0.0,
        )
        for key, text in (("none", "no"), ("few", "1 or 2"), ("many", "3 or more"))
    ]
    labels += [
        (f"share_{key}", f"share of customers with {text} in 78 weeks", WITHIN, 0.0)
        for key, text in (
            ("none", "no repeat purchase"),
            ("one", "1 repeat purchase"),
            ("two", "2 repeat purchases"),
            ("more", "3 or more repeat purchases"),
        )
    ]
    labels += [
        (f"gap_p{100 * q:.0f}", f"days between purchases, {100 * q:.0f} % quantile", WITHIN, 1.0)
        for q in GAP_LEVELS
    ]
    labels += [
        ("basket_mean", "mean basket, dollars", WITHIN, 0.0),
        ("basket_p10", "10 % quantile of baskets, dollars", WITHIN, 0.0),
        ("basket_p50", "median basket, dollars", WITHIN, 0.0),
        ("basket_p90", "90 % quantile of baskets, dollars", WITHIN, 0.0),
        ("spend_gini", "Gini coefficient of customers' spend", WITHIN, 0.0),
        ("spend_top20", "share of spend of the top 20 %", WITHIN, 0.0),
    ]
    labels += [
        (
            f"silence_{low}_{high}",
            f"share who buy in weeks 40 to 78 after {low} to {high} weeks of silence",
            SILENCE_WITHIN,
            0.0,
        )
        for low, high in SILENCE_WEEKS
    ]
    return labels


@dataclass(frozen=True, slots=True)
class CdnowMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "CDNOW"

    def days(self, study: Study) -> int:
        """The 78 weeks."""
        return 7 * LAST_WEEK

    def measure(self, study: Study) -> Findings:
        """Rows and plots of the cohort."""
        real = read(study)
        world = imitate(study.larger(CUSTOMERS_FACTOR), real)
        found = compare(real, world, provenance(study.scenario))
        forecast = forecast_rows(study, GROUP, SOURCE)
        apart = two_sample(real, world, "cdnow", SOURCE, study.seed)
        return Findings((*found.rows, *forecast, *apart.rows), (*found.charts, *apart.charts))


def compare(real: TransactionLog, world: TransactionLog, provenance: str = "") -> Findings:
    """The rows and plots of a simulated cohort beside the real one.

    Args:
        real: the data.
        world: the simulated cohort.
        provenance: what its purchases were fitted on, said beside the hold-out.
    """
    truth = _table(real)
    values, errors = jackknife(world.customers, lambda chosen: _table(world.of(chosen)))
    rows = tuple(
        ValidityRow(
            id=f"cdnow.{key}",
            group=GROUP,
            name=name,
            target=Target.near(float(truth[at]), share, floor=floor),
            simulated=float(values[at]),
            stderr=float(errors[at]),
            source=SOURCE,
            note=provenance if key == "holdout" else "",
        )
        for at, (key, name, share, floor) in enumerate(_labels())
    )
    return Findings(rows, _charts(real, world))


def _charts(real: TransactionLog, world: TransactionLog) -> tuple[Chart, ...]:
    weeks = np.arange(1.0, LAST_WEEK + 1)
    levels = np.arange(0.02, 0.99, 0.02)
    pair = ((real, True), (world, False))

    def series(x: Float, of: Callable[[TransactionLog], Float]) -> tuple[Series, ...]:
        return tuple(
            Series(
                "CDNOW" if is_real else "simulated",
                tuple(x.tolist()),
                tuple(of(log).tolist()),
                is_real,
            )
            for log, is_real in pair
        )

    def paid(log: TransactionLog) -> Float:
        return np.asarray(np.quantile(log.amount[log.amount > 0.0], levels))

    return (
        Chart(
            id="cdnow_repeats",
            group=GROUP,
            title="Repeat purchases of the cohort",
            caption="Cumulative repeat purchases per customer. What lies right of the line was "
            "kept from the fit.",
            x_label="week of the cohort",
            y_label="repeat purchases per customer",
            style="line",
            series=series(weeks, lambda log: repeats_by_week(log, weeks)),
            mark=(float(SPLIT_WEEK), "hold-out"),
        ),
        Chart(
            id="cdnow_frequency",
            group=GROUP,
            title="How often customers return",
            caption="Share of customers by repeat purchases in 78 weeks.",
            x_label="repeat purchases",
            y_label="share of customers",
            style="bars",
            series=series(np.arange(4.0), frequencies),
            ticks=("0", "1", "2", "3 or more"),
        ),
        Chart(
            id="cdnow_gaps",
            group=GROUP,
            title="Days between purchases",
            caption="Share of the gaps that are shorter, by length.",
            x_label="days",
            y_label="share of gaps",
            style="line",
            series=tuple(
                Series(
                    "CDNOW" if is_real else "simulated",
                    tuple(np.quantile(log.gaps()[0], levels).tolist()),
                    tuple(levels.tolist()),
                    is_real,
                )
                for log, is_real in pair
            ),
            log_x=True,
        ),
        Chart(
            id="cdnow_baskets",
            group=GROUP,
            title="Baskets",
            caption="Share of the baskets that are smaller, by value.",
            x_label="dollars",
            y_label="share of baskets",
            style="line",
            series=tuple(
                Series(
                    "CDNOW" if is_real else "simulated",
                    tuple(paid(log).tolist()),
                    tuple(levels.tolist()),
                    is_real,
                )
                for log, is_real in pair
            ),
            log_x=True,
        ),
        Chart(
            id="cdnow_silence",
            group=GROUP,
            title="Silence and return",
            caption="Share who buy in weeks 40 to 78, by weeks since the last purchase at week 39.",
            x_label="weeks since the last purchase",
            y_label="share who buy again",
            style="bars",
            series=series(np.arange(float(len(SILENCE_WEEKS))), returns_by_silence),
            ticks=tuple(f"{low} to {high}" for low, high in SILENCE_WEEKS),
        ),
    )
