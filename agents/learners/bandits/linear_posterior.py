"""The regression behind linear Thompson sampling: from its sums to a policy.

    r(x, a) = [1, x]' Theta [1, a] + b_a

b_a is the action's own, shrunk to zero: two offers with the same attributes are told apart as
far as their rewards say so, and an action without rows is its attributes, with the doubt of an
own effect that is not known. Own effects are the same for everyone: over all of the context they
cost more than they bring (see ADR 15). The terms without action, [1, x] and 1, take up what the
customer spends in any case: the baseline that a control variate would subtract.

The regression models E[r | x, a] and conditions on both, so that it needs no importance weights:
under a correct model they would add variance and remove no bias. Under a wrong one they would
move the fit towards actions that the logging policy rarely took; prefer a log from a
near-uniform policy to weights.

References:
    Agrawal & Goyal, "Thompson Sampling for Contextual Bandits with Linear Payoffs", ICML 2013;
    MacKay, Neural Computation 1992 (prior and noise variances).
"""

from __future__ import annotations

import numpy as np
from pydantic import Field

from agents.learners.bandits.empirical_bayes import Expectation, Posterior, maximise_evidence
from agents.learners.bandits.prior_groups import prior_groups
from agents.learners.learner import Learner
from agents.models.bilinear import BilinearMoments
from agents.models.mixed import MixedEquations, MixedFit
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.own_effects import OwnEffects
from troth.catalogue import Catalogue
from troth.errors import FailedPrecondition
from troth.features import FeatureSchema

_FOR_EVERYONE = np.zeros(1, dtype=np.int64)
"""Own effects are on the intercept alone."""
_OWN_SHARE, _OWN_WEIGHTS = 0.04, 2.0
"""Expected of own effects: a fifth of the size of what attributes do, with the weight of two
actions. A catalogue has few actions, too few to say by themselves how much their attributes
leave open: what attributes explain as well is left to them, and the doubt stays."""


class PosteriorSettings(Learner):
    """How a posterior is found and made a policy.

    Attributes:
        draws: S, posterior draws kept in the policy; even.
        exploration: uniform share mixed into the policy.
        posterior_scale: factor on the posterior's standard deviation; 0 is greedy.
        iterations: most updates of prior and noise variances.
        sparsity: heaviness of the prior's tails; see
            :func:`agents.learners.bandits.empirical_bayes.maximise_evidence`.
    """

    draws: int = Field(default=64, ge=2, multiple_of=2)
    exploration: float = Field(default=0.0, ge=0.0, le=1.0)
    posterior_scale: float = Field(default=1.0, ge=0.0)
    iterations: int = Field(default=20, ge=1)
    sparsity: float = Field(default=0.0, ge=0.0)


def require_rows(rows: int, schema: FeatureSchema, catalogue: Catalogue) -> None:
    """Raise :class:`FailedPrecondition` unless there are more rows than Theta has weights."""
    size = (schema.width + 1) * (len(catalogue.feature_names) + 1)
    if rows <= size:
        raise FailedPrecondition(
            f"{rows} complete rows cannot determine {size} weights", field="log"
        )


def posterior_of(
    moments: BilinearMoments,
    rows: int,
    schema: FeatureSchema,
    catalogue: Catalogue,
    settings: PosteriorSettings,
) -> Posterior[MixedFit]:
    """The posterior over Theta (D+1, A+1) and the K own effects.

    Args:
        moments: of contexts encoded by ``schema`` and the actions of ``catalogue``.
        rows: how many went in.
        schema: D columns.
        catalogue: K actions of A features.
        settings: of variances and tails.
    """
    groups = prior_groups(schema.columns, catalogue.feature_names, len(catalogue))
    return maximise_evidence(
        MixedEquations(moments, _FOR_EVERYONE),
        float(rows),
        float(moments.squares.sum()),
        groups,
        expectation=Expectation(
            group=int(groups[-1]),
            others=frozenset(groups[1 : len(catalogue.feature_names) + 1].tolist()),
            share=_OWN_SHARE,
            weights=_OWN_WEIGHTS,
        ),
        iterations=settings.iterations,
        sparsity=settings.sparsity,
    )


def policy_of(
    posterior: Posterior[MixedFit],
    schema: FeatureSchema,
    catalogue: Catalogue,
    settings: PosteriorSettings,
    rng: np.random.Generator,
) -> LinearThompsonPolicy:
    """A policy of draws from ``posterior``, in minor units.

    They come in antithetic pairs, so that their mean is the posterior mean.
    """
    solution, ids = posterior.solution, tuple(a.action_id for a in catalogue.actions)
    samples, (width, columns), known = settings.draws, solution.weights.shape, len(ids)
    shared = rng.standard_normal((samples // 2, width * columns))
    half = np.hstack((shared, rng.standard_normal((samples // 2, known + 1))))
    normals = settings.posterior_scale * np.concatenate((half, -half))
    theta, own = np.split(solution.draw(normals[:, :-1]), [width * columns], axis=1)
    spread = np.sqrt((1.0 / posterior.precision[-known:]).mean())
    return LinearThompsonPolicy(
        draws=np.ascontiguousarray(theta.reshape(samples, width, columns)),
        schema_digest=schema.digest,
        action_features=catalogue.feature_names,
        exploration=settings.exploration,
        own_effects=OwnEffects(
            action_ids=ids,
            draws=np.ascontiguousarray(own),
            newcomer=normals[:, -1] * spread,
        ),
    )
