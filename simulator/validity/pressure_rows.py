"""What more contacts do: the best number of e-mails, fatigue, calls that wear out.

Members are dealt by common random numbers to worlds that differ in nothing but the number of
e-mails per month; profit is that over the world in which they are sent none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulator.calibration.jackknife import jackknife
from simulator.validity.populations import messages, rested, send
from simulator.validity.row import Target, ValidityRow
from simulator.validity.statistics import ratio_error
from simulator.validity.study import Chart, Findings, Series, Study
from simulator.world import World
from troth.catalogue import CHANNELS, Channel
from troth.objective import Objective

Float = NDArray[np.float64]
Bool = NDArray[np.bool_]

GROUP = "Documented effects: pressure"

MONTH_DAYS = 30
YEAR_DAYS = 12 * MONTH_DAYS
EVERY = 3
"""Days from one that is counted to the next; whose turn it is on them is anybody's alike."""
FREQUENCIES = (0, 2, 4, 7, 10, 14)
MIDDLE = 7
CUSTOMERS_FACTOR = 12
"""A few heavy buyers who are won back, or leave, weigh most in what e-mail earns in a year."""
ANSWERS_FACTOR = 16
"""Of those who are called, few have not said yes before the tenth call."""
TRAINING_DAYS = 28
TRIAL_DAYS = 7
CALLS = 10
CALL_DAYS = 90
CALL_EVERY = 3

ZHANG = "Zhang, Kumar & Cosguner, JMR 54(6), 2017"
UCI = "UCI Bank Marketing: yes by number of the call"

MONEY = Objective(
    margin_minor=1.0, discount_minor=-1.0, points_minor=-1.0, contact_minor=-1.0, opt_outs=0.0
)
"""Money alone: a lost permission costs what can no longer be sold through it."""


def due(size: int, day: int, per_month: int) -> Bool:
    """Bool (size,): whose turn it is, ``per_month`` times in 30 days, evenly spread."""
    position = (day + np.arange(size)) % MONTH_DAYS
    return np.asarray((position * per_month) % MONTH_DAYS < per_month, dtype=np.bool_)


def profit(start: World, per_month: int, study: Study) -> Float:
    """Profit of a year with ``per_month`` e-mails, minor units per customer, float64 (n,).

    A day counts with its exact expectation given the life lived so far: the same mean as the
    profit itself, with the chance of single purchases and baskets taken out. Every third day is
    counted, for three.
    """
    world, total = start.fork(), np.zeros(start.size)
    for day in range(YEAR_DAYS):
        actions = np.zeros(world.size, dtype=np.int64)
        if per_month:
            turn = due(world.size, day, per_month)
            actions = send(world, int(messages(world, Channel.EMAIL)[0]), turn)
        if day % EVERY == 0:
            total += EVERY * world.expected_rewards(MONEY, actions)
        world.step(actions)
        study.advance(1)
    return total


def clicks_after(start: World, per_week: int, study: Study) -> tuple[Float, Float]:
    """Clicks on and delivered e-mails of a trial week, after four weeks of ``per_week``."""
    world = start.fork()
    clicked, delivered = np.zeros(world.size), np.zeros(world.size)
    for day in range(TRAINING_DAYS + TRIAL_DAYS):
        trial = day >= TRAINING_DAYS
        turn = (day + np.arange(world.size)) % 7
        wanted = turn == 0 if trial else (turn * per_week) % 7 < per_week
        result = world.step(send(world, int(messages(world, Channel.EMAIL)[0]), wanted))
        if trial:
            clicked += result.clicked
            delivered += result.delivered
        study.advance(1)
    return clicked, delivered


