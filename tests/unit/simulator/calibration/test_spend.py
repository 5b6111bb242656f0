"""Spend against closed forms, a density written the long way, and simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from simulator.calibration import cdnow, spend
from simulator.scenarios.processes import SpendFigures
from troth.errors import FailedPrecondition, InvalidArgument


def _simulate(
    truth: SpendFigures, customers: int, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    count = 1 + rng.poisson(rng.gamma(0.5, 4.0, customers))
    customer = np.repeat(np.arange(customers), count)
    level = rng.normal(truth.mu, truth.sigma_between, customers)
    return customer, np.exp(level[customer] + rng.normal(0.0, truth.sigma_within, len(customer)))


def test_balanced_data_have_the_closed_form_estimate() -> None:
    """With equal counts, maximum likelihood is the textbook ANOVA with N in place of N - 1."""
    rng = np.random.default_rng(3)
    customers, each = 80, 5
    y = rng.normal(3.0, 0.5, (customers, 1)) + rng.normal(0.0, 0.6, (customers, each))
    figures, _, _ = spend.fit(np.repeat(np.arange(customers), each), np.exp(y.ravel()))
    within = y.var(axis=1, ddof=1).mean()
    between = y.mean(axis=1).var() - within / each
    assert figures.mu == pytest.approx(y.mean(), abs=1e-8)
    assert figures.sigma_within == pytest.approx(np.sqrt(within), rel=1e-7)
    assert figures.sigma_between == pytest.approx(np.sqrt(between), rel=1e-7)


def test_likelihood_is_the_multivariate_normal() -> None:
    """The closed form per customer equals the density with the full covariance matrix."""
    rng = np.random.default_rng(4)
    customer, amount = _simulate(SpendFigures(mu=2.0, sigma_between=0.4, sigma_within=0.7), 12, rng)
    theta = np.array([2.1, np.log(0.5), np.log(0.6)])
    value, gradient = spend._log_likelihood(theta, spend._groups(customer, np.log(amount)))
    direct = 0.0
    for who in range(12):
        y = np.log(amount[customer == who])
        covariance = 0.36 * np.eye(len(y)) + 0.25
        direct += multivariate_normal(np.full(len(y), 2.1), covariance).logpdf(y)
    assert value == pytest.approx(direct, rel=1e-10)
    for at in range(3):
        shift = np.zeros(3)
        shift[at] = 1e-6
        groups = spend._groups(customer, np.log(amount))
        high = spend._log_likelihood(theta + shift, groups)[0]
        low = spend._log_likelihood(theta - shift, groups)[0]
        assert gradient[at] == pytest.approx((high - low) / 2e-6, rel=1e-5)


def test_known_figures_are_recovered() -> None:
    """A fit on 5,000 customers with very unequal counts is within four standard errors."""
    truth = SpendFigures(mu=3.2, sigma_between=0.45, sigma_within=0.6)
    customer, amount = _simulate(truth, 5000, np.random.default_rng(5))
    figures, errors, _ = spend.fit(customer, amount)
    for name in spend.NAMES:
        assert abs(getattr(figures, name) - getattr(truth, name)) < 4.0 * errors[name]
        assert errors[name] < 0.02


def test_standard_errors_are_those_of_repeated_samples() -> None:
    """Over 60 simulated data sets the estimates scatter as the standard errors say."""
    truth = SpendFigures(mu=3.0, sigma_between=0.5, sigma_within=0.6)
    rng = np.random.default_rng(6)
    fits = [spend.fit(*_simulate(truth, 400, rng)) for _ in range(60)]
    for name in spend.NAMES:
        scatter = np.std([getattr(figures, name) for figures, _, _ in fits], ddof=1)
        claimed = np.mean([errors[name] for _, errors, _ in fits])
        assert 0.65 < scatter / claimed < 1.4


def test_data_without_a_between_variance_are_refused() -> None:
    """Customers more alike than chance allows leave no interior maximum."""
    y = np.tile([2.0, 4.0], 50)
    with pytest.raises(FailedPrecondition, match="spend"):
        spend.fit(np.repeat(np.arange(50), 2), np.exp(y))


def test_wrong_amounts_are_named() -> None:
    """Zero has no logarithm, and one purchase each has no variance within."""
    with pytest.raises(InvalidArgument, match=r"amount\[1\]: 0.0 is not above zero"):
        spend.fit(np.array([1, 1, 2]), np.array([3.0, 0.0, 2.0]))
    with pytest.raises(InvalidArgument, match="bought twice"):
        spend.fit(np.array([1, 2, 3]), np.array([3.0, 1.0, 2.0]))


def test_each_purchase_counts_alike_where_the_frequent_spend_more() -> None:
    """The mean of ln spend over purchases, its error that of repeated samples; sigmas stay."""
    rng = np.random.default_rng(7)
    found = []
    for _ in range(40):
        count = 1 + rng.poisson(rng.gamma(0.5, 6.0, 500))
        customer = np.repeat(np.arange(500), count)
        level = 3.0 + 0.2 * np.log(count) + rng.normal(0.0, 0.3, 500)
        amount = np.exp(level[customer] + rng.normal(0.0, 0.5, len(customer)))
        figures = spend.fit(customer, amount)[0]
        again, error = spend.over_purchases(figures, customer, amount)
        assert again.mu == pytest.approx(np.log(amount).mean())
        assert again.mu > figures.mu
        assert again.sigma_between == figures.sigma_between
        found.append((again.mu, error))
    mus, errors = np.array(found).T
    assert 0.7 < mus.std(ddof=1) / errors.mean() < 1.4


@pytest.mark.data
def test_fit_on_cdnow_has_the_mean_basket_of_its_customers(data_dir: Path) -> None:
    """The model's mean basket is that of the average customer, to 2 %."""
    customer, dollars = cdnow.read_log(data_dir / "cdnow" / cdnow.MASTER).baskets()
    figures, _, _ = spend.fit(customer, dollars)
    _, at, count = np.unique(customer, return_inverse=True, return_counts=True)
    real = (np.bincount(at, weights=dollars) / count).mean()
    assert spend.mean_spend(figures) == pytest.approx(real, rel=0.02)
