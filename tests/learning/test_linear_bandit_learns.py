"""The linear bandit masters a bilinear problem from a uniform log."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from agents.learners.bandits.linear_thompson import LinearThompson
from agents.policies.linear import LinearThompsonPolicy
from troth.catalogue import Action, Catalogue, Channel, OfferKind


def fit(problem: Any, rows: int, **changes: Any) -> LinearThompsonPolicy:
    """A policy from ``rows`` logged decisions."""
    log = problem.log(rows, np.random.default_rng(1))
    return LinearThompson(**changes).fit(log, np.random.default_rng(2))


def coefficients(policy: LinearThompsonPolicy, catalogue: Catalogue) -> np.ndarray:
    """Draws of what multiplies [1, x] for each action, (S, D+1, K)."""
    columns = np.column_stack((np.ones(len(catalogue)), catalogue.features))
    drawn = policy.draws @ columns.T
    assert policy.own_effects is not None
    drawn[:, 0] += policy.own_effects.of(catalogue)
    return drawn


def test_closes_the_gap(problem: Any) -> None:
    """From 20,000 noisy decisions it closes nine tenths of the gap to the best."""
    assert problem.closed(fit(problem, 20_000)) > 0.9


def test_more_data_is_better_and_surer(problem: Any) -> None:
    """Value rises and the posterior tightens with the log."""
    few, many = fit(problem, 2_000), fit(problem, 40_000)
    assert problem.closed(many) > problem.closed(few) > 0.3
    spread = []
    for policy in (few, many):
        drawn = coefficients(policy, problem.catalogue)
        spread.append((drawn - drawn[:, :, :1]).std(axis=0))
    assert spread[1].mean() < 0.4 * spread[0].mean()


def test_feature_that_never_varied_is_not_trusted(problem: Any) -> None:
    """No logged action has a cost: its weight is centred on zero and no wilder than others."""
    draws = fit(problem, 20_000).draws
    cost = draws[:, :, 1 + problem.catalogue.feature_names.index("cost_per_unit")]
    assert np.abs(cost.mean(axis=0)).max() < 1e-6
    assert cost.std(axis=0).max() < 10.0 * draws[:, :, 1:].std(axis=0).mean()


def test_scores_an_offer_that_was_never_tried(problem: Any) -> None:
    """A new combination of known channel, kind and journey gets most of its reward."""
    policy = fit(problem, 40_000)
    unseen = Action(
        action_id="unseen",
        journey="welcome",
        step=0,
        offer="new",
        kind=OfferKind.POINTS,
        channel=Channel.PUSH,
    )
    wider = Catalogue((*problem.catalogue.actions, unseen), problem.catalogue.journeys)
    contexts = problem.contexts(2_000, np.random.default_rng(7))
    truth = problem.expected(contexts, wider)[:, -1]
    lift = truth - problem.expected(contexts)[:, 0]
    scores = policy.scores(contexts, wider)
    error = scores[:, -1] - scores[:, 0] - lift
    assert np.sqrt((error**2).mean()) < 0.6 * lift.std()


def test_weights_for_noise_help(problem: Any) -> None:
    """Knowing that some customers are noisier is worth money on a short log."""
    weighted = fit(problem, 3_000, posterior_scale=0.0)
    plain = fit(problem, 3_000, posterior_scale=0.0, variance_classes=1)
    assert problem.closed(weighted) > problem.closed(plain)


def test_posterior_is_calibrated(problem: Any) -> None:
    """Over fits to fresh logs, 95 % intervals of the effects cover the truth about so often."""
    hits = []
    contexts = problem.contexts(50, np.random.default_rng(11))
    truth = problem.expected(contexts) - problem.expected(contexts)[:, :1]
    for seed in range(8):
        log = problem.log(4_000, np.random.default_rng(100 + seed))
        policy = LinearThompson(draws=200).fit(log, np.random.default_rng(seed))
        x = np.column_stack((np.ones(50), contexts.encoded))
        draws = x @ coefficients(policy, problem.catalogue)
        effect = draws - draws[:, :, :1]
        low, high = np.quantile(effect, (0.025, 0.975), axis=0)
        hits.append(((truth >= low) & (truth <= high))[:, 1:].mean())
    assert 0.9 < np.mean(hits) < 0.99


def test_noise_variance_is_found(problem: Any) -> None:
    """Without weights the residual variance is that of the rewards around their means."""
    log = problem.log(30_000, np.random.default_rng(1))
    mean = problem.expected(log.contexts)[np.arange(len(log)), log.action]
    posterior = LinearThompson(variance_classes=1).posterior(log)
    assert posterior.noise == pytest.approx(((log.reward_minor - mean) ** 2).mean(), rel=0.02)


def test_censored_rows_are_left_out(problem: Any) -> None:
    """A reward that is not final yet cannot mislead."""
    log = problem.log(6_000, np.random.default_rng(1))
    censored = np.arange(6_000) % 2 == 0
    spoilt = replace(
        log, censored=censored, reward_minor=np.where(censored, -1e9, log.reward_minor)
    )
    policies = [
        LinearThompson().fit(part, np.random.default_rng(0))
        for part in (spoilt, log.take(~censored))
    ]
    np.testing.assert_allclose(policies[0].draws, policies[1].draws, rtol=1e-9)
