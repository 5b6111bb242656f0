"""The compiled loops: Philox, the response table, counts of clicks.

All Numba code of the simulator lives in this one file, because Numba's cache watches only
the file of a compiled function: a helper compiled elsewhere could change unnoticed.
``fastmath`` stays off, so that a number does not depend on the batch it is computed in.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit, uint64
from numpy.typing import NDArray

_Function = TypeVar("_Function", bound=Callable[..., Any])


def _compiled(function: _Function) -> _Function:
    return cast("_Function", njit(cache=True, nogil=True)(function))


@_compiled
def _philox(c0: int, c1: int, c2: int, c3: int, k0: int, k1: int) -> tuple[int, int, int, int]:
    """Philox4x32-10 (Salmon et al., SC 2011); words are uint64 holding 32 bits."""
    low = uint64(0xFFFFFFFF)
    x0, x1, x2, x3 = uint64(c0), uint64(c1), uint64(c2), uint64(c3)
    a, b = uint64(k0), uint64(k1)
    for _ in range(10):
        p0 = uint64(0xD2511F53) * x0
        p1 = uint64(0xCD9E8D57) * x2
        x0, x1, x2, x3 = (
            (p1 >> uint64(32)) ^ x1 ^ a,
            p1 & low,
            (p0 >> uint64(32)) ^ x3 ^ b,
            p0 & low,
        )
        a = (a + uint64(0x9E3779B9)) & low
        b = (b + uint64(0xBB67AE85)) & low
    return x0, x1, x2, x3


@_compiled
def _fill(out: NDArray[np.float64], customer: NDArray[np.int64], words: NDArray[np.uint64]) -> None:
    """Out (4, n): uniforms of counter (customer, purpose, step, replicate)."""
    for i in range(customer.shape[0]):
        x0, x1, x2, x3 = _philox(
            uint64(customer[i]), words[0], words[1], words[2], words[3], words[4]
        )
        out[0, i] = (np.float64(x0) + 0.5) * 2.0**-32
        out[1, i] = (np.float64(x1) + 0.5) * 2.0**-32
        out[2, i] = (np.float64(x2) + 0.5) * 2.0**-32
        out[3, i] = (np.float64(x3) + 0.5) * 2.0**-32


def uniforms(
    seed: int, customer: NDArray[np.int64], *, purpose: int, step: int, replicate: int = 0
) -> NDArray[np.float64]:
    """Bit for bit :func:`troth.streams.uniforms`, compiled: float64 (4, n) in (0, 1).

    Args:
        seed: in [0, 2**64).
        customer: int64 (n,) in [0, 2**32).
        purpose, step, replicate: counter words in [0, 2**32).
    """
    out = np.empty((4, customer.shape[0]))
    words = np.array([purpose, step, replicate, seed & 0xFFFFFFFF, seed >> 32], dtype=np.uint64)
    _fill(out, customer, words)
    return out


@_compiled
def _successes(
    out: NDArray[np.int32],
    trials: NDArray[np.int32],
    chance: NDArray[np.float64],
    customer: NDArray[np.int64],
    purpose: int,
    step: int,
    k0: int,
    k1: int,
) -> None:
    for i in range(trials.shape[0]):
        count = 0
        left = trials[i]
        block = 0
        # Four trials to a Philox block; a draw succeeds if its 32-bit word is below p.
        limit = chance[i] * 4294967296.0
        while left > 0:
            x0, x1, x2, x3 = _philox(
                uint64(customer[i]), uint64(purpose), uint64(step + block), uint64(0), k0, k1
            )
            count += np.float64(x0) + 0.5 < limit
            if left > 1:
                count += np.float64(x1) + 0.5 < limit
            if left > 2:
                count += np.float64(x2) + 0.5 < limit
            if left > 3:
                count += np.float64(x3) + 0.5 < limit
            left -= 4
            block += 1
        out[i] = count


def successes(
    seed: int,
    customer: NDArray[np.int64],
    trials: NDArray[np.int32],
    chance: NDArray[np.float64],
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
        purpose, step: counter words; blocks of four trials use ``step``, ``step + 1``, ...
    """
    out = np.zeros(trials.shape[0], dtype=np.int32)
    _successes(
        out, trials, chance, customer, purpose, step,
        np.uint64(seed & 0xFFFFFFFF), np.uint64(seed >> 32),
    )  # fmt: skip
    return out


