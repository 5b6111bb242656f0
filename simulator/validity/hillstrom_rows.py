"""One e-mail against none, on members placed like Hillstrom's customers.

Members who bought within twelve months and may be e-mailed are weighted so that their months
since the last purchase and their spend of the past year are distributed as in the experiment.
The effect is that of the assignment over two weeks, as in the experiment. A visit is one that the
e-mail brings, counted over several mornings after one and the same evening; of a purchase, which
it brings to three in a thousand, the world's own expectation is taken, with the e-mail and
without, of which the share lands within two weeks that is counted to do so. Both e-mail arms are
pooled where one e-mail is compared, since a programme's e-mail is neither for men nor for
women, and its effect should lie between those of the two arms.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, fields
from itertools import pairwise
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from simulator.calibration import hillstrom
from simulator.truth import expected_purchases
from simulator.validity.populations import column, members, messages, past_year, send
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import mean_error
from simulator.validity.study import Chart, Findings, Series, Study
from simulator.validity.transactions import simulate
from simulator.world import World
from troth.catalogue import Channel, OfferKind
from troth.errors import NotFound
from troth.tables import read_table

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

GROUP = "Hillstrom: what an e-mail does"

WINDOW_DAYS = 14
CUSTOMERS_FACTOR = 8
PARTS = 16
"""Many more members than elsewhere, a part at a time: few are like Hillstrom's most valued."""
REPLICATES = 8
ORDER_DAYS = 56
DAYS_PER_MONTH = 30.4375
MONTHS = 12
RECENCY_SEGMENTS = ((1, 3), (4, 6), (7, 9), (10, 12))
HISTORY_EDGES = (0.0, 100.0, 200.0, 350.0, np.inf)
SPREAD_WITHIN = 0.15


@dataclass(frozen=True, slots=True)
class Experiment:
    """Hillstrom's file, row by row.

    Attributes:
        months: int64 (n,) since the last purchase.
        history: float64 (n,) dollars of the past year.
        arm: int64 (n,) position in :data:`simulator.calibration.hillstrom.ARMS`.
        visited, bought: bool (n,) within two weeks.
        spend: float64 (n,) dollars within two weeks.
        file: its name.
    """

    months: Int64
    history: Float
    arm: Int64
    visited: Bool
    bought: Bool
    spend: Float
    file: str


def read(data: Path) -> Experiment:
    """The experiment with its arms.

    Raises:
        NotFound: if the file is absent.
        InvalidArgument: for a wrong value, naming file, line and column.
    """
    path = hillstrom.locate(data)
    if path is None:
        raise NotFound("no .csv or .csv.gz there", field=str(data / "hillstrom"))
    trial = hillstrom.read_trial(path)
    table = read_table(path, columns=("segment", "spend"))
    return Experiment(
        months=trial.recency.astype(np.int64),
        history=trial.history,
        arm=table.choices("segment", hillstrom.ARMS),
        visited=trial.visited,
        bought=trial.converted,
        spend=table.numbers("spend", 0.0, 1e7),
        file=f"hillstrom/{path.name}",
    )


def cells(months: Int64, history: Float) -> Int64:
    """Position of each customer among months times history segments, int64 (n,)."""
    segment = np.searchsorted(HISTORY_EDGES, history, side="right") - 1
    return (np.clip(months, 1, MONTHS) - 1) * (len(HISTORY_EDGES) - 1) + segment


def weights(real: Int64, simulated: Int64) -> Float:
    """What each simulated customer counts for, so that cells are as frequent as the real."""
    size = MONTHS * (len(HISTORY_EDGES) - 1)
    wanted = np.bincount(real, minlength=size) / real.size
    have = np.bincount(simulated, minlength=size) / max(simulated.size, 1)
    share = np.divide(wanted, have, out=np.zeros(size), where=have > 0.0)
    return share[simulated]


def lift(outcome: Bool, emailed: Bool) -> tuple[float, float]:
    """Difference of shares, e-mail less none, and its standard error."""
    with_it, without = outcome[emailed], outcome[~emailed]
    p, q = float(with_it.mean()), float(without.mean())
    return p - q, float(np.sqrt(p * (1 - p) / with_it.size + q * (1 - q) / without.size))


