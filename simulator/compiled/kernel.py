"""The compiled ground floor: Philox, an exponential that vectorises, and Numba's cache.

``fastmath`` stays off, so that a number does not depend on the batch it is computed in.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from numba import njit, uint64
from numba.extending import intrinsic
from numpy.typing import NDArray

from simulator.compiled.once import compile_once
from simulator.compiled.sources import stamp

Float = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

_Function = TypeVar("_Function", bound=Callable[..., Any])

_LOW = 0xFFFFFFFF
UNIT = 2.0**-32


def compiled(function: _Function) -> _Function:
    """Numba's ``njit`` with the GIL released, the cache on and the types kept.

    The cache is stamped with all that the machine code may hold
    (:mod:`simulator.compiled.sources`), so that a change anywhere recompiles what it touches.
    """
    made_from = stamp(function)
    if made_from is not None:
        dispatcher = njit(cache=True, nogil=True, error_model="numpy")(function)
        file: Any = getattr(getattr(dispatcher, "_cache", None), "_cache_file", None)
        if hasattr(file, "_source_stamp"):
            file._source_stamp = made_from
            compile_once(dispatcher)
            return cast("_Function", dispatcher)
    # No stamp, or a Numba that keeps its own elsewhere: better slow than stale.
    return cast("_Function", njit(nogil=True, error_model="numpy")(function))


def inlined(function: _Function) -> _Function:
    """A helper of loops that must vectorise: Numba itself puts it into its callers.

    LLVM inlines helpers too, but only after it has looked for loops to vectorise.
    """
    return cast("_Function", njit(inline="always", error_model="numpy")(function))


def emitted(function: Callable[..., Any]) -> Callable[..., Any]:
    """Numba's ``intrinsic``: emits LLVM; written with a typing context, called without."""
    return cast("Callable[..., Any]", intrinsic(function))


