"""A cross-fitted model of the expected reward, for DM and DR.

The model is the bilinear ridge of :mod:`agents.bilinear`. Rows are split into folds by
customer, and a row's predictions come from a model that has not seen its customer, which keeps
DR unbiased however flexible the model is.

References:
    V. Chernozhukov et al., "Double/debiased machine learning for treatment and structural
    parameters", The Econometrics Journal 21 (2018), definition 3.1.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.bilinear import BilinearFit, BilinearMoments, Float64
from troth.batches import LoggedBatch
from troth.errors import InvalidArgument

RIDGES = (0.1, 1.0, 10.0, 100.0, 1000.0)
"""Penalties tried; that of the least held-out squared error is used in every fold."""


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
    folds: int = 3,
    ridges: Sequence[float] = RIDGES,
    contexts: NDArray[np.floating] | None = None,
    action_features: NDArray[np.floating] | None = None,
) -> Float64:
    """Predicted rewards of every action in every row, from models of other customers.

    Args:
        log: n rows; censored ones are predicted but not learned from.
        folds: how many, >= 2.
        ridges: penalties to choose from, each > 0.
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
    for at, fit in enumerate(_choose(parts, ridges)):
        rows = np.flatnonzero(fold == at)
        q_hat[rows] = fit.predict(encoded[rows], features)
    return q_hat


def _choose(parts: list[BilinearMoments], ridges: Sequence[float]) -> list[BilinearFit]:
    """Per fold the fit on all others, under the one ridge with the least held-out error.

    One number chosen from a handful by the held-out rows leaves next to nothing of them in
    the fit; the errors come from the moments, without another pass over the data.
    """
    others = []
    for at in range(len(parts)):
        rest = [part for other, part in enumerate(parts) if other != at]
        total = rest[0]
        for part in rest[1:]:
            total = total + part
        others.append(total)
    best: list[BilinearFit] = []
    least = np.inf
    for ridge in ridges:
        fits = [moments.solve(ridge) for moments in others]
        error = sum(part.squared_error(fit.weights) for part, fit in zip(parts, fits, strict=True))
        if error < least or not best:
            best, least = fits, error
    return best
