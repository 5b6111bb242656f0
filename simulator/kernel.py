"""The compiled loops that know no mechanism: Philox, counts of clicks, the mask, a pick.

Numba's cache watches only the file of a compiled function: a compiled function calls
compiled helpers of its own file only, or a change of the helper would go unnoticed.
``fastmath`` stays off, so that a number does not depend on the batch it is computed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOW = 0xFFFFFFFF


def compiled(function: _Function) -> _Function:
    """Numba's ``njit`` with the cache on and the types kept."""
    return cast("_Function", njit(cache=True, nogil=True)(function))


@compiled
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


@compiled
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


@compiled
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


@compiled
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


@compiled
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
