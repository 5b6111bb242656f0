"""What an e-mail does: a visit within two weeks, and a purchase by a visitor.

Logistic regression by maximum likelihood, no penalty: the randomised arms make the
interactions with the e-mail causal contrasts on the log-odds scale. Both e-mail arms are
pooled, as a programme's e-mail is neither for men nor for women.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from simulator.calibration.hillstrom import EmailTrial
from simulator.calibration.maximum import Maximum, maximise, share_error
from simulator.scenarios.processes import EmailFigures
from troth.errors import FailedPrecondition

Float64 = NDArray[np.float64]

LOGIT_NAMES = (
    "visit_intercept",
    "visit_recency",
    "visit_log_history",
    "lift_intercept",
    "lift_recency",
    "lift_log_history",
)
CONVERSIONS = {"conversion_given_visit_email": True, "conversion_given_visit_none": False}
"""Names of the arms' shares of visitors who buy, and whether the arm got the e-mail."""


def fit(trial: EmailTrial) -> tuple[EmailFigures, dict[str, float], Maximum]:
    """Maximum-likelihood figures, their standard errors, and the maximum of the visit logit.

    Raises:
        FailedPrecondition: if an arm has no visit, no purchase, or nothing but purchases, or
            the covariates separate visitors from the rest.
    """
    values, errors, found = fit_visits(trial)
    bought, bought_errors = fit_conversions(trial)
    return EmailFigures(**values, **bought), {**errors, **bought_errors}, found


def fit_visits(trial: EmailTrial) -> tuple[dict[str, float], dict[str, float], Maximum]:
    """The six coefficients of the visit logit, their standard errors, and the maximum.

    Raises:
        FailedPrecondition: if the covariates separate visitors from the rest.
    """
    design = _design(trial.recency, trial.history, trial.emailed)
    outcome = trial.visited.astype(np.float64)
    found = maximise(
        lambda beta: _log_likelihood(beta, design, outcome),
        [[0.0] * len(LOGIT_NAMES)],
        field="email",
    )
    return (
        dict(zip(LOGIT_NAMES, found.theta.tolist(), strict=True)),
        dict(zip(LOGIT_NAMES, found.standard_errors.tolist(), strict=True)),
        found,
    )


def fit_conversions(trial: EmailTrial) -> tuple[dict[str, float], dict[str, float]]:
    """The shares of visitors who buy, by arm, and their standard errors.

    Raises:
        FailedPrecondition: if an arm has no visit, no purchase, or nothing but purchases.
    """
    values, errors = {}, {}
    for name, emailed in CONVERSIONS.items():
        arm = trial.emailed == emailed
        visits = int((arm & trial.visited).sum())
        purchases = int((arm & trial.converted).sum())
        if not 0 < purchases < visits:
            raise FailedPrecondition(
                f"{purchases} purchases in {visits} visits leave no share to estimate",
                field=f"email.{name}",
            )
        values[name] = purchases / visits
        errors[name] = share_error(purchases, visits)
    return values, errors


def visit_probability(
    figures: EmailFigures, recency: Float64, history: Float64, emailed: NDArray[np.bool_]
) -> Float64:
    """P(visit within two weeks), float64 (n,).

    Args:
        figures: the response.
        recency: (n,) months since the last purchase.
        history: (n,) dollars in the past year, >= 0.
        emailed: bool (n,).
    """
    beta = np.array([getattr(figures, name) for name in LOGIT_NAMES])
    return np.asarray(expit(_design(recency, history, emailed) @ beta), dtype=np.float64)


def _design(recency: Float64, history: Float64, emailed: NDArray[np.bool_]) -> Float64:
    """float64 (n, 6): intercept, recency, log1p(history), and each times the e-mail."""
    base = np.stack((np.ones_like(recency), recency, np.log1p(history)), axis=1)
    return np.concatenate((base, base * emailed[:, None]), axis=1)


def _log_likelihood(beta: Float64, design: Float64, outcome: Float64) -> tuple[float, Float64]:
    score = design @ beta
    value = float((outcome * score - np.logaddexp(0.0, score)).sum())
    return value, design.T @ (outcome - expit(score))