def yes_by_call(start: World, study: Study) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Yes and answered calls by number of the call, int64 (10,) each.

    Whoever says yes is not called again, as in the bank's campaigns.
    """
    world = start.fork()
    calls = np.zeros(world.size, dtype=np.int64)
    over = np.zeros(world.size, dtype=np.bool_)
    yes, answered = (np.zeros(CALLS, dtype=np.int64) for _ in range(2))
    choices = messages(world, Channel.CALL_CENTRE)
    for day in range(CALL_DAYS):
        turn = (day + np.arange(world.size)) % CALL_EVERY == 0
        wanted = turn & ~over & (calls < CALLS)
        mask = world.mask()[:, choices] & wanted[:, None]
        actions = np.where(mask.any(axis=1), choices[mask.argmax(axis=1)], 0).astype(np.int64)
        result = world.step(actions)
        reached = result.delivered & (actions > 0)
        np.add.at(answered, calls[reached], 1)
        np.add.at(yes, calls[reached & result.clicked], 1)
        over |= reached & result.clicked
        calls += reached
        study.advance(1)
    return yes, answered


@dataclass(frozen=True, slots=True)
class PressureMoments:
    """See :class:`simulator.validity.study.MomentSource`."""

    title: str = "pressure"

    def days(self, study: Study) -> int:
        """A year per frequency, two trials of fatigue, the calls."""
        return YEAR_DAYS * len(FREQUENCIES) + 2 * (TRAINING_DAYS + TRIAL_DAYS) + CALL_DAYS

    def measure(self, study: Study) -> Findings:
        """Rows and plots of what pressure does."""
        email, curve = frequency_rows(rested(study.larger(CUSTOMERS_FACTOR)), study)
        crowd = rested(study.larger(ANSWERS_FACTOR))
        calls, chart = call_rows(crowd, study)
        return Findings((*email, *fatigue_rows(crowd, study), *calls), (curve, chart))


def frequency_rows(start: World, study: Study) -> tuple[list[ValidityRow], Chart]:
    """Where profit peaks, and what less and more cost."""
    reachable = start.permissions[:, CHANNELS.index(Channel.EMAIL)]
    yearly = np.stack([profit(start, number, study)[reachable] for number in FREQUENCIES])
    gain = yearly[1:] - yearly[0]

    def figures(chosen: Bool) -> Float:
        mean = gain[:, chosen].mean(axis=1)
        curve = smooth(FREQUENCIES[1:], mean)
        seven = float(np.polyval(curve, MIDDLE))

        def lost(number: int) -> float:
            return 1.0 - float(np.polyval(curve, number)) / seven if seven > 0.0 else np.nan

        return np.array([peak(curve, FREQUENCIES[-1]), lost(4), lost(10), *mean])

    values, errors = jackknife(gain.shape[1], figures)
    rows = []
    for at, (key, name, target) in enumerate(
        (
            ("best_frequency", "e-mails per month that pay best", Target.figure(7.0, 5.0, 9.0)),
            ("too_few", "profit of e-mail lost at 4 a month", Target.figure(0.32, 0.16, 0.48)),
            ("too_many", "profit of e-mail lost at 10 a month", Target.figure(0.16, 0.08, 0.24)),
        )
    ):
        told = np.isfinite(values[at])
        rows.append(
            ValidityRow(
                id=f"pressure.{key}",
                group=GROUP,
                name=name,
                target=target,
                simulated=float(values[at]) if told else None,
                stderr=float(errors[at]) if told else None,
                source=ZHANG,
                note="a year, profit over no e-mail, the same members' lives"
                if told
                else "e-mail loses money at 7 a month, so there is no profit to share out",
            )
        )
    half = 1.96 * np.append(0.0, errors[3:]) / 100.0
    mean = np.append(0.0, values[3:]) / 100.0
    return rows, Chart(
        id="pressure_frequency",
        group=GROUP,
        title="Profit by number of e-mails",
        caption="Profit per customer and year over sending none, with 95 % intervals. Zhang, Kumar "
        "& Cosguner find the best number at about 7.",
        x_label="e-mails a month",
        y_label="profit over none, major units",
        style="line",
        series=(
            Series(
                "simulated",
                tuple(float(n) for n in FREQUENCIES),
                tuple(mean.tolist()),
                False,
                tuple((mean - half).tolist()),
                tuple((mean + half).tolist()),
            ),
        ),
        mark=(7.0, "published optimum"),
    )


def smooth(x: tuple[int, ...], y: Float) -> Float:
    """The cubic through the origin nearest to points, coefficients from the highest, (4,).

    A few heavy buyers who leave or stay move a single point by a tenth; a curve of three
    coefficients through five points evens that out.
    """
    powers = np.array(x, dtype=np.float64)[:, None] ** np.array([3.0, 2.0, 1.0])
    return np.append(np.linalg.lstsq(powers, y, rcond=None)[0], 0.0)


def peak(curve: Float, most: int) -> float:
    """Where a polynomial is highest between 0 and ``most``, to a hundredth."""
    at = np.linspace(0.0, most, 100 * most + 1)
    return float(at[np.argmax(np.polyval(curve, at))])


def fatigue_rows(start: World, study: Study) -> list[ValidityRow]:
    """Clicks of those who were sent three a week, over those who were sent none."""
    many, many_sent = clicks_after(start, 3, study)
    none, none_sent = clicks_after(start, 0, study)

    def figure(chosen: Bool) -> Float:
        often, rested_rate = (
            ratio_error(top[chosen], bottom[chosen])[0]
            for top, bottom in ((many, many_sent), (none, none_sent))
        )
        return np.array([often / rested_rate])

    value, error = jackknife(start.size, figure)
    return [
        ValidityRow(
            id="pressure.fatigue",
            group=GROUP,
            name="click rate after four weeks of 3 e-mails, over that after none",
            target=Target(0.0, 0.95, "below 1 as published, range ours"),
            simulated=float(value[0]),
            stderr=float(error[0]),
            source=f"{ZHANG}: response falls with e-mails of the past weeks",
        )
    ]


def call_rows(start: World, study: Study) -> tuple[list[ValidityRow], Chart]:
    """Yes to the first and to the tenth call."""
    yes, answered = yes_by_call(start, study)
    share = yes / np.maximum(answered, 1)
    error = np.sqrt(share * (1.0 - share) / np.maximum(answered, 1))
    rows = [
        ValidityRow(
            id=f"pressure.call_{number}",
            group=GROUP,
            name=f"yes to call number {number}, of those answered",
            target=Target.figure(real, low, high),
            simulated=float(share[number - 1]) if answered[number - 1] else None,
            stderr=float(error[number - 1]) if answered[number - 1] else None,
            source=UCI,
            note="a call every three days to whoever has not said yes; a yes is a click",
        )
        for number, real, low, high in ((1, 0.130, 0.11, 0.15), (10, 0.053, 0.04, 0.066))
    ]
    numbers = tuple(float(k) for k in range(1, CALLS + 1))
    return rows, Chart(
        id="pressure_calls",
        group=GROUP,
        title="Calls wear out",
        caption="Share who say yes, by number of the call; published: 13.0 % at the first, 5.3 % "
        "at the tenth.",
        x_label="number of the call",
        y_label="share who say yes",
        style="points",
        series=(
            Series("UCI Bank Marketing", (1.0, 10.0), (0.130, 0.053), True),
            Series(
                "simulated",
                numbers,
                tuple(share.tolist()),
                False,
                tuple((share - 1.96 * error).tolist()),
                tuple((share + 1.96 * error).tolist()),
            ),
        ),
    )
