"""The small acts of a day in plain NumPy: draws, moods, points, baskets, visits.

With :mod:`experiments.benchmarks.numpy_contacts` and :mod:`experiments.benchmarks.numpy_day`
this writes the simulator's model a second time, for arrays of customers instead of one after
the other: masks and fancy indexing, nothing compiled but the uniforms. The kernels are timed
against it, and must agree with it. The equations are those of the modules of
:mod:`simulator` that describe them; only parameters, constants, columns and random draws are
shared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from simulator.compiled import kernel
from simulator.compiled.purposes import Purpose
from simulator.day.results import NO_PLACE, WAITS
from simulator.model import visits
from simulator.model.rules import Rules, Today
from simulator.model.spend import MINOR_PER_MAJOR
from simulator.scenarios.schema import MOST_TICKETS
from simulator.state import columns as col
from simulator.state.population import Population
from troth.objective import COMPONENTS

Bool = NDArray[np.bool_]
Float = NDArray[np.float64]
Rows = NDArray[np.int64]
"""Positions of distinct customers, int64 (m,)."""

ANSWERS = (
    "delivered", "opened", "clicked", "visited", "redeemed", "purchased", "opted_out", "fraud",
)  # fmt: skip


class NumpyResult:
    """What the day brought, field by field as in :class:`simulator.day.results.StepResult`."""

    def __init__(self, size: int) -> None:
        self.components = {name: np.zeros(size, dtype=np.int64) for name in COMPONENTS}
        self.landed = {name: np.zeros(size, dtype=np.int64) for name in COMPONENTS}
        self.answers = {name: np.zeros(size, dtype=bool) for name in ANSWERS}
        self.delay = {name: np.full(size, -1, dtype=np.int16) for name in WAITS}
        self.orders = np.zeros(size, dtype=np.int32)
        self.spend_minor = np.zeros(size, dtype=np.int64)
        self.category = np.full(size, NO_PLACE, dtype=np.uint8)
        self.store = np.full(size, NO_PLACE, dtype=np.uint8)

    def book(self, name: str, rows: Rows, amount: Any) -> None:
        """Credit ``amount`` to the day and book it on the day."""
        self.components[name][rows] += amount
        self.landed[name][rows] += amount


@dataclass
class NumpyPopulation:
    """A population on one day, and what may happen to some of its customers.

    Attributes:
        people: everyone, changed in place.
        rules, today: parameters.
        seed, replicate: address of the draws.
        outcome: what the day brought so far.
    """

    people: Population
    rules: Rules
    today: Today
    seed: int
    replicate: int
    outcome: NumpyResult

    @property
    def clock(self) -> int:
        """Days since the clock's start."""
        return self.today.clock

    @property
    def par(self) -> np.void:
        """Scalars of the scenario, by name."""
        par: np.void = self.rules.par[0]
        return par

    @property
    def period(self) -> int:
        """The bucket of the present period."""
        return int(self.today.record["period"][0])

    def draw(self, rows: Rows, purpose: Purpose) -> Float:
        """Uniforms (4, m) of a mechanism today."""
        return kernel.uniforms(
            self.seed,
            rows + self.people.first,
            purpose=purpose,
            step=self.clock,
            replicate=self.replicate,
        )

    def sentiment(self, rows: Rows, day: int | None = None) -> Float:
        """As it stands on ``day``, today by default."""
        days = (self.clock if day is None else day) - self.people.sentiment_day[rows]
        faded: Float = self.people.sentiment[rows] * self.par["derived_mood_keeps"] ** days
        return faded

    def feel(self, rows: Rows, change: Any, day: int | None = None) -> Float:
        """Move the sentiment on ``day``, today by default; what it is afterwards."""
        moved: Float = np.clip(self.sentiment(rows, day) + change, -1.0, 1.0)
        self.people.sentiment[rows] = moved
        self.people.sentiment_day[rows] = self.clock if day is None else day
        return moved

    def complain(self, rows: Rows) -> None:
        """Open a ticket each."""
        self.people.tickets[rows] = np.minimum(self.people.tickets[rows] + 1, MOST_TICKETS)

    def leave(self, rows: Rows) -> None:
        """From tomorrow on they are gone."""
        self.people.leaves[rows] = np.minimum(self.people.leaves[rows], self.clock + 1)

    def visit(self, rows: Rows) -> None:
        """Count a visit each."""
        people = self.people
        days = self.clock - people.visits_day[rows]
        people.visits[rows] = people.visits[rows] * np.exp(-days / visits.MEMORY) + 1.0
        people.visits_day[rows] = self.clock

    def charged(self, rows: Rows) -> Float:
        """Minor units that a point costs when it is issued."""
        charged: Float = self.people.point_value[rows] * (1.0 - self.par["economics_breakage"])
        return charged

    def issue(self, rows: Rows, points: Any) -> None:
        """Credit points in this period's bucket."""
        self.people.point_buckets[self.period, rows] += points
        self.people.points[rows] += points
        self.people.issued[rows] += points

    def burn(self, rows: Rows, points: NDArray[np.int64]) -> None:
        """Redeem points, at most the balance, oldest first."""
        people, left = self.people, points.copy()
        for age in range(col.BUCKETS - 1, -1, -1):
            bucket = (self.period - age) % col.BUCKETS
            taken = np.minimum(left, people.point_buckets[bucket, rows])
            people.point_buckets[bucket, rows] -= taken
            left -= taken
        people.points[rows] -= points - left
        people.redeemed[rows] += points - left

    def give(self, rows: Rows, points: int) -> None:
        """Issue points that no purchase earned, with a lift of the mood."""
        self.issue(rows, points)
        self.outcome.book("points_minor", rows, whole(points * self.charged(rows)))
        self.feel(rows, self.par["loyalty_gift_lift"])

    def qualify(self, rows: Rows, amount: NDArray[np.int64]) -> None:
        """Book a purchase each on the profile; the tier may rise."""
        people = self.people
        people.order_buckets[self.period, rows] += 1
        people.spend_buckets[self.period, rows] += amount
        people.orders[rows] += 1
        people.spend[rows] += amount
        people.lifetime_orders[rows] += 1
        people.lifetime_spend[rows] += amount
        people.tier[rows] = np.maximum(people.tier[rows], self.tier_of(people.spend[rows]))

    def tier_of(self, spend: NDArray[np.int64]) -> NDArray[np.int64]:
        """The tier that a year's spend qualifies for."""
        thresholds = self.rules.tables.tiers["from_spend_minor"]
        return np.searchsorted(thresholds, spend, side="right") - 1

    def way_up(self, rows: Rows) -> Float:
        """Share of the way from their tier to the next, 0 at the top."""
        people, thresholds = self.people, self.rules.tables.tiers["from_spend_minor"]
        tier = people.tier[rows].astype(np.int64)
        floor, above = thresholds[tier], thresholds[tier + 1]
        share = np.clip((people.spend[rows] - floor) / np.maximum(above - floor, 1), 0.0, 1.0)
        return np.where(tier >= len(thresholds) - 2, 0.0, share)

    def progress(self, rows: Rows) -> Float:
        """Share done of the running challenge, or 0."""
        people = self.people
        share = people.challenge_done[rows] / np.maximum(people.challenge_target[rows], 1)
        return np.where(people.challenge_end[rows] > 0, share, 0.0)

    def basket(
        self, rows: Rows, purpose: Purpose
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.int64]]:
        """Minor units, category and store of a purchase each."""
        people, par = self.people, self.par
        u = self.draw(rows, purpose)
        mean = people.basket[rows] + par["spend_sigma_within"] * normals(u[0], u[1])[0]
        amount = whole(np.exp(mean) * MINOR_PER_MAJOR * self.today.record["basket"][0])
        shares = self.rules.tables.categories["cumulative_share"]
        return (
            np.maximum(amount, 1),
            _loyal_pick(u[2], people.favourite[rows], par["population_category_loyalty"], shares),
            _loyal_pick(
                u[3],
                people.place[rows],
                par["population_store_loyalty"],
                self.rules.tables.cumulative_stores,
            ),
        )


def _loyal_pick(u: Float, usual: NDArray[np.uint8], loyalty: float, shares: Float) -> Rows:
    """The usual one with chance ``loyalty``, else any by cumulative ``shares``."""
    if loyalty >= 1.0:
        return usual.astype(np.int64)
    other = np.searchsorted(shares, (u - loyalty) / (1.0 - loyalty), side="left")
    return np.where(u < loyalty, usual, np.minimum(other, len(shares) - 1))


def whole(x: Any) -> NDArray[np.int64]:
    """The nearest integer, ties to even."""
    return np.asarray(np.rint(x), dtype=np.int64)


def normals(first: Float, second: Float) -> tuple[Float, Float]:
    """Two standard normals from two uniforms, by Box & Muller."""
    radius, angle = np.sqrt(-2.0 * np.log(first)), 2.0 * np.pi * second
    return radius * np.cos(angle), radius * np.sin(angle)