@_compiled
def _bought(
    organic: float, hurt: float, drive: float, factor: float, recovers: int, ceiling: float
) -> float:
    """P(buys today | contact delivered); see :mod:`simulator.response`."""
    if hurt > 0.0 and recovers == 0:
        return organic - hurt * organic
    return max(organic, min(organic + drive * factor, ceiling))


@_compiled
def respond(
    out: NDArray[np.float64],
    actions: NDArray[np.int64],
    channel: NDArray[np.int64],
    kind: NDArray[np.int64],
    journey: NDArray[np.int64],
    strength: NDArray[np.float64],
    recovers: NDArray[np.int64],
    organic: NDArray[np.float64],
    hurt: NDArray[np.float64],
    drive: NDArray[np.float64],
    by_channel: NDArray[np.float64],
    by_kind: NDArray[np.float64],
    by_journey: NDArray[np.float64],
    ceiling: float,
) -> None:
    """One action per customer: out (n,), P(buys | delivered).

    Args:
        out: float64 (n,), written.
        actions: int64 (n,) columns of the catalogue; 0 leaves the organic probability.
        channel, kind, journey, strength, recovers: (K,) table of the catalogue.
        organic, hurt, drive: (n,) per customer.
        by_channel: (C, n); by_kind: (O, n); by_journey: (J, n): factors of the response.
        ceiling: largest probability a contact can raise a purchase to.
    """
    for i in range(out.shape[0]):
        k = actions[i]
        if k == 0:
            out[i] = organic[i]
        else:
            factor = (
                strength[k]
                * by_channel[channel[k], i]
                * by_kind[kind[k], i]
                * by_journey[journey[k], i]
            )
            out[i] = _bought(organic[i], hurt[i], drive[i], factor, recovers[k], ceiling)


@_compiled
def expect(
    margin: NDArray[np.float64],
    discount: NDArray[np.float64],
    points: NDArray[np.float64],
    opt_outs: NDArray[np.float64],
    channel: NDArray[np.int64],
    kind: NDArray[np.int64],
    journey: NDArray[np.int64],
    strength: NDArray[np.float64],
    recovers: NDArray[np.int64],
    organic: NDArray[np.float64],
    hurt: NDArray[np.float64],
    drive: NDArray[np.float64],
    by_channel: NDArray[np.float64],
    by_kind: NDArray[np.float64],
    by_journey: NDArray[np.float64],
    ceiling: float,
    delivery: NDArray[np.float64],
    opts_out: NDArray[np.float64],
    basket: NDArray[np.float64],
    margin_share: float,
    discount_share: NDArray[np.float64],
    promised: NDArray[np.float64],
    completes: NDArray[np.float64],
) -> None:
    """Every action for every customer: the expected components, each (n, K), written.

    Further arguments than those of :func:`respond`: ``delivery`` (C,), ``opts_out`` (C, n)
    P(opts out | delivered), ``basket`` (n,) expected basket in minor units,
    ``discount_share`` (K,), ``promised`` (K,) liability of promised points and ``completes``
    (n,) liability falling due on a purchase, both in minor units.
    """
    rows, columns = margin.shape
    for i in range(rows):
        for k in range(columns):
            if k == 0:
                margin[i, k] = organic[i] * basket[i] * margin_share
                discount[i, k] = 0.0
                points[i, k] = organic[i] * completes[i]
                opt_outs[i, k] = 0.0
                continue
            c = channel[k]
            factor = (
                strength[k] * by_channel[c, i] * by_kind[kind[k], i] * by_journey[journey[k], i]
            )
            bought = _bought(organic[i], hurt[i], drive[i], factor, recovers[k], ceiling)
            reached = delivery[c] * bought
            buys = (1.0 - delivery[c]) * organic[i] + reached
            margin[i, k] = buys * basket[i] * margin_share
            discount[i, k] = reached * basket[i] * discount_share[k]
            points[i, k] = reached * promised[k] + buys * completes[i]
            opt_outs[i, k] = delivery[c] * opts_out[c, i]
