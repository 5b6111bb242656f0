"""Linear Thompson sampling from a log."""

from __future__ import annotations

from typing import ClassVar

import numpy as np
from pydantic import Field

from agents.learners.bandits.empirical_bayes import Posterior
from agents.learners.bandits.linear_posterior import (
    PosteriorSettings,
    policy_of,
    posterior_of,
    require_rows,
)
from agents.learners.bandits.noise import precision_weights
from agents.models.bilinear import BilinearMoments
from agents.models.mixed import MixedFit
from agents.policies.linear import LinearThompsonPolicy
from troth.logs.batches import LoggedBatch


class LinearThompson(PosteriorSettings):
    """Bayesian linear regression of the reward, and a policy of draws from its posterior.

    The model is that of :mod:`agents.learners.bandits.linear_posterior`. Rewards are rare and
    heavy-tailed (most days bring nothing, some a large basket), and their *mean* is what
    counts: clipping them or a robust loss would be biased, and most so for the best customers.
    Instead every row is weighted by the inverse variance of its class of customers, the classes
    being quantiles of the takings expected from x alone. Weights depend on x only, so the
    estimate of the mean stays unbiased where the model is right, and the large noisy baskets of
    a few no longer drown the rest.

    Attributes:
        variance_classes: classes of customers whose noise is estimated apart; 1 assumes that
            everyone's reward is equally noisy.

    References:
        Carroll & Ruppert, "Transformation and Weighting in Regression", Chapman & Hall 1988,
        ch. 2 (estimated weights).
    """

    title: ClassVar[str] = "Linear Thompson sampling"

    variance_classes: int = Field(default=50, ge=1)

    def fit(self, log: LoggedBatch, rng: np.random.Generator) -> LinearThompsonPolicy:
        """A policy over the log's schema and the features of its catalogue.

        Args:
            log: rows whose outcome window is still open (``censored``) are left out.
            rng: draws the posterior sample.

        Raises:
            FailedPrecondition: if fewer complete rows are left than the model has weights.
        """
        posterior = self.posterior(log)
        return policy_of(posterior, log.contexts.schema, log.catalogue, self, rng)

    def posterior(self, log: LoggedBatch) -> Posterior[MixedFit]:
        """The posterior over Theta (D+1, A+1) and the K own effects; raises as :meth:`fit`."""
        schema, catalogue = log.contexts.schema, log.catalogue
        kept = np.flatnonzero(~log.censored)
        require_rows(kept.size, schema, catalogue)
        encoded, reward = log.contexts.encoded[kept], log.reward_minor[kept]
        moments = BilinearMoments(schema.width, catalogue.features)
        weights = precision_weights(encoded, reward, self.variance_classes)
        moments.add(encoded, log.action[kept], reward, weights)
        return posterior_of(moments, kept.size, schema, catalogue, self)
