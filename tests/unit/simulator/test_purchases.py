"""The purchase process against the closed forms of BG/NBD."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.special import hyp2f1

from simulator import purchases
from simulator.calibration.figures import PurchaseFigures
from simulator.scenarios import Scenario
from simulator.world import World

CDNOW = PurchaseFigures(r=0.243, alpha_weeks=4.414, a=0.793, b=2.426)


def expected_purchases(figures: PurchaseFigures, weeks: np.ndarray) -> np.ndarray:
    """E[X(t)], Fader, Hardie & Lee 2005, equation 9."""
    a, b, r, alpha = figures.a, figures.b, figures.r, figures.alpha_weeks
    term = (alpha / (alpha + weeks)) ** r * hyp2f1(r, b, a + b - 1, weeks / (alpha + weeks))
    return (a + b - 1) / (a - 1) * (1 - term)


def test_rates_have_the_gamma_mean() -> None:
    """Rates are per day: their mean is r / alpha / 7."""
    u = (np.arange(100_000) + 0.5) / 100_000
    mean = purchases.draw_rates(CDNOW, u).mean()
    assert mean == pytest.approx(0.243 / 4.414 / 7, rel=1e-3)


def test_drop_out_has_the_beta_mean() -> None:
    """The chance to leave after a purchase averages a / (a + b)."""
    u = (np.arange(10_000) + 0.5) / 10_000
    mean = purchases.draw_drop_out(CDNOW, u).mean()
    assert mean == pytest.approx(0.793 / (0.793 + 2.426), rel=1e-3)


def test_daily_probability_by_hand() -> None:
    """1 - exp(-rate x season) while alive, 0 afterwards."""
    chance = purchases.daily_probability(np.array([0.1, 0.1]), np.array([True, False]), 2.0)
    assert chance == pytest.approx([1 - np.exp(-0.2), 0.0])


def test_history_has_the_expected_number_of_purchases(reference: Scenario) -> None:
    """Past purchases are those of BG/NBD over each member's tenure."""
    scenario = reference.replace(warm_up={"days": 0})
    people = World(scenario, 20_000, 5)._people
    repeats = people.lifetime_orders - 1
    expected = expected_purchases(scenario.purchases, people.tenure / 7.0)
    error = repeats.std() / np.sqrt(len(people))
    assert repeats.mean() == pytest.approx(expected.mean(), abs=4 * error)


def test_untouched_days_have_the_expected_number_of_purchases(reference: Scenario) -> None:
    """A world left alone buys as BG/NBD says: nothing else makes or costs a purchase."""
    scenario = reference.replace(
        warm_up={"days": 0},
        population={"tenure_days_max": 1},
        calendar={"season_amplitude": 0.0, "weekday_factors": [1.0] * 7},
        mood={"leaves_per_open_day": 0.0},
    )
    world = World(scenario, 20_000, 6)
    nobody = np.zeros(world.size, dtype=np.int64)
    bought = np.zeros(world.size)
    for _ in range(120):
        bought += world.step(nobody).purchased
    expected = expected_purchases(scenario.purchases, np.array([120 / 7.0]))[0]
    error = bought.std() / np.sqrt(world.size)
    # A day holds one purchase at most, which loses 2 % of them at the tail of the rates.
    assert bought.mean() == pytest.approx(expected, abs=4 * error + 0.02 * expected)
