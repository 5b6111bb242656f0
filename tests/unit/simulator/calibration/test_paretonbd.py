"""Pareto/NBD against its published fit, its closed form, its definition and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.special import gammaln, hyp2f1

from simulator.calibration import cdnow, paretonbd
from simulator.calibration.histories import DAYS_PER_WEEK, PurchaseHistories
from simulator.calibration.season import Season
from simulator.scenarios.processes import ParetoFigures
from troth.errors import FailedPrecondition, InvalidArgument

PUBLISHED = ParetoFigures(r=0.553, alpha_weeks=10.58, s=0.606, beta_weeks=11.67)
SEASON = Season.of([0.5, 0.7, 1.0, 1.0, 1.0, 1.0, 1.2, 1.2, 1.0, 0.8, 1.2, 2.4])


def _histories(*rows: tuple[int, float, float], first: int | None = None) -> PurchaseHistories:
    frequency, recency, age = zip(*rows, strict=True)
    joined = None if first is None else np.full(len(rows), first)
    return PurchaseHistories(np.array(frequency), np.array(recency), np.array(age), joined)


def _simulate(
    figures: ParetoFigures, weeks: int, n: int, rng: np.random.Generator, season: Season
) -> tuple[PurchaseHistories, np.ndarray]:
    """Day by day from day 0, as the simulator lives it; histories at half time, and the rest."""
    rate = rng.gamma(figures.r, 1.0 / figures.alpha_weeks, n) / DAYS_PER_WEEK
    life = rng.exponential(1.0, n) / rng.gamma(figures.s, 1.0 / figures.beta_weeks, n)
    count, last, later = np.zeros(n, np.int64), np.zeros(n), np.zeros(n, np.int64)
    half = weeks * 7 // 2
    for day in range(1, weeks * 7 + 1):
        lived = np.clip(life * DAYS_PER_WEEK - (day - 1), 0.0, 1.0)
        bought = rng.poisson(rate * season.daily(np.array([day])) * lived)
        if day <= half:
            count += bought
            last = np.where(bought > 0, day / DAYS_PER_WEEK, last)
        else:
            later += bought
    age = np.full(n, half / DAYS_PER_WEEK)
    return PurchaseHistories(count, last, age, np.zeros(n, np.int64)), later


def _closed_form(figures: ParetoFigures, x: int, recency: float, age: float) -> float:
    """Log-likelihood by 2F1: Fader & Hardie 2005, equations 19 to 22, in their stable form."""
    r, alpha, s, beta = figures.r, figures.alpha_weeks, figures.s, figures.beta_weeks

    def part(t: float) -> float:
        if alpha >= beta:
            tail = hyp2f1(1.0, r + x, r + s + x + 1.0, (alpha - beta) / (alpha + t))
            return float((alpha + t) ** -(r + x) * (beta + t) ** -s * tail)
        tail = hyp2f1(1.0, s + 1.0, r + s + x + 1.0, (beta - alpha) / (beta + t))
        return float((alpha + t) ** (1.0 - r - x) * (beta + t) ** -(s + 1.0) * tail)

    alive = (alpha + age) ** -(r + x) * (beta + age) ** -s
    left = s / (r + s + x) * (part(recency) - part(age))
    head = gammaln(r + x) - gammaln(r) + r * np.log(alpha) + s * np.log(beta)
    return float(head + np.log(alive + left))


@pytest.mark.data
def test_cdnow_sample_gives_the_published_fit(data_dir: Path) -> None:
    """The fit on the 1/10 sample is the published one: .553, 10.58, .606, 11.67; LL -9594.98."""
    figures, errors, found = paretonbd.fit(cdnow.read_summary(data_dir / "cdnow" / cdnow.SUMMARY))
    for name in paretonbd.NAMES:
        assert getattr(figures, name) == pytest.approx(getattr(PUBLISHED, name), rel=0.002)
        assert 0.0 < errors[name] < 0.6 * getattr(figures, name)
    assert found.log_likelihood == pytest.approx(-9594.98, abs=0.02)


@pytest.mark.parametrize("row", [(0, 0.0, 10.0), (1, 3.0, 39.0), (29, 38.0, 38.9), (4, 0.6, 70.0)])
@pytest.mark.parametrize("beta", [2.0, 11.67, 40.0])
def test_likelihood_is_the_closed_form(row: tuple[int, float, float], beta: float) -> None:
    """The integral over the time of leaving equals the hypergeometric expression."""
    figures = ParetoFigures(r=0.553, alpha_weeks=10.58, s=0.606, beta_weeks=beta)
    value = paretonbd.log_likelihood(figures, _histories(row))[0]
    assert value == pytest.approx(_closed_form(figures, *row), rel=1e-8)


def test_gradient_is_the_slope_of_the_likelihood() -> None:
    """The analytic gradient agrees with central differences, with a season too."""
    data = _histories((0, 0.0, 30.0), (1, 2.0, 35.0), (3, 30.0, 38.0), (9, 38.0, 38.0), first=200)
    grid = paretonbd.Grid.of(data, SEASON, merge=False)
    theta = np.log([0.4, 6.0, 0.7, 3.0])
    gradient = paretonbd._terms(theta, grid)[1]
    for at in range(4):
        shift = np.zeros(4)
        shift[at] = 1e-6
        high, low = (paretonbd._terms(theta + sign * shift, grid)[0] for sign in (1, -1))
        assert_allclose(gradient[at], (high - low) / 2e-6, atol=1e-7)


def test_seasonal_lives_give_back_the_figures_and_are_forecast() -> None:
    """Fitted in operational time on half of 12,000 simulated lives, the other half is foretold."""
    truth = ParetoFigures(r=0.8, alpha_weeks=6.0, s=0.7, beta_weeks=20.0)
    seen, later = _simulate(truth, 80, 12_000, np.random.default_rng(3), SEASON)
    figures, errors, _ = paretonbd.fit(seen, SEASON)
    for name in paretonbd.NAMES:
        assert abs(getattr(figures, name) - getattr(truth, name)) < 4.0 * errors[name]
        assert errors[name] < 0.3 * getattr(truth, name)
    future = paretonbd.expected_future(truth, seen, 40.0, SEASON)
    assert abs(future.mean() - later.mean()) < 4.0 * (later - future).std() / np.sqrt(12_000)
    start = np.zeros(12_000, np.int64)
    new = paretonbd.expected_purchases(truth, seen.age, SEASON, start)
    assert abs(new[0] - seen.frequency.mean()) < 4.0 * seen.frequency.std() / np.sqrt(12_000)
    none = np.exp(paretonbd.log_likelihood(truth, _histories((0, 0.0, 40.0), first=0), SEASON))
    assert none[0] == pytest.approx((seen.frequency == 0).mean(), abs=0.018)


def test_expectations_are_smooth_through_one_and_additive() -> None:
    """At s = 1 nothing breaks, and a flat season is no season."""
    data = _histories((2, 10.0, 30.0), first=100)
    values = [
        paretonbd.expected_future(PUBLISHED.model_copy(update={"s": s}), data, 20.0)[0]
        for s in (1.0 - 1e-7, 1.0, 1.0 + 1e-7)
    ]
    assert values[0] == pytest.approx(values[1], rel=1e-6)
    assert values[2] == pytest.approx(values[1], rel=1e-6)
    weeks = np.array([0.0, 10.0, 30.0])
    plain = paretonbd.expected_purchases(PUBLISHED, weeks)
    nearly = Season(np.ones(12), np.array([1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0 + 1e-12]))
    days = np.full(3, 77)
    assert_allclose(paretonbd.expected_purchases(PUBLISHED, weeks, nearly, days), plain, rtol=1e-9)


def test_one_seen_again_just_now_is_alive() -> None:
    """P(alive) is 1 for a purchase on the last day, and falls with silence."""
    data = _histories((3, 30.0, 30.0), (3, 20.0, 30.0), (3, 5.0, 30.0))
    alive = paretonbd.probability_alive(PUBLISHED, data)
    assert alive[0] == 1.0
    assert alive[0] > alive[1] > alive[2] > 0.0


def test_wrong_requests_are_refused() -> None:
    """Nobody who bought again, a season without days, a negative span: said in one line."""
    with pytest.raises(InvalidArgument, match="no customer bought again"):
        paretonbd.fit(_histories((0, 0.0, 10.0)))
    with pytest.raises(FailedPrecondition, match="days of first purchases"):
        paretonbd.fit(_histories((1, 2.0, 10.0)), SEASON)
    with pytest.raises(FailedPrecondition, match="days of first purchases"):
        paretonbd.expected_purchases(PUBLISHED, np.ones(1), SEASON)
    with pytest.raises(InvalidArgument, match="span"):
        paretonbd.expected_future(PUBLISHED, _histories((1, 2.0, 10.0)), -1.0)
