"""The purchase process against its published fit, its definition and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.integrate import quad
from scipy.stats import beta, gamma

from simulator.calibration import bgnbd, cdnow
from simulator.calibration.histories import PurchaseHistories
from simulator.scenarios.processes import PurchaseFigures
from troth.errors import FailedPrecondition, InvalidArgument

PUBLISHED = PurchaseFigures(r=0.243, alpha_weeks=4.414, a=0.793, b=2.426)


def _histories(*rows: tuple[int, float, float]) -> PurchaseHistories:
    frequency, recency, age = zip(*rows, strict=True)
    return PurchaseHistories(np.array(frequency), np.array(recency), np.array(age))


def _simulate(
    figures: PurchaseFigures, age: np.ndarray, rng: np.random.Generator
) -> PurchaseHistories:
    """Histories by the model's own story: exponential gaps, a coin after each repeat."""
    n = len(age)
    rate = rng.gamma(figures.r, 1.0 / figures.alpha_weeks, n)
    leaving = rng.beta(figures.a, figures.b, n)
    clock, recency, frequency = np.zeros(n), np.zeros(n), np.zeros(n, dtype=np.int64)
    active = np.ones(n, dtype=np.bool_)
    while active.any():
        with np.errstate(divide="ignore", over="ignore"):
            clock = clock + rng.standard_exponential(n) / rate
        active &= clock <= age
        frequency += active
        recency = np.where(active, clock, recency)
        active &= rng.random(n) >= leaving
    return PurchaseHistories(frequency, recency, age)


@pytest.mark.data
def test_cdnow_sample_gives_the_published_fit(data_dir: Path) -> None:
    """The fit on the 1/10 sample is the one of the paper, to 1 %."""
    data = cdnow.read_summary(data_dir / "cdnow" / cdnow.SUMMARY)
    figures, errors, found = bgnbd.fit(data)
    for name in bgnbd.NAMES:
        assert getattr(figures, name) == pytest.approx(getattr(PUBLISHED, name), rel=0.01)
        assert 0.0 < errors[name] < 0.5 * getattr(figures, name)
    assert found.log_likelihood == pytest.approx(-9582.4, abs=0.05)


def test_conditional_expectation_of_the_published_example() -> None:
    """Customer 1 of the sample is expected to buy 1.226 times in the next 39 weeks."""
    future = bgnbd.expected_future(PUBLISHED, _histories((2, 30.43, 38.86)), 39.0)
    assert future[0] == pytest.approx(1.226, abs=5e-4)


@pytest.mark.parametrize("row", [(0, 0.0, 10.0), (1, 3.0, 10.0), (4, 9.5, 12.0)])
def test_likelihood_is_the_integral_over_rates_and_drop_out(row: tuple[int, float, float]) -> None:
    """Equation 6 equals the individual likelihood, equation 3, integrated numerically."""
    figures = PurchaseFigures(r=1.7, alpha_weeks=5.0, a=1.3, b=2.1)
    x, recency, age = row
    rates = gamma(figures.r, scale=1.0 / figures.alpha_weeks)
    drop = beta(figures.a, figures.b)

    def rate_moment(t: float) -> float:
        return float(quad(lambda u: u**x * np.exp(-u * t) * rates.pdf(u), 0.0, 40.0)[0])

    stayed = float(quad(lambda p: (1.0 - p) ** x * drop.pdf(p), 0.0, 1.0)[0])
    expected = rate_moment(age) * stayed
    if x > 0:
        left = float(quad(lambda p: p * (1.0 - p) ** (x - 1) * drop.pdf(p), 0.0, 1.0)[0])
        expected += rate_moment(recency) * left
    assert bgnbd.log_likelihood(figures, _histories(row))[0] == pytest.approx(
        np.log(expected), rel=1e-7
    )


def test_gradient_is_the_slope_of_the_likelihood() -> None:
    """The analytic gradient agrees with central differences for every customer."""
    data = _histories((0, 0.0, 30.0), (1, 2.0, 35.0), (3, 30.0, 38.0), (29, 38.0, 38.86))
    theta = np.log([0.4, 6.0, 0.7, 3.0])
    _, gradient = bgnbd._terms(theta, data)
    for at in range(4):
        shift = np.zeros(4)
        shift[at] = 1e-6
        slope = (bgnbd._terms(theta + shift, data)[0] - bgnbd._terms(theta - shift, data)[0]) / 2e-6
        assert_allclose(gradient[at], slope, atol=1e-7)


