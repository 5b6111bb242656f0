"""The policy protocol and the one sampler.

A policy gives a distribution; it never draws. :func:`sample` is the only place where an
action is drawn from one.
"""

from __future__ import annotations

from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import NO_CONTACT, Catalogue
from troth.contexts import ContextBatch
from troth.errors import InvalidArgument

Mask = NDArray[np.bool_]
Distribution = NDArray[np.float64]

ROW_SUM_TOLERANCE = 1e-9
"""How far a row of a distribution may be from summing to one."""


@runtime_checkable
class Policy(Protocol):
    """A map from contexts to distributions over actions: pure, no I/O, no hidden state."""

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """Probabilities of each action.

        Args:
            contexts: n contexts.
            actions: the K actions that are the columns.
            mask: bool (n, K), true where the action is eligible; column 0 always is.

        Returns:
            float64 (n, K): rows sum to 1 within 1e-9, exactly 0 where ``mask`` is false.
        """
        ...


def check_mask(mask: Mask, n: int, k: int) -> Mask:
    """Return ``mask`` if it is bool (n, k) with *no contact* eligible everywhere.

    Raises:
        InvalidArgument: otherwise.
    """
    if mask.dtype != np.bool_ or mask.shape != (n, k):
        raise InvalidArgument(f"{mask.dtype} {mask.shape} is not bool ({n}, {k})", field="mask")
    if not mask[:, NO_CONTACT].all():
        raise InvalidArgument("no contact must always be eligible", field="mask")
    return mask


def read_only(mask: Mask) -> Mask:
    """``mask`` as a policy is shown it: whoever writes into it would choose their own limits."""
    shown = mask.view()
    shown.flags.writeable = False
    return shown


def check_distribution(distribution: Distribution, mask: Mask) -> Distribution:
    """Return ``distribution`` if it is one under ``mask``.

    Raises:
        InvalidArgument: for a wrong shape or dtype, a negative or non-finite entry, mass on
            a masked action, or a row that does not sum to 1 within 1e-9.
    """
    if not isinstance(distribution, np.ndarray):
        raise InvalidArgument(
            f"a {type(distribution).__name__} is no float64 array", field="distribution"
        )
    if distribution.dtype != np.float64 or distribution.shape != mask.shape:
        raise InvalidArgument(
            f"{distribution.dtype} {distribution.shape} is not float64 {mask.shape}",
            field="distribution",
        )
    # Least and greatest are NaN where an entry is. Every morning's distributions come by here:
    # gathering masked entries would take longer than most policies.
    if not (distribution.min(initial=0.0) >= 0.0 and distribution.max(initial=0.0) < np.inf):
        raise InvalidArgument("has a negative or non-finite entry", field="distribution")
    if ((distribution != 0.0) > mask).any():
        raise InvalidArgument("puts mass on a masked action", field="distribution")
    off = np.abs(distribution.sum(axis=1) - 1.0)
    if off.size and off.max() > ROW_SUM_TOLERANCE:
        raise InvalidArgument(
            f"row {int(off.argmax())} is {off.max():.3g} away from summing to 1",
            field="distribution",
        )
    return distribution


def normalise(weights: NDArray[np.floating], mask: Mask) -> Distribution:
    """Weights to a distribution under ``mask``; a row without weight becomes *no contact*.

    Args:
        weights: float (n, K), >= 0.
        mask: bool (n, K).
    """
    kept = np.where(mask, weights, 0.0).astype(np.float64)
    total = kept.sum(axis=1, keepdims=True)
    empty = total[:, 0] <= 0.0
    kept[empty, NO_CONTACT] = 1.0
    total[empty] = 1.0
    shares: Distribution = kept / total
    return shares


def greedy(scores: NDArray[np.float64], mask: Mask) -> Distribution:
    """All mass on the highest eligible score, the first of equals.

    Args:
        scores: float64 (n, K).
        mask: bool (n, K).
    """
    best = np.where(mask, scores, -np.inf).argmax(axis=1)
    result = np.zeros(mask.shape)
    result[np.arange(len(best)), best] = 1.0
    return result


def sample(distribution: Distribution, uniforms: NDArray[np.float64]) -> NDArray[np.int64]:
    """Draw one action per row by inversion: the first k whose cumulative mass exceeds u.

    Args:
        distribution: float64 (n, K), rows sum to 1.
        uniforms: float64 (n,), each in [0, 1).

    Returns:
        int64 (n,). An action of probability 0 is never drawn.
    """
    cumulative = np.cumsum(distribution, axis=1)
    # Rounding may leave the last cumulative sum below u; scaling u by it keeps the draw
    # inside the support.
    threshold = uniforms[:, None] * cumulative[:, -1:]
    drawn: NDArray[np.int64] = np.argmax(cumulative > threshold, axis=1).astype(np.int64)
    return drawn