@inlined
def philox(counter: Any, purpose: Any, step: Any, replicate: Any, k0: Any, k1: Any) -> Any:
    """Philox4x32-10 (Salmon et al., SC 2011): four words, each a uint64 below 2**32.

    The ten rounds are written out: LLVM vectorises a loop over customers only if there is no
    loop inside, and helpers put in by Numba would take ten times as long to compile.
    """
    low, half = uint64(_LOW), uint64(32)
    m0, m1 = uint64(0xD2511F53), uint64(0xCD9E8D57)
    w0, w1 = uint64(0x9E3779B9), uint64(0xBB67AE85)
    x0, x1 = uint64(counter) & low, uint64(purpose) & low
    x2, x3 = uint64(step) & low, uint64(replicate) & low
    a, b = uint64(k0) & low, uint64(k1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    a, b = (a + w0) & low, (b + w1) & low
    p0, p1 = m0 * x0, m1 * x2
    x0, x1, x2, x3 = (p1 >> half) ^ x1 ^ a, p1 & low, (p0 >> half) ^ x3 ^ b, p0 & low
    return x0, x1, x2, x3


@inlined
def _unit(word: Any) -> Any:
    """(word + 1/2) / 2**32, by way of int32, which AVX2 converts in one go, unlike int64."""
    return (np.float64(np.int32(np.int64(word) - 2147483648)) + 2147483648.5) * UNIT


@inlined
def draw(customer: Any, purpose: Any, step: Any, replicate: Any, k0: Any, k1: Any) -> Any:
    """Four uniforms in (0, 1): bit for bit :func:`troth.streams.uniforms`."""
    a, b, c, d = philox(customer, purpose, step, replicate, k0, k1)
    return _unit(a), _unit(b), _unit(c), _unit(d)


@compiled
def drawn(customer: Any, purpose: Any, step: Any, replicate: Any, k0: Any, k1: Any) -> Any:
    """:func:`draw` where nothing is to be vectorised: it compiles once, not per caller."""
    return draw(customer, purpose, step, replicate, k0, k1)


@compiled
def draws(
    out: Float,
    rows: Int64,
    first: Any,
    purpose: Any,
    step: Any,
    replicate: Any,
    k0: Any,
    k1: Any,
) -> None:
    """:func:`draw` of customers ``first + rows`` to ``out``, float64 (4, m)."""
    a, b, c, d = out[0], out[1], out[2], out[3]  # four streams of writes, or it does not vectorise
    p, s, begin = uint64(purpose), uint64(step), uint64(first)
    for at in range(rows.shape[0]):
        a[at], b[at], c[at], d[at] = draw(begin + uint64(rows[at]), p, s, replicate, k0, k1)


@inlined
def survives(x: Any) -> Any:
    """exp(-x) for x in [0, 64] to about 1e-8 at worst and 1e-15 below 3; vectorises.

    Numba has no vector ``exp`` without Intel's library: a sixth-order series at x / 256, then
    eight squarings, is a chain of multiplications that LLVM turns into vector code.
    """
    y = -min(x, 64.0) * (1.0 / 256.0)
    s = 1.0 + y * (1.0 + y * (1 / 2 + y * (1 / 6 + y * (1 / 24 + y * (1 / 120 + y * (1 / 720))))))
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    s = s * s
    return s * s


@compiled
def normal(first: Any, second: Any) -> Any:
    """A standard normal from two uniforms in (0, 1): Box & Muller 1958."""
    return math.sqrt(-2.0 * math.log(first)) * math.cos(2.0 * math.pi * second)


@compiled
def other_normal(first: Any, second: Any) -> Any:
    """The other standard normal of the same two uniforms, independent of the first."""
    return math.sqrt(-2.0 * math.log(first)) * math.sin(2.0 * math.pi * second)


@compiled
def _fill(
    a: Float,
    b: Float,
    c: Float,
    d: Float,
    customer: Int64,
    p: Any,
    s: Any,
    r: Any,
    k0: Any,
    k1: Any,
) -> None:
    for i in range(customer.shape[0]):
        a[i], b[i], c[i], d[i] = draw(customer[i], p, s, r, k0, k1)


def words(seed: int) -> tuple[np.uint64, np.uint64]:
    """The two key words of a seed."""
    return np.uint64(seed & _LOW), np.uint64(seed >> 32)


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
    address = (np.uint64(purpose), np.uint64(step), np.uint64(replicate))
    _fill(out[0], out[1], out[2], out[3], customer, *address, *words(seed))
    return out


@compiled
def _successes(
    out: NDArray[np.int32],
    customer: Int64,
    trials: NDArray[np.int32],
    chance: Float,
    purpose: Any,
    step: Any,
    k0: Any,
    k1: Any,
) -> None:
    for i in range(trials.shape[0]):
        count = 0
        for first in range(0, trials[i], 4):
            x = draw(customer[i], purpose, step + uint64(first // 4), uint64(0), k0, k1)
            left = trials[i] - first
            count += x[0] < chance[i]
            count += (left > 1) & (x[1] < chance[i])
            count += (left > 2) & (x[2] < chance[i])
            count += (left > 3) & (x[3] < chance[i])
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
    _successes(out, customer, trials, chance, np.uint64(purpose), np.uint64(step), *words(seed))
    return out


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
        if not wanted[i]:
            continue
        count = 0
        for k in range(1, mask.shape[1]):
            count += mask[i, k]
        if count > 0:
            left = int(uniform[i] * count)
            for k in range(1, mask.shape[1]):
                if mask[i, k]:
                    if left == 0:
                        out[i] = k
                        break
                    left -= 1


@compiled
def pay(actions: Int64, broke: Bool, costs: Int64, left: int, begin: int) -> int:
    """Pay for contacts one customer after another; who cannot be paid for gets none.

    Args:
        actions: int64 (n,), changed to 0 where the budget does not suffice. One that is not
            an action is left to others to refuse.
        broke: bool (n,), set where it does not.
        costs: int64 (n, A).
        left: of the budget.
        begin: the customer who comes first.

    Returns:
        What is left afterwards.
    """
    n = actions.shape[0]
    for later in range(n):
        i = (begin + later) % n
        a = actions[i]
        if 0 <= a < costs.shape[1]:
            if costs[i, a] > left:
                actions[i] = 0
                broke[i] = True
            else:
                left -= costs[i, a]
    return left
