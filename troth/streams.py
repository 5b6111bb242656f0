"""Keyed, counter-based randomness: every random number is a function of its name.

The generator is Philox4x32-10 (Salmon, Moraes, Dror & Shaw, "Parallel random numbers:
as easy as 1, 2, 3", SC 2011), which passes the Random123 known-answer tests. A draw is
addressed by (seed; customer, purpose, step, replicate): adding a purpose shifts no other
draw, and the same address gives the same number in any batch, order or process. That is
what makes common random numbers, replay and split batches exact.
"""

from __future__ import annotations

import hashlib

import numpy as np
from numpy.typing import ArrayLike, NDArray

from troth.errors import InvalidArgument

_M0 = np.uint64(0xD2511F53)
_M1 = np.uint64(0xCD9E8D57)
_W0 = 0x9E3779B9
_W1 = 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)
_ROUNDS = 10
_U32 = 2.0**-32

Uint32 = NDArray[np.uint32]
Float64 = NDArray[np.float64]


def philox4x32(counter: tuple[ArrayLike, ArrayLike, ArrayLike, ArrayLike], seed: int) -> Uint32:
    """Philox4x32-10 blocks.

    Args:
        counter: four words, each a scalar or (n,) array of integers in [0, 2**32).
        seed: the 64-bit key; low word first.

    Returns:
        uint32 (4, n): the four words of each block.

    Raises:
        InvalidArgument: if ``seed`` is outside [0, 2**64).
    """
    if not 0 <= seed < 2**64:
        raise InvalidArgument(f"{seed} is outside [0, 2**64)", field="seed")
    words = np.broadcast_arrays(*(np.atleast_1d(np.asarray(c)).astype(np.uint64) for c in counter))
    x0, x1, x2, x3 = (np.array(w) for w in words)
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(_ROUNDS):
        p0 = _M0 * x0
        p1 = _M1 * x2
        x0, x1, x2, x3 = (
            (p1 >> _SHIFT) ^ x1 ^ np.uint64(k0),
            p1 & _LOW,
            (p0 >> _SHIFT) ^ x3 ^ np.uint64(k1),
            p0 & _LOW,
        )
        k0 = (k0 + _W0) & 0xFFFFFFFF
        k1 = (k1 + _W1) & 0xFFFFFFFF
    return np.stack((x0, x1, x2, x3)).astype(np.uint32)


def uniforms(
    seed: int, customer: ArrayLike, *, purpose: int, step: int, replicate: int = 0
) -> Float64:
    """Four independent uniforms per customer, each in the open interval (0, 1).

    Args:
        seed: the run's seed, in [0, 2**64).
        customer: (n,) integer ids in [0, 2**32).
        purpose: which mechanism asks; one number per mechanism, never reused.
        step: the day or decision index, >= 0.
        replicate: which alternative life, >= 0.

    Returns:
        float64 (4, n).
    """
    block = philox4x32((customer, purpose, step, replicate), seed)
    return (block.astype(np.float64) + 0.5) * _U32


def derive_seed(*path: int | str) -> int:
    """A 64-bit seed for a named sub-stream, from BLAKE2b over the path's parts."""
    hashed = hashlib.blake2b(digest_size=8)
    for part in path:
        text = f"{type(part).__name__}:{part}".encode()
        hashed.update(len(text).to_bytes(4, "little") + text)
    return int.from_bytes(hashed.digest(), "little")


def generator(*path: int | str) -> np.random.Generator:
    """A NumPy generator for a named sub-stream, for draws that have no customer."""
    return np.random.Generator(np.random.Philox(key=derive_seed(*path)))


def request_uniform(stream_key: str) -> float:
    """The one uniform in (0, 1) that decides a request, from its stream key (53 bits)."""
    high, low = _first_words(derive_seed("request", stream_key))
    return ((high >> 5) * 67108864.0 + (low >> 6) + 0.5) / 9007199254740992.0


def _first_words(seed: int) -> tuple[int, int]:
    """The first two words of ``philox4x32((0, 0, 0, 0), seed)``.

    In plain integers: for one block NumPy's overhead is ten times the arithmetic, and each
    decision pays for it.
    """
    x0 = x1 = x2 = x3 = 0
    k0, k1 = seed & 0xFFFFFFFF, seed >> 32
    for _ in range(_ROUNDS):
        p0, p1 = 0xD2511F53 * x0, 0xCD9E8D57 * x2
        x0, x1, x2, x3 = (
            (p1 >> 32) ^ x1 ^ k0,
            p1 & 0xFFFFFFFF,
            (p0 >> 32) ^ x3 ^ k1,
            p0 & 0xFFFFFFFF,
        )
        k0, k1 = (k0 + _W0) & 0xFFFFFFFF, (k1 + _W1) & 0xFFFFFFFF
    return x0, x1
