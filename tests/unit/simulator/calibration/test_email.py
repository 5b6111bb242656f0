"""The e-mail response against scikit-learn, its own information matrix, and simulation."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from simulator.calibration import email, hillstrom
from simulator.calibration.hillstrom import EmailTrial
from simulator.scenarios.processes import EmailFigures
from troth.errors import FailedPrecondition

TRUTH = EmailFigures(
    visit_intercept=-2.0,
    visit_recency=-0.1,
    visit_log_history=0.2,
    lift_intercept=0.3,
    lift_recency=0.05,
    lift_log_history=0.04,
    conversion_given_visit_email=0.2,
    conversion_given_visit_none=0.15,
)


def _simulate(figures: EmailFigures, n: int, rng: np.random.Generator) -> EmailTrial:
    recency = rng.integers(1, 13, n).astype(np.float64)
    history = np.exp(rng.normal(5.0, 1.0, n))
    emailed = rng.random(n) < 2.0 / 3.0
    visited = rng.random(n) < email.visit_probability(figures, recency, history, emailed)
    share = np.where(
        emailed, figures.conversion_given_visit_email, figures.conversion_given_visit_none
    )
    return EmailTrial(recency, history, emailed, visited, visited & (rng.random(n) < share))


def test_known_figures_are_recovered() -> None:
    """A fit on 20,000 simulated customers is within four standard errors of every figure."""
    figures, errors, _ = email.fit(_simulate(TRUTH, 20_000, np.random.default_rng(7)))
    for name, error in errors.items():
        assert abs(getattr(figures, name) - getattr(TRUTH, name)) < 4.0 * error
    assert errors["lift_recency"] < 0.02


def test_estimates_are_those_of_scikit_learn() -> None:
    """The maximum is the one an independent solver finds without a penalty."""
    trial = _simulate(TRUTH, 4_000, np.random.default_rng(8))
    design = email._design(trial.recency, trial.history, trial.emailed)
    oracle = LogisticRegression(C=np.inf, fit_intercept=False, solver="newton-cholesky", tol=1e-10)
    oracle.fit(design, trial.visited)
    figures, _, _ = email.fit(trial)
    mine = [getattr(figures, name) for name in email.LOGIT_NAMES]
    assert_allclose(mine, oracle.coef_[0], rtol=1e-5, atol=1e-6)


def test_standard_errors_are_from_the_information() -> None:
    """They are the roots of the diagonal of (X'WX)^-1, computed from its definition."""
    trial = _simulate(TRUTH, 4_000, np.random.default_rng(9))
    figures, errors, _ = email.fit(trial)
    design = email._design(trial.recency, trial.history, trial.emailed)
    p = email.visit_probability(figures, trial.recency, trial.history, trial.emailed)
    covariance = np.linalg.inv(design.T @ (design * (p * (1.0 - p))[:, None]))
    assert_allclose(
        [errors[name] for name in email.LOGIT_NAMES], np.sqrt(np.diag(covariance)), rtol=1e-5
    )


def test_unanswerable_trials_are_refused() -> None:
    """No variation in a covariate, or an arm in which nobody buys, has no estimate."""
    trial = _simulate(TRUTH, 2_000, np.random.default_rng(10))
    with pytest.raises(FailedPrecondition, match="do not identify"):
        email.fit(replace(trial, recency=np.ones(len(trial))))
    with pytest.raises(FailedPrecondition, match="conversion_given_visit_none"):
        email.fit(replace(trial, converted=trial.converted & trial.emailed))


@pytest.mark.data
def test_fit_on_hillstrom_has_the_rates_of_the_experiment(data_dir: Path) -> None:
    """Predicted visits equal the observed ones in each arm, and the e-mail helps."""
    path = hillstrom.locate(data_dir)
    assert path is not None
    trial = hillstrom.read_trial(path)
    assert len(trial) == 32_000
    figures, _, _ = email.fit(trial)
    p = email.visit_probability(figures, trial.recency, trial.history, trial.emailed)
    for arm in (trial.emailed, ~trial.emailed):
        assert p[arm].mean() == pytest.approx(trial.visited[arm].mean(), rel=1e-8)
    assert p[trial.emailed].mean() == pytest.approx((0.183 + 0.151) / 2, abs=0.006)
    assert p[~trial.emailed].mean() == pytest.approx(0.106, abs=0.008)
    assert figures.visit_recency < 0.0
