"""A log under one target: what an estimator may ask for."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from agents.ope.data import OpeData
from agents.ope.terms import Float64
from agents.ope.weights import expected_prediction, importance_weights
from troth.errors import FailedPrecondition
from troth.logs.batches import LoggedBatch
from troth.policy import Distribution


@dataclass(frozen=True)
class WeighedLog:
    """The m decisions of a log whose outcome is known, and a target; each figure is found once.

    Attributes:
        data: the log.
        distribution: float64 (m, K), the target at its contexts.
        model: float64 (m, K), predicted rewards, if an estimator needs them.
    """

    data: OpeData
    distribution: Distribution
    model: Float64 | None = None

    @property
    def log(self) -> LoggedBatch:
        """The m decisions."""
        return self.data.log

    @property
    def clusters(self) -> NDArray[np.int64]:
        """Codes of customers, int64 (m,) in 0..G-1."""
        return self.data.clusters

    @property
    def reward(self) -> Float64:
        """float64 (m,), r."""
        return self.log.reward_minor

    @cached_property
    def weight(self) -> Float64:
        """float64 (m,), w: the target's probability of what was served over its propensity."""
        return importance_weights(self.distribution, self.log.action, self.log.propensity)

    @property
    def q_hat(self) -> Float64:
        """float64 (m, K), q: predicted rewards, of models that have not seen the row's customer.

        Raises:
            FailedPrecondition: if no estimator that was asked for declared the need.
        """
        if self.model is None:
            raise FailedPrecondition(
                "uses a reward model and does not declare Need.REWARD_MODEL", field="estimators"
            )
        return self.model

    @cached_property
    def expected(self) -> Float64:
        """float64 (m,): the sum over a of pi(a | x) q(x, a)."""
        return expected_prediction(self.distribution, self.q_hat)

    @cached_property
    def predicted(self) -> Float64:
        """float64 (m,): q(x, a) of the action served."""
        return self.q_hat[np.arange(len(self.log)), self.log.action]
