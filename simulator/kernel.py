"""The compiled loops: Philox, counts of clicks, the mask and the table of responses.

All Numba code of the simulator lives in this one file, because Numba's cache watches only
the file of a compiled function: a helper compiled elsewhere could change unnoticed.
``fastmath`` stays off, so that a number does not depend on the batch it is computed in.

``table`` is an :class:`simulator.offers.ActionTable`, ``ready`` a
:class:`simulator.response.Readiness`: Numba reads named tuples by field.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar, cast

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

if TYPE_CHECKING:
    from simulator.offers import ActionTable
    from simulator.response import Readiness

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOW = 0xFFFFFFFF


def _compiled(function: _Function) -> _Function:
    return cast("_Function", njit(cache=True, nogil=True)(function))


@_compiled
def _philox(counter: Any, purpose: Any, step: Any, replicate: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10 (Salmon et al., SC 2011): four words, each a uint64 below 2**32."""
    low, half = uint64(_LOW), uint64(32)
    x0, x1, x2, x3 = uint64(counter), uint64(purpose), uint64(step), uint64(replicate)
    a, b = uint64(k0), uint64(k1)
    for _ in range(10):
        p0 = uint64(0xD2511F53) * x0
        p1 = uint64(0xCD9E8D57) * x2
        x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
        a = (a + uint64(0x9E3779B9)) & low
        b = (b + uint64(0xBB67AE85)) & low
    return x0, x1, x2, x3


@_compiled
def _fill(out: Float, customer: Int64, words: NDArray[np.uint64]) -> None:
    for i in range(customer.shape[0]):
        x = _philox(customer[i], words[0], words[1], words[2], words[3], words[4])
        out[0, i] = (np.float64(x[0]) + 0.5) * 2.0**-32
        out[1, i] = (np.float64(x[1]) + 0.5) * 2.0**-32
        out[2, i] = (np.float64(x[2]) + 0.5) * 2.0**-32
        out[3, i] = (np.float64(x[3]) + 0.5) * 2.0**-32


def uniforms(seed: int, customer: Int64, *, purpose: int, step: int, replicate: int = 0) -> Float:
    """Bit for bit :func:`troth.streams.uniforms`, compiled.

    Args:
        seed: in [0, 2**64).
        customer: int64 (n,) in [0, 2**32).
        purpose: which mechanism asks, in [0, 2**32).
        step: day or position, in [0, 2**32).
        replicate: which alternative life, in [0, 2**32).

    Returns:
        float64 (4, n), each in (0, 1).
    """
    out = np.empty((4, customer.shape[0]))
    words = np.array([purpose, step, replicate, seed & _LOW, seed >> 32], dtype=np.uint64)
    _fill(out, customer, words)
    return out