@dataclass(frozen=True, slots=True)
class _Segment:
    """Part of the customers, by the same rule in the data and in the world."""

    id: str
    name: str
    real: Bool
    simulated: Bool


def _segments(real: Experiment, months: Int64, history: Float) -> Iterator[_Segment]:
    yield _Segment(
        "all", "", np.ones(real.months.size, dtype=np.bool_), np.ones(months.size, dtype=np.bool_)
    )
    for low, high in RECENCY_SEGMENTS:
        yield _Segment(
            f"recency_{low}_{high}",
            f", last purchase {low} to {high} months ago",
            (real.months >= low) & (real.months <= high),
            (months >= low) & (months <= high),
        )
    for low_edge, high_edge in pairwise(HISTORY_EDGES):
        text = f"{low_edge:.0f} to {high_edge:.0f}" if high_edge < np.inf else f"{low_edge:.0f}+"
        yield _Segment(
            f"history_{low_edge:.0f}",
            f", spent {text} dollars in the past year",
            (real.history >= low_edge) & (real.history < high_edge),
            (history >= low_edge) & (history < high_edge),
        )


@dataclass(frozen=True, slots=True)
class HillstromMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "Hillstrom"

    def days(self, study: Study) -> int:
        """The day of the e-mail in every part and replicate, and eight weeks of orders."""
        return REPLICATES * PARTS + ORDER_DAYS

    def measure(self, study: Study) -> Findings:
        """Rows and plots of the e-mail's effect."""
        real = read(study.data)
        larger = study.larger(CUSTOMERS_FACTOR)
        told = [experiment(members(larger, part), study) for part in range(PARTS)]
        orders = simulate(members(larger), ORDER_DAYS, advance=study.advance).amount
        rows, charts = effects(real, Answers.joined(told))
        return Findings((*rows, _spread(real, orders)), charts)


@dataclass(frozen=True, slots=True)
class Answers:
    """What one e-mail does to m members.

    Attributes:
        months: int64 (m,) since the last purchase.
        history: float64 (m,) dollars of the past year.
        visits: float64 (m,) that it brings within two weeks, mean over replicates.
        purchases: float64 (m,) expected that it adds within two weeks.
    """

    months: Int64
    history: Float
    visits: Float
    purchases: Float

    @classmethod
    def joined(cls, parts: Sequence[Answers]) -> Answers:
        """Those of all parts."""
        return cls(*(np.concatenate([getattr(p, f.name) for p in parts]) for f in fields(cls)))


def experiment(world: World, study: Study) -> Answers:
    """One e-mail to those of ``world`` who bought within twelve months; it is left as it is."""
    contexts = world.contexts()
    recency = column(contexts, "recency_days")
    action = int(messages(world, Channel.EMAIL, (OfferKind.CONTENT,))[0])
    sent = send(world, action, recency <= MONTHS * DAYS_PER_MONTH)
    chosen = np.flatnonzero(sent)
    added = expected_purchases(world, sent) - expected_purchases(world, np.zeros_like(sent))
    visits = np.zeros(chosen.size)
    landed = brought = 0
    for replicate in range(REPLICATES):
        result = world.fork(replicate).step(sent)
        visits += (result.visited & (result.delay["visited"] < WINDOW_DAYS))[chosen]
        wait = result.delay["purchased"][chosen]
        brought += int((wait > 0).sum())
        landed += int(((wait > 0) & (wait < WINDOW_DAYS)).sum())
        study.advance(1)
    return Answers(
        months=np.ceil(recency[chosen] / DAYS_PER_MONTH).astype(np.int64),
        history=past_year(contexts)[chosen],
        visits=visits / REPLICATES,
        purchases=added[chosen] * (landed / max(brought, 1)),
    )


