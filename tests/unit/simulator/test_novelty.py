"""New members buy faster for a while: in the world, in their past, and on the fit's clock."""

from __future__ import annotations

import numpy as np
import pytest

from simulator.calibration.season import Season
from simulator.model.purchases import later
from simulator.scenarios import Scenario
from simulator.world import World

ONCE_A_FORTNIGHT = {"model": "pareto_nbd", "r": 400.0, "alpha_weeks": 800.0, "s": 1.0,
                    "beta_weeks": 1e5}  # fmt: skip


def steady(scenario: Scenario, **population: float) -> Scenario:
    """Members who buy alike, every two weeks on average, and hardly leave; no season."""
    values = scenario.model_dump(mode="python")
    values["purchases"] = ONCE_A_FORTNIGHT
    values["calendar"] |= {
        "month_factors": (1.0,) * 12,
        "weekday_factors": (1.0,) * 7,
        "weather_sigma": 0.0,
    }
    values["loyalty"] |= {"tier_gradient": 0.0, "points_gradient": 0.0}
    values["population"] |= population
    return Scenario.model_validate(values)


def test_clock_runs_faster_at_first() -> None:
    """An interval that begins in the novelty and ends after it, by hand."""
    since, wait = np.array([0.0, 4.0, 8.0, 30.0]), np.array([6.0, 24.0, 3.0, 5.0])
    # Twice as fast until day 10: 6 days pass in 3; from day 4, 12 of 24 days pass in 6, the rest
    # after it; from day 8, 3 days in 1.5; none is left on day 30.
    assert later(since, wait, 1.0, 10) == pytest.approx([3.0, 22.0, 9.5, 35.0])
    assert later(since, wait, 0.0, 10) == pytest.approx(since + wait)


def test_newcomers_buy_faster_until_it_wears_off(reference: Scenario) -> None:
    """Twice the purchases for twenty days, then as many as without it."""
    counts = []
    for novelty in (0.0, 1.0):
        world = World(steady(reference, novelty=novelty, novelty_days=20), 4000, 3, newcomers=True)
        nobody = np.zeros(world.size, dtype=np.int64)
        counts.append([int(world.step(nobody).orders.sum()) for _ in range(40)])
    plain, new = np.array(counts)
    assert new[:20].sum() / plain[:20].sum() == pytest.approx(2.0, rel=0.06)
    assert new[20:].sum() / plain[20:].sum() == pytest.approx(1.0, rel=0.03)


def test_the_past_was_lived_under_it(reference: Scenario) -> None:
    """Members of a year made as many more purchases as their first weeks were faster."""
    orders = []
    for novelty in (0.0, 2.0):
        scenario = steady(reference, novelty=novelty, novelty_days=60, tenure_days_max=330)
        world = World(scenario.replace(warm_up={"days": 0}), 3000, 3)
        orders.append(world.people.lifetime_orders.astype(float))
        tenure = -world.people.joined.astype(float)
    early = 2.0 * np.minimum(tenure, 60.0).mean() / 14.0
    assert (orders[1] - orders[0]).mean() == pytest.approx(early, rel=0.05)


def test_the_fits_clock_is_the_worlds() -> None:
    """Operational weeks gain novelty times the weeks spent in it, on the calendar's clock."""
    month, weekday = np.linspace(0.5, 1.5, 12), np.ones(7)
    plain = Season.of(month, weekday)
    new = Season.of(month, weekday, novelty=0.5, novelty_days=28)
    first, weeks = np.array([0, 100]), np.array([10.0, 3.0])
    early = plain.elapsed(first, np.minimum(weeks, 4.0))
    assert new.elapsed(first, weeks) == pytest.approx(plain.elapsed(first, weeks) + 0.5 * early)
    days = np.array([1, 28, 29])
    assert new.daily(days, days) / plain.daily(days) == pytest.approx([1.5, 1.5, 1.0])
    assert not new.is_flat
