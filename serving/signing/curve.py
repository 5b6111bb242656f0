"""Which 32 bytes are a point of Ed25519 that can be somebody's key.

The curve -x^2 + y^2 = 1 + d x^2 y^2 over the integers modulo p = 2^255 - 19 has 8 L points.
A key that was made from a private one lies in the subgroup of prime order L. The others bind
nobody: under one of the eight points of small order a signature verifies that anyone can make
for any message, and libraries, RFC 8032's own procedure included, let them pass.

Reference: RFC 8032, sections 5.1.3 (decoding) and 5.1.4 (addition).
"""

from __future__ import annotations

from functools import lru_cache

P = 2**255 - 19
"""The field."""
L = 2**252 + 27742317777372353535851937790883648493
"""Order of the subgroup that keys lie in."""
D = -121665 * pow(121666, -1, P) % P
_ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

Point = tuple[int, int, int, int]
"""(X, Y, Z, T) with x = X/Z, y = Y/Z and x y = T/Z."""
_NEUTRAL: Point = (0, 1, 1, 0)


@lru_cache(maxsize=256)
def is_key(encoded: bytes) -> bool:
    """Whether ``encoded``, 32 bytes, is the one spelling of a point of order L.

    Takes some two milliseconds, once for each key.
    """
    point = decode(encoded)
    return point is not None and not _is_neutral(point) and _is_neutral(times(L, point))


def decode(encoded: bytes) -> Point | None:
    """The point, ``None`` if there is none or if it has another, canonical spelling."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    # x^2 = u / v; the candidate root is right, or right but for a root of -1.
    u, v = (y * y - 1) % P, (D * y * y + 1) % P
    x = u * pow(v, 3, P) * pow(u * pow(v, 7, P), (P - 5) // 8, P) % P
    if v * x * x % P != u:
        x = x * _ROOT_OF_MINUS_ONE % P
    if v * x * x % P != u or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = P - x
    return x, y, 1, x * y % P


def times(number: int, point: Point) -> Point:
    """``number`` times ``point``, by doubling and adding; the time taken tells the number."""
    total = _NEUTRAL
    while number:
        if number & 1:
            total = plus(total, point)
        point = plus(point, point)
        number >>= 1
    return total


def plus(one: Point, other: Point) -> Point:
    """The sum of two points."""
    a = (one[1] - one[0]) * (other[1] - other[0]) % P
    b = (one[1] + one[0]) * (other[1] + other[0]) % P
    c = 2 * one[3] * other[3] * D % P
    d = 2 * one[2] * other[2] % P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % P, g * h % P, f * g % P, e * h % P


def _is_neutral(point: Point) -> bool:
    return point[0] % P == 0 and (point[1] - point[2]) % P == 0