def effects(real: Experiment, found: Answers) -> tuple[tuple[ValidityRow, ...], tuple[Chart, ...]]:
    """Rows and plots: lift of visits and purchases by segment and by arm."""
    months, history = found.months, found.history
    weight = weights(cells(real.months, real.history), cells(months, history))
    emailed = real.arm > 0
    bought, visits = found.purchases, found.visits
    rows: list[ValidityRow] = []
    points: dict[str, list[tuple[float, float, float, float]]] = {"visit": [], "purchase": []}
    segments = list(_segments(real, months, history))
    for segment in segments:
        at = segment.real
        for what, outcome, values in (
            ("visit", real.visited, visits),
            ("purchase", real.bought, bought),
        ):
            value, error = lift(outcome[at], emailed[at])
            here = segment.simulated
            mean, spread = mean_error(values[here], weight[here])
            rows.append(
                _row(
                    f"{what}_{segment.id}",
                    f"{what}s an e-mail adds per customer{segment.name}",
                    Target.sampled(value, error),
                    mean,
                    spread,
                    real.file,
                )
            )
            points[what].append((value, 1.96 * error, mean, 1.96 * spread))
    rows += _arms(real, visits, bought, weight)
    return tuple(rows), tuple(_chart(what, points[what], segments) for what in points)


def _arms(real: Experiment, visits: Float, bought: Float, weight: Float) -> list[ValidityRow]:
    """One e-mail's effect lies between those of the two arms."""
    rows = []
    for what, outcome, values in (
        ("visit", real.visited, visits),
        ("purchase", real.bought, bought),
    ):
        arms = []
        for arm in (1, 2):
            chosen = (real.arm == 0) | (real.arm == arm)
            value, error = lift(outcome[chosen], (real.arm == arm)[chosen])
            arms.append((value - 1.96 * error, value + 1.96 * error))
        mean, spread = mean_error(values, weight)
        target = Target(
            min(low for low, _ in arms),
            max(high for _, high in arms),
            "95 % intervals of the men's and the women's e-mail",
        )
        rows.append(
            _row(
                f"{what}_arms",
                f"{what}s an e-mail adds, between the two arms",
                target,
                mean,
                spread,
                real.file,
            )
        )
    return rows


def _row(key: str, name: str, target: Target, mean: float, error: float, file: str) -> ValidityRow:
    return ValidityRow(
        id=f"hillstrom.{key}",
        group=GROUP,
        name=name,
        target=target,
        simulated=mean if np.isfinite(mean) else None,
        stderr=error if np.isfinite(mean) else None,
        source=f"{file}, two weeks after the e-mail",
        note="" if np.isfinite(mean) else "no member there",
    )


def _spread(real: Experiment, orders: Float) -> ValidityRow:
    """Spread of order values; their level is a retailer's, and CDNOW's is fitted."""
    value = float(np.log(real.spend[real.spend > 0.0]).std(ddof=1))
    logs = np.log(orders[orders > 0.0])
    return ValidityRow(
        id="hillstrom.order_spread",
        group=GROUP,
        name="standard deviation of ln order value",
        target=Target.near(value, SPREAD_WITHIN),
        simulated=float(logs.std(ddof=1)),
        stderr=float(logs.std(ddof=1) / np.sqrt(2.0 * max(logs.size - 1, 1))),
        source=real.file,
    )


def _chart(
    what: str,
    points: list[tuple[float, float, float, float]],
    segments: list[_Segment],
) -> Chart:
    columns = np.array(points).T
    real, half, mean, spread = columns
    x = tuple(float(at) for at in range(len(segments)))

    def series(label: str, y: Float, width: Float, is_real: bool) -> Series:
        return Series(
            label,
            x,
            tuple(y.tolist()),
            is_real,
            tuple((y - width).tolist()),
            tuple((y + width).tolist()),
        )

    return Chart(
        id=f"hillstrom_{what}",
        group=GROUP,
        title=f"{what.capitalize()}s an e-mail adds",
        caption=f"{what.capitalize()}s per customer within two weeks, e-mail less none, with "
        "95 % intervals. Both arms pooled.",
        x_label="segment",
        y_label=f"added {what}s per customer",
        style="points",
        series=(series("Hillstrom", real, half, True), series("simulated", mean, spread, False)),
        ticks=tuple(_tick(segment.id) for segment in segments),
    )


def _tick(key: str) -> str:
    """Short label of a segment, two lines."""
    kind, _, rest = key.partition("_")
    if kind == "recency":
        return rest.replace("_", " to ") + "\nmonths"
    return "all" if kind == "all" else f"{rest}+\ndollars"
