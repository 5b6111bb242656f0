"""A cross-fitted model of the expected reward, for DM and DR.

The model is the ridge regression of :mod:`agents.models.mixed`: attributes, and beside them each
action's own effects, shrunk to zero, where they predict better. Rows are split into folds by
customer, and a row's predictions come from a model that has not seen its customer, which keeps
DR unbiased however flexible the model is.

References:
    V. Chernozhukov et al., "Double/debiased machine learning for treatment and structural
    parameters", The Econometrics Journal 21 (2018), definition 3.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import numpy as np
from numpy.typing import NDArray

from agents.models.bilinear import BilinearMoments, Float64, with_intercept
from agents.models.mixed import MixedEquations
from troth.errors import InvalidArgument
from troth.logs.batches import LoggedBatch

FOLDS = 3
RIDGES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Penalties tried on the weights of attributes."""
OWN_RIDGES = (10.0, 100.0, 1000.0, 10_000.0)
"""Penalties tried on own effects. From 10 on, so that an action of a handful of rows stays with
its attributes however well the others are known."""
_LEAST_MULTIPLE = 10.0
"""Own effects are penalised by at least so many times what attributes are: otherwise what
actions of the same attributes have in common would be taken for each one's own."""
_MEAN_RIDGE = 1e-6
"""The mean of all rewards is hardly shrunk, but so that an empty fit has a solution."""


def customer_folds(customer_id: NDArray[np.str_], folds: int) -> NDArray[np.int64]:
    """The fold of each row, int64 (n,) in 0..folds-1: a hash of the customer.

    A customer is in one fold, the same in every log and order of rows, without a seed.

    Raises:
        InvalidArgument: for fewer than 2 folds.
    """
    if folds < 2:
        raise InvalidArgument(f"{folds} is below 2", field="folds")
    customers, row = np.unique(customer_id, return_inverse=True)
    hashed = [
        int.from_bytes(hashlib.blake2b(str(c).encode(), digest_size=8).digest(), "little") % folds
        for c in customers
    ]
    assigned: NDArray[np.int64] = np.array(hashed, dtype=np.int64)[row]
    return assigned


def cross_fit(
    log: LoggedBatch,
    *,
    folds: int = FOLDS,
    ridges: Sequence[float] = RIDGES,
    own_ridges: Sequence[float] = OWN_RIDGES,
    contexts: NDArray[np.floating] | None = None,
    action_features: NDArray[np.floating] | None = None,
) -> Float64:
    """Predicted rewards of every action in every row, from models of other customers.

    Args:
        log: n rows; censored ones are predicted but not learned from.
        folds: how many, >= 2.
        ridges: penalties on attributes to choose from, each > 0 and finite.
        own_ridges: penalties on own effects to choose from, each > 0 and finite; those below
            ten times the penalty on attributes are not tried. Empty for attributes alone.
        contexts: float (n, D), finite, in place of ``log.contexts.encoded``.
        action_features: float (K, A) in place of ``log.catalogue.features``.

    Returns:
        float64 (n, K), in the unit of the reward.

    Raises:
        InvalidArgument: for folds or ridges out of range, or features of another length.
    """
    features = log.catalogue.features if action_features is None else action_features
    if features.ndim != 2 or len(features) != len(log.catalogue):
        raise InvalidArgument(
            f"shape {features.shape} is not ({len(log.catalogue)}, A)", field="action_features"
        )
    if not ridges:
        raise InvalidArgument("names no penalty", field="ridges")
    for name, values in (("ridges", ridges), ("own_ridges", own_ridges)):
        if not all(0 < value < np.inf for value in values):
            raise InvalidArgument(f"{tuple(values)} are not above 0 and finite", field=name)
    fold = customer_folds(log.customer_id, folds)
    encoded = log.contexts.encoded if contexts is None else contexts
    if encoded.ndim != 2 or len(encoded) != len(log):
        raise InvalidArgument(f"shape {encoded.shape} is not ({len(log)}, D)", field="contexts")
    width = encoded.shape[1]
    parts = []
    for at in range(folds):
        rows = np.flatnonzero((fold == at) & ~log.censored)
        parts.append(
            BilinearMoments(width, features).add(
                encoded[rows], log.action[rows], log.reward_minor[rows]
            )
        )
    q_hat = np.empty((len(log), len(log.catalogue)))
    for at, coefficients in enumerate(_choose(parts, ridges, own_ridges)):
        rows = np.flatnonzero(fold == at)
        q_hat[rows] = with_intercept(encoded[rows]) @ coefficients
    return q_hat


def _choose(
    parts: list[BilinearMoments], ridges: Sequence[float], own_ridges: Sequence[float]
) -> list[Float64]:
    """Per fold the coefficients (P, K) from all others, under the penalties that predict best.

    First the penalty on attributes is chosen, then whether own effects help beside them: none,
    the same for everyone, or on every column of the context, and under which penalty. Numbers
    chosen from a handful by the held-out rows leave next to nothing of them in the fit; the
    errors come from the moments, without another pass over the data.
    """
    others = []
    for at in range(len(parts)):
        rest = [part for other, part in enumerate(parts) if other != at]
        total = rest[0]
        for part in rest[1:]:
            total = total + part
        others.append(total)
    trials = [_Trial.of(parts, others, ridge, 0, 0.0) for ridge in ridges]
    best = min(trials, key=lambda trial: trial.error)
    for columns, own_ridge in product((1, parts[0].shape[0]), own_ridges):
        if own_ridge >= _LEAST_MULTIPLE * best.ridge:
            trials.append(_Trial.of(parts, others, best.ridge, columns, own_ridge))
    return min(trials, key=lambda trial: trial.error).coefficients


@dataclass(frozen=True)
class _Trial:
    """Coefficients under one choice of penalties, and their error on the rows held out."""

    ridge: float
    coefficients: list[Float64]
    error: float

    @classmethod
    def of(
        cls,
        parts: list[BilinearMoments],
        others: list[BilinearMoments],
        ridge: float,
        columns: int,
        own_ridge: float,
    ) -> _Trial:
        """Own effects are on the first ``columns`` columns, of which the intercept is one."""
        (p, q), k = parts[0].shape, len(parts[0].counts)
        penalty = np.repeat([float(ridge), float(own_ridge)], [p * q, k * columns])
        penalty[0] = _MEAN_RIDGE
        own = np.arange(columns)
        found = [MixedEquations(moments, own).solve(penalty).coefficients for moments in others]
        errors = (part.squared_error(each) for part, each in zip(parts, found, strict=True))
        return cls(ridge, found, sum(errors))