def test_known_figures_are_recovered_from_simulated_histories() -> None:
    """A fit on 6,000 simulated customers is within four standard errors of the truth."""
    truth = PurchaseFigures(r=0.8, alpha_weeks=6.0, a=0.9, b=3.0)
    rng = np.random.default_rng(11)
    figures, errors, _ = bgnbd.fit(_simulate(truth, rng.uniform(40.0, 80.0, 6000), rng))
    for name in bgnbd.NAMES:
        assert abs(getattr(figures, name) - getattr(truth, name)) < 4.0 * errors[name]
        assert errors[name] < 0.25 * getattr(truth, name)


def test_every_start_leads_to_the_same_maximum() -> None:
    """The estimate does not depend on where the search began."""
    rng = np.random.default_rng(12)
    data = _simulate(PUBLISHED, rng.uniform(27.0, 39.0, 3000), rng)
    one = bgnbd.fit(data, starts=[(1.0, 1.0, 1.0, 1.0)])[0]
    other = bgnbd.fit(data, starts=[(0.1, 20.0, 0.2, 8.0)])[0]
    for name in bgnbd.NAMES:
        assert getattr(one, name) == pytest.approx(getattr(other, name), rel=1e-6)


def test_expectations_agree_with_simulated_customers() -> None:
    """Mean purchases, share without a repeat and the conditional forecast hold on 200,000 lives."""
    rng = np.random.default_rng(13)
    n = 200_000
    seen = _simulate(PUBLISHED, np.full(n, 78.0), rng)
    error = seen.frequency.std() / np.sqrt(n)
    expected = bgnbd.expected_purchases(PUBLISHED, 78.0)[0]
    assert abs(seen.frequency.mean() - expected) < 4.0 * error
    none = float(bgnbd.share_without_repeat(PUBLISHED, 78.0))
    assert abs((seen.frequency == 0).mean() - none) < 4.0 * np.sqrt(none * (1.0 - none) / n)
    half = _simulate(PUBLISHED, np.full(n, 39.0), rng)
    forecast = bgnbd.expected_future(PUBLISHED, half, 39.0)
    gain = expected - bgnbd.expected_purchases(PUBLISHED, 39.0)[0]
    assert abs(forecast.mean() - gain) < 4.0 * forecast.std() / np.sqrt(n)


def test_forecast_is_smooth_where_its_formula_is_not() -> None:
    """At a = 1 equation 10 reads 0/0; the value there continues its neighbours."""
    data = _histories((0, 0.0, 10.0), (3, 8.0, 10.0))
    values = [
        bgnbd.expected_future(PUBLISHED.model_copy(update={"a": a}), data, 20.0)
        for a in (0.999, 1.0, 1.001)
    ]
    assert_allclose(values[1], (values[0] + values[2]) / 2.0, rtol=1e-5)


def test_alive_for_sure_without_repeat_and_less_so_after_silence() -> None:
    """A customer cannot leave before a repeat purchase; silence lowers the belief after it."""
    data = _histories((0, 0.0, 38.0), (5, 37.0, 38.0), (5, 10.0, 38.0))
    alive = bgnbd.probability_alive(PUBLISHED, data)
    assert alive[0] == 1.0
    assert 1.0 > alive[1] > 0.7
    assert alive[2] < 0.2


def test_data_that_say_nothing_of_drop_out_are_refused() -> None:
    """A parameter on its way to infinity is an error, not an estimate."""
    rng = np.random.default_rng(14)
    with pytest.raises(FailedPrecondition, match="do not identify"):
        bgnbd.fit(_histories(*[(3, 30.0 + rng.random() / 10, 30.2) for _ in range(50)]))
    with pytest.raises(InvalidArgument, match="no customer bought again"):
        bgnbd.fit(_histories((0, 0.0, 10.0), (0, 0.0, 12.0)))


def test_negative_span_is_refused() -> None:
    """A forecast into the past is a mistake of the caller."""
    with pytest.raises(InvalidArgument, match="weeks"):
        bgnbd.expected_future(PUBLISHED, _histories((0, 0.0, 10.0)), -1.0)
