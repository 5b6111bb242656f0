"""Delays: their distribution, and that what is said to land in d days lands in d days."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm

from simulator.model import delays
from simulator.scenarios import Scenario
from simulator.state.columns import NEVER
from simulator.world import StepResult, World
from tests.support.worlds import all_channels, clock, eager, everybody, nobody
from troth.objective import COMPONENTS

STORY, TEN_PERCENT = "welcome/1/welcome_story/email", "welcome/2/ten_percent/email"
POINTS = "welcome/3/points_300/email"
EMAIL = 1


def begun(scenario: Scenario, action: str, size: int = 400) -> tuple[World, StepResult]:
    """Newcomers, all of whom get ``action`` on day 0, on the morning of day 1."""
    world = World(scenario, size, 3, newcomers=True)
    return world, world.step(everybody(world, action))


def agrees(days: np.ndarray, median: float, sigma: float, least: int = 0) -> bool:
    """Whether whole ``days`` are those of a log-normal delay, by Kolmogorov and Smirnov."""
    at = np.arange(least, 60)
    found = (days[:, None] <= at).mean(axis=0)
    wanted = norm.cdf((np.log(at + 1.0) - math.log(median)) / sigma)
    return bool(np.abs(found - wanted).max() < 1.95 / math.sqrt(len(days)))


def test_table_keeps_the_order_of_the_names(reference: Scenario) -> None:
    """Each delay has its own median and spread."""
    table = delays.table(reference.delays)
    for row, name in zip(table, delays.NAMES, strict=True):
        section = getattr(reference.delays, name)
        assert np.exp(row[0]) == pytest.approx(section.median_days)
        assert row[1] == section.sigma


@pytest.mark.parametrize(
    ("z", "days"), [(0.1, 5), (1.0, 12), (-1.0, 2), (-3.0, 0), (20.0, delays.LONGEST)]
)
def test_whole_days_by_hand(z: float, days: int) -> None:
    """5 * exp(0.9 z), rounded down, at most a year."""
    assert delays.whole_days(np.array([[9.0, 9.0], [math.log(5.0), 0.9]]), 1, z) == days


def test_realised_delays_are_log_normal() -> None:
    """Opening, click, visit, purchase: the quantiles of what happens are those of the scenario."""
    scenario = eager().replace(
        delays={
            "open": {"median_days": 2.0, "sigma": 1.0},
            "click": {"median_days": 3.0, "sigma": 0.5},
            "visit": {"median_days": 1.5, "sigma": 0.7},
            "buy": {"median_days": 4.0, "sigma": 0.8},
        }
    )
    _, result = begun(scenario, STORY, 4000)
    wait = {name: days.astype(int) for name, days in result.delay.items()}
    assert all((wait[n] >= 0).all() for n in ("opened", "clicked", "visited", "purchased"))
    assert agrees(wait["opened"], 2.0, 1.0)
    assert agrees(wait["clicked"] - wait["opened"], 3.0, 0.5)
    assert agrees(wait["visited"] - wait["clicked"], 1.5, 0.7)
    assert agrees(wait["purchased"], 4.0, 0.8, least=1)
    assert not agrees(wait["purchased"], 4.4, 0.8, least=1)
    assert abs(np.corrcoef(wait["opened"], wait["purchased"])[0, 1]) < 0.06


def test_redemptions_have_a_delay_of_their_own() -> None:
    """An offer used on a purchase that would have come anyway follows ``redeem``."""
    scenario = eager().replace(
        fraud={"adversary_share": 1.0}, delays={"redeem": {"median_days": 6.0, "sigma": 0.9}}
    )
    _, result = begun(scenario, TEN_PERCENT, 4000)
    assert result.redeemed.all()
    assert not result.purchased.any()
    assert agrees(result.delay["redeemed"].astype(int), 6.0, 0.9, least=1)


def test_answers_land_on_the_day_they_said() -> None:
    """Clicks, visits and purchases are booked exactly ``delay`` days after the contact."""
    world, result = begun(eager(), STORY)
    people = world.people
    said = result.delay
    before = np.zeros(world.size, dtype=np.int64)
    for day in range(60):
        if day:
            result = world.step(nobody(world))
        clicked = people.clicks[EMAIL].astype(np.int64)
        assert np.array_equal(clicked - before, said["clicked"] == day)
        before = clicked
        came = (people.visits > 0.0) & (people.visits_day == clock(world) - 1)
        assert np.array_equal(came, said["visited"] == day)
        assert np.array_equal(result.orders, said["purchased"] == day)
        assert np.array_equal(result.landed["margin_minor"] > 0, said["purchased"] == day)
    assert (before == 1).all()
    assert (said["purchased"] >= 1).all()


@pytest.mark.parametrize("action", [TEN_PERCENT, POINTS])
def test_redemptions_land_on_the_day_they_said(action: str) -> None:
    """Discount and points of a used offer are booked, and points issued, exactly then."""
    world, result = begun(eager().replace(fraud={"adversary_share": 1.0}), action)
    said = result.delay["redeemed"]
    part = "discount_minor" if action == TEN_PERCENT else "points_minor"
    issued = 0 if action == TEN_PERCENT else 300
    assert (result.components[part] > 0).all()
    for day in range(1, 40):
        before = world.people.points.copy()
        landed = world.step(nobody(world)).landed[part]
        assert np.array_equal(landed > 0, said == day)
        assert np.array_equal(world.people.points - before, issued * (said == day))
        assert np.array_equal(landed[said == day], result.components[part][said == day])
    assert (world.people.redeem_day == NEVER).all()


def test_everything_credited_lands() -> None:
    """When all has landed, what was booked is to the unit what was credited."""
    world = World(eager().replace(purchases={"r": 0.5}), 300, 4, newcomers=True)
    rng = np.random.default_rng(0)
    credited, landed = (dict.fromkeys(COMPONENTS, 0) for _ in range(2))
    for day in range(80):
        mask = world.mask()
        noise = np.where(mask, rng.random(mask.shape), -1.0)
        result = world.step(noise.argmax(axis=1) if day < 30 else nobody(world))
        for name in COMPONENTS:
            credited[name] += result.components[name]
            landed[name] += result.landed[name]
        if day < 29:
            assert (world.people.due_day != NEVER).any()
    assert (world.people.due_day == NEVER).all()
    for name in COMPONENTS:
        assert np.array_equal(credited[name], landed[name]), name
    assert all(credited[name].sum() > 0 for name in COMPONENTS[:4])


def test_a_slow_channel_shifts_everything() -> None:
    """The latency of a channel is added to every delay that begins with the contact."""
    quick, slow = (
        begun(eager().replace(channels=all_channels(eager(), latency_days=days)), STORY)[1].delay
        for days in (0, 5)
    )
    for name in ("opened", "clicked", "visited"):
        assert np.array_equal(slow[name], quick[name] + 5)
    later = slow["purchased"] - quick["purchased"]
    assert set(later) <= {4, 5}  # a purchase on the same day counts for the next
    assert slow["purchased"].min() == 5