@_compiled
def _successes(
    out: NDArray[np.int32],
    customer: Int64,
    trials: NDArray[np.int32],
    chance: Float,
    words: NDArray[np.uint64],
) -> None:
    for i in range(trials.shape[0]):
        count = 0
        limit = chance[i] * 4294967296.0
        for first in range(0, trials[i], 4):
            block = words[1] + uint64(first // 4)
            x = _philox(customer[i], words[0], block, uint64(0), words[2], words[3])
            left = trials[i] - first
            count += np.float64(x[0]) + 0.5 < limit
            count += (left > 1) & (np.float64(x[1]) + 0.5 < limit)
            count += (left > 2) & (np.float64(x[2]) + 0.5 < limit)
            count += (left > 3) & (np.float64(x[3]) + 0.5 < limit)
        out[i] = count


def successes(
    seed: int,
    customer: Int64,
    trials: NDArray[np.int32],
    chance: Float,
    *,
    purpose: int,
    step: int,
) -> NDArray[np.int32]:
    """Binomial counts, int32 (n,): ``trials`` keyed Bernoulli draws of ``chance`` each.

    Args:
        seed: in [0, 2**64).
        customer: int64 (n,).
        trials: int32 (n,), >= 0.
        chance: float64 (n,) in [0, 1].
        purpose: which mechanism asks.
        step: counter word of the first block; a block holds four trials.
    """
    out = np.zeros(trials.shape[0], dtype=np.int32)
    words = np.array([purpose, step, seed & _LOW, seed >> 32], dtype=np.uint64)
    _successes(out, customer, trials, chance, words)
    return out


@_compiled
def eligible(
    out: Bool, triggered: Bool, permits: Bool, capped: Bool, channel: Int64, journey: Int64
) -> None:
    """The mask, written to ``out`` (n, K); column 0 is true.

    Args:
        out: bool (n, K).
        triggered: bool (n, J), journeys that have started.
        permits: bool (C, n), channels that may be used.
        capped: bool (n,), no contact is left.
        channel: int64 (K,) of each action.
        journey: int64 (K,) of each action.
    """
    for i in range(out.shape[0]):
        out[i, 0] = True
        free = not capped[i]
        for k in range(1, out.shape[1]):
            out[i, k] = free & triggered[i, journey[k]] & permits[channel[k], i]


@_compiled
def pick(out: Int64, mask: Bool, wanted: Bool, uniform: Float) -> None:
    """One eligible contact each, all alike, written to ``out`` (n,).

    Args:
        out: int64 (n,); 0 where no contact is wanted or possible.
        mask: bool (n, K).
        wanted: bool (n,).
        uniform: float64 (n,) in (0, 1), decides which.
    """
    for i in range(mask.shape[0]):
        out[i] = 0
        count = 0
        for k in range(1, mask.shape[1]):
            count += mask[i, k]
        if wanted[i] and count > 0:
            left = int(uniform[i] * count)
            for k in range(1, mask.shape[1]):
                if mask[i, k]:
                    if left == 0:
                        out[i] = k
                        break
                    left -= 1


@_compiled
def _buys(organic: Any, hurt: Any, recovers: Any, added: Any, ceiling: Any) -> Any:
    """P(buys today | contact delivered); the equation is in simulator.response."""
    # Scalars in, scalar out: handing arrays or tuples to a helper costs ten times as much.
    if hurt > 0.0 and recovers == 0:
        return organic - hurt * organic
    return max(organic, min(organic + added, ceiling))


@_compiled
def bought(
    out: Float, actions: Int64, table: ActionTable, ready: Readiness, ceiling: float
) -> None:
    """P(buys | delivered) of one action each, written to ``out``.

    Args:
        out: float64 (n,).
        actions: int64 (n,) columns of the catalogue; 0 leaves the organic probability.
        table: the catalogue.
        ready: the customers.
        ceiling: largest probability a contact can raise a purchase to.
    """
    for i in range(out.shape[0]):
        k = actions[i]
        added = (
            ready.drive[i]
            * table.strength[k]
            * ready.by_channel[table.channel[k], i]
            * ready.by_kind[table.kind[k], i]
            * ready.by_journey[table.journey[k], i]
        )
        hurt = ready.hurt[i] if k > 0 else 0.0
        out[i] = _buys(ready.organic[i], hurt, table.recovers[k], added, ceiling)


@_compiled
def expect(
    out: Float,
    actions: Int64,
    table: ActionTable,
    ready: Readiness,
    ceiling: float,
    margin_share: float,
    weights: Float,
) -> None:
    """Expected components, or their weighted sum, of many pairs; written to ``out``.

    Args:
        out: float64 (P, n, A), the first four components but contact cost (P = 4) or with
            ``weights`` the reward (P = 1).
        actions: int64 (n, A), columns of the catalogue for each customer.
        table: the catalogue.
        ready: the customers.
        ceiling: as in :func:`bought`.
        margin_share: gross margin of a basket.
        weights: float64 (5,) in the order of :data:`troth.objective.COMPONENTS`, or (0,).
    """
    weighted = weights.size > 0
    for i in range(actions.shape[0]):
        organic, basket, completes = ready.organic[i], ready.basket[i], ready.completes[i]
        for at in range(actions.shape[1]):
            k = actions[i, at]
            c = table.channel[k]
            added = (
                ready.drive[i]
                * table.strength[k]
                * ready.by_channel[c, i]
                * ready.by_kind[table.kind[k], i]
                * ready.by_journey[table.journey[k], i]
            )
            # No contact is never delivered, so that what it would add does not matter.
            arrives = table.delivery[k]
            reached = arrives * _buys(organic, ready.hurt[i], table.recovers[k], added, ceiling)
            buys = (1.0 - arrives) * organic + reached
            margin = buys * basket * margin_share
            discount = reached * basket * table.discount[k]
            points = reached * table.promised_minor[k] + buys * completes
            opt_outs = arrives * ready.opts_out[c, i]
            if weighted:
                out[0, i, at] = (
                    weights[0] * margin
                    + weights[1] * discount
                    + weights[2] * points
                    + weights[3] * table.cost_minor[k]
                    + weights[4] * opt_outs
                )
            else:
                out[0, i, at] = margin
                out[1, i, at] = discount
                out[2, i, at] = points
                out[3, i, at] = opt_outs
