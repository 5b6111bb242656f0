"""Bayesian linear regression on a log, for linear Thompson sampling."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from agents.bilinear import BilinearMoments, with_intercept
from agents.learners.evidence import FLAT, Posterior, maximise_evidence
from agents.policies.linear import LinearThompsonPolicy
from agents.policies.storable import require_share
from troth.batches import LoggedBatch
from troth.catalogue import Catalogue
from troth.errors import FailedPrecondition, InvalidArgument

Float64 = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True)
class LinearThompsonConfig:
    """How to fit.

    Attributes:
        draws: S, posterior draws kept in the policy; even, >= 2.
        exploration: uniform share mixed into the policy, in [0, 1].
        posterior_scale: factor on the posterior's standard deviation, >= 0; 0 is greedy.
        variance_bins: classes of customers whose noise is estimated apart, >= 1; 1 assumes
            that everyone's reward is equally noisy.
        iterations: updates of prior and noise variances, >= 1.
        sparsity: heaviness of the prior's tails, >= 0; see
            :func:`agents.learners.evidence.maximise_evidence`.
    """

    draws: int = 64
    exploration: float = 0.0
    posterior_scale: float = 1.0
    variance_bins: int = 20
    iterations: int = 20
    sparsity: float = 0.5

    def __post_init__(self) -> None:
        if self.draws < 2 or self.draws % 2:
            raise InvalidArgument(f"{self.draws} is not an even number from 2", field="draws")
        require_share(self.exploration, "exploration")
        if self.posterior_scale < 0:
            raise InvalidArgument(f"{self.posterior_scale} is below 0", field="posterior_scale")
        if self.variance_bins < 1:
            raise InvalidArgument(f"{self.variance_bins} is below 1", field="variance_bins")
        if self.iterations < 1:
            raise InvalidArgument(f"{self.iterations} is below 1", field="iterations")
        if self.sparsity < 0:
            raise InvalidArgument(f"{self.sparsity} is below 0", field="sparsity")


def fit_linear_thompson(
    log: LoggedBatch, config: LinearThompsonConfig, rng: np.random.Generator
) -> LinearThompsonPolicy:
    """Fit r(x, a) = [1, x]' Theta [1, a] to a log and draw from its posterior.

    The regression models E[r | x, a] and conditions on both, so that it needs no importance
    weights: under a correct model they would add variance and remove no bias. Under a wrong
    one they would move the fit towards actions that the logging policy rarely took; prefer
    a log from a near-uniform policy to weights.

    Rewards are rare and heavy-tailed (most days bring nothing, some a large basket), and
    their *mean* is what counts: clipping them or a robust loss would be biased, and most so
    for the best customers. Instead every row is weighted by the inverse variance of its
    customer class, the classes being quantiles of a first regression on x alone. Weights
    depend on x only, so the estimate of the mean stays unbiased where the model is right,
    and a class of large noisy baskets no longer drowns the rest. The terms without action,
    [1, x] and 1, take up what the customer spends in any case: the baseline that a control
    variate would subtract.

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
    width = log.contexts.schema.width + 1
    half = rng.standard_normal((config.draws // 2, posterior.mean.size))
    normals = config.posterior_scale * np.concatenate((half, -half))
    return LinearThompsonPolicy(
        draws=np.ascontiguousarray(posterior.draw(normals).reshape(config.draws, width, -1)),
        schema_digest=log.contexts.schema.digest,
        action_features=log.catalogue.feature_names,
        exploration=config.exploration,
    )


def fit_posterior(log: LoggedBatch, config: LinearThompsonConfig) -> Posterior:
    """The posterior over Theta, flattened row-major from (D+1, A+1)."""
    schema, catalogue = log.contexts.schema, log.catalogue
    kept = np.flatnonzero(~log.censored)
    weights = (schema.width + 1) * (len(catalogue.feature_names) + 1)
    if kept.size <= weights:
        raise FailedPrecondition(
            f"{kept.size} complete rows cannot determine {weights} weights", field="log"
        )
    encoded, reward = log.contexts.encoded[kept], log.reward_minor[kept]
    moments = BilinearMoments(schema.width, catalogue.features)
    moments.add(encoded, log.action[kept], reward, _row_weights(encoded, reward, config))
    return maximise_evidence(
        moments.gram,
        moments.moment,
        float(moments.squares.sum()),
        float(kept.size),
        _groups(schema.width, catalogue),
        iterations=config.iterations,
        sparsity=config.sparsity,
    )


def _row_weights(
    encoded: NDArray[np.float32], reward: Float64, config: LinearThompsonConfig
) -> Float64:
    """Inverse noise variance of each row's class, float64 (n,), mean 1."""
    rows = with_intercept(encoded)
    gram = rows.T @ rows
    gram[np.diag_indices_from(gram)] += 1e-3 * len(rows)
    expected = rows @ np.linalg.solve(gram, rows.T @ reward)
    edges = np.quantile(expected, np.linspace(0.0, 1.0, config.variance_bins + 1)[1:-1])
    group = np.searchsorted(edges, expected)
    count = np.bincount(group, minlength=config.variance_bins)
    squares = np.bincount(group, (reward - expected) ** 2, minlength=config.variance_bins)
    overall = squares.sum() / len(reward)
    # Each class is pulled towards the whole by 100 rows, so that an empty one has a variance.
    variance = (squares + 100.0 * overall) / (count + 100.0)
    if overall <= 0.0:
        return np.ones(len(reward))
    weight: Float64 = 1.0 / variance[group]
    weight /= weight.mean()
    return weight


def _groups(width: int, catalogue: Catalogue) -> NDArray[np.int64]:
    """Which weights share a prior: families of action features, alone or with the context."""
    families = ["", *(name.split("=")[0] for name in catalogue.feature_names)]
    order = {family: at for at, family in enumerate(dict.fromkeys(families))}
    columns = np.array([order[family] for family in families])
    groups = np.tile(columns + len(order), (width + 1, 1))
    groups[0] = columns
    groups[0, 0] = FLAT
    # Consecutive numbers: the constant alone has no group of its own.
    flat = groups.reshape(-1)
    used, dense = np.unique(flat[flat >= 0], return_inverse=True)
    flat[flat >= 0] = np.arange(used.size)[dense]
    return flat.astype(np.int64)
