"""The points of Ed25519 that are nobody's key."""

from __future__ import annotations

from functools import cache

from serving.signing import curve

SIGN = 1 << 255


def spelt(y: int, sign: int = 0) -> bytes:
    """32 bytes that give y and the sign of x, allowed or not."""
    return (y | sign).to_bytes(32, "little")


@cache
def torsion() -> tuple[bytes, ...]:
    """Every spelling of the eight points of small order, the forbidden ones included."""
    generator = next(
        point
        for y in range(2, 100)
        if (found := curve.decode(spelt(y))) is not None
        and (point := curve.times(curve.L, found))
        and len({affine(curve.times(k, point)) for k in range(8)}) == 8
    )
    canonical = {encoded(curve.times(k, generator)) for k in range(8)}
    others = {spelt(y, sign) for y in (curve.P, curve.P + 1, 1, curve.P - 1) for sign in (0, SIGN)}
    return tuple(sorted(canonical | others))


def affine(point: curve.Point) -> tuple[int, int]:
    """(x, y) of a point."""
    inverse = pow(point[2], -1, curve.P)
    return point[0] * inverse % curve.P, point[1] * inverse % curve.P


def encoded(point: curve.Point) -> bytes:
    """The one right spelling of a point."""
    x, y = affine(point)
    return spelt(y, SIGN if x & 1 else 0)
