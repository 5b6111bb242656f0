"""Bayesian linear regression on a log, for linear Thompson sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from agents.learners.empirical_bayes import Expectation, Posterior, maximise_evidence
from agents.learners.noise import precision_weights
from agents.learners.prior_groups import prior_groups
from agents.models.bilinear import BilinearMoments
from agents.models.mixed import MixedEquations, MixedFit
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.own_effects import OwnEffects
from agents.policies.storable import require_share
from troth.errors import FailedPrecondition, InvalidArgument
from troth.logs.batches import LoggedBatch

_FOR_EVERYONE = np.zeros(1, dtype=np.int64)
"""Own effects are on the intercept alone."""
_OWN_SHARE, _OWN_WEIGHTS = 0.04, 2.0
"""Expected of own effects: a fifth of the size of what attributes do, with the weight of two
actions. A catalogue has few actions, too few to say by themselves how much their attributes
leave open: what attributes explain as well is left to them, and the doubt stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearThompsonConfig:
    """How to fit.

    Attributes:
        draws: S, posterior draws kept in the policy; even, >= 2.
        exploration: uniform share mixed into the policy, in [0, 1].
        posterior_scale: factor on the posterior's standard deviation, >= 0; 0 is greedy.
        variance_classes: classes of customers whose noise is estimated apart, >= 1; 1 assumes
            that everyone's reward is equally noisy.
        iterations: updates of prior and noise variances, >= 1.
        sparsity: heaviness of the prior's tails, >= 0; see
            :func:`agents.learners.empirical_bayes.maximise_evidence`.
    """

    draws: int = 64
    exploration: float = 0.0
    posterior_scale: float = 1.0
    variance_classes: int = 50
    iterations: int = 20
    sparsity: float = 0.0

    def __post_init__(self) -> None:
        if self.draws < 2 or self.draws % 2:
            raise InvalidArgument(f"{self.draws} is not an even number from 2", field="draws")
        require_share(self.exploration, "exploration")
        if self.posterior_scale < 0:
            raise InvalidArgument(f"{self.posterior_scale} is below 0", field="posterior_scale")
        if self.variance_classes < 1:
            raise InvalidArgument(f"{self.variance_classes} is below 1", field="variance_classes")
        if self.iterations < 1:
            raise InvalidArgument(f"{self.iterations} is below 1", field="iterations")
        if self.sparsity < 0:
            raise InvalidArgument(f"{self.sparsity} is below 0", field="sparsity")


def fit_linear_thompson(
    log: LoggedBatch, config: LinearThompsonConfig, rng: np.random.Generator
) -> LinearThompsonPolicy:
    """Fit r(x, a) = [1, x]' Theta [1, a] + b_a to a log and draw from its posterior.

    b_a is the action's own, shrunk to zero: two offers with the same attributes are told
    apart as far as their rewards say so, and an action without rows is its attributes, with
    the doubt of an own effect that is not known. Own effects are the same for everyone: over
    all of the context they cost more than they bring (see ADR 15).

    The regression models E[r | x, a] and conditions on both, so that it needs no importance
    weights: under a correct model they would add variance and remove no bias. Under a wrong
    one they would move the fit towards actions that the logging policy rarely took; prefer
    a log from a near-uniform policy to weights.

    Rewards are rare and heavy-tailed (most days bring nothing, some a large basket), and
    their *mean* is what counts: clipping them or a robust loss would be biased, and most so
    for the best customers. Instead every row is weighted by the inverse variance of its
    class of customers, the classes being quantiles of the takings expected from x alone.
    Weights depend on x only, so the estimate of the mean stays unbiased where the model is
    right, and the large noisy baskets of a few no longer drown the rest. The terms without
    action, [1, x] and 1, take up what the customer spends in any case: the baseline that a
    control variate would subtract.

    Args:
        log: rows whose outcome window is still open (``censored``) are left out.
        config: see there.
        rng: draws the posterior sample.

    Returns:
        A policy over the log's schema and the features of its catalogue; its draws come in
        antithetic pairs, so that their mean is the posterior mean, and are in minor units.

    Raises:
        FailedPrecondition: if fewer complete rows are left than the model has weights.

    References:
        Agrawal & Goyal, ICML 2013; MacKay, Neural Computation 1992 (prior and noise
        variances); Carroll & Ruppert, "Transformation and Weighting in Regression",
        Chapman & Hall 1988, ch. 2 (estimated weights).
    """
    posterior = fit_posterior(log, config)
    solution, ids = posterior.solution, tuple(a.action_id for a in log.catalogue.actions)
    samples, (width, columns), known = config.draws, solution.weights.shape, len(ids)
    shared = rng.standard_normal((samples // 2, width * columns))
    half = np.hstack((shared, rng.standard_normal((samples // 2, known + 1))))
    normals = config.posterior_scale * np.concatenate((half, -half))
    theta, own = np.split(solution.draw(normals[:, :-1]), [width * columns], axis=1)
    spread = np.sqrt((1.0 / posterior.precision[-known:]).mean())
    return LinearThompsonPolicy(
        draws=np.ascontiguousarray(theta.reshape(samples, width, columns)),
        schema_digest=log.contexts.schema.digest,
        action_features=log.catalogue.feature_names,
        exploration=config.exploration,
        own_effects=OwnEffects(
            action_ids=ids,
            draws=np.ascontiguousarray(own),
            newcomer=normals[:, -1] * spread,
        ),
    )


def fit_posterior(log: LoggedBatch, config: LinearThompsonConfig) -> Posterior[MixedFit]:
    """The posterior over Theta (D+1, A+1) and the K own effects."""
    schema, catalogue = log.contexts.schema, log.catalogue
    kept = np.flatnonzero(~log.censored)
    size = (schema.width + 1) * (len(catalogue.feature_names) + 1)
    if kept.size <= size:
        raise FailedPrecondition(
            f"{kept.size} complete rows cannot determine {size} weights", field="log"
        )
    encoded, reward = log.contexts.encoded[kept], log.reward_minor[kept]
    weights = precision_weights(encoded, reward, config.variance_classes)
    moments = BilinearMoments(schema.width, catalogue.features)
    moments.add(encoded, log.action[kept], reward, weights)
    groups = prior_groups(schema.columns, catalogue.feature_names, len(catalogue))
    return maximise_evidence(
        MixedEquations(moments, _FOR_EVERYONE),
        float(kept.size),
        float(moments.squares.sum()),
        groups,
        expectation=Expectation(
            group=int(groups[-1]),
            others=frozenset(groups[1 : len(catalogue.feature_names) + 1].tolist()),
            share=_OWN_SHARE,
            weights=_OWN_WEIGHTS,
        ),
        iterations=config.iterations,
        sparsity=config.sparsity,
    )
