"""A natural logarithm that LLVM vectorises.

Numba calls the scalar ``log`` of the C library unless Intel's vector library is installed.
This is Cephes' ``logf`` (Moshier 1992), branch-free: the exponent and the mantissa come out of
the bits of the number, the rest is a polynomial.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numpy as np
from llvmlite import ir
from numba import int32, types
from numba.extending import intrinsic

from simulator.kernel import inlined

_F = np.float32


def _typed(function: Callable[[Any, Any], Any]) -> Callable[[Any], Any]:
    """Numba's ``intrinsic``: written with a typing context, called without."""
    return cast("Callable[[Any], Any]", intrinsic(function))


@_typed
def _bits(typing_context: Any, x: Any) -> Any:
    """The bits of a float32 as an int32."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), build


@_typed
def _float(typing_context: Any, x: Any) -> Any:
    """The float32 that an int32 holds the bits of."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), build


@inlined
def log(x: Any) -> Any:
    """Ln x for a normal float32 x > 0, to 5e-7 absolute for x up to 1e7."""
    bits = _bits(x)
    exponent = np.float32((bits >> int32(23)) - int32(127))
    m = _float(int32((bits & int32(0x007FFFFF)) | int32(0x3F800000)))
    above = m > _F(1.4142135)
    m = m * (_F(0.5) if above else _F(1.0)) - _F(1.0)
    exponent = exponent + (_F(1.0) if above else _F(0.0))
    z = m * m
    p = _F(7.0376836292e-2)
    p = p * m + _F(-1.1514610310e-1)
    p = p * m + _F(1.1676998740e-1)
    p = p * m + _F(-1.2420140846e-1)
    p = p * m + _F(1.4249322787e-1)
    p = p * m + _F(-1.6668057665e-1)
    p = p * m + _F(2.0000714765e-1)
    p = p * m + _F(-2.4999993993e-1)
    p = p * m + _F(3.3333331174e-1)
    tail = m * z * p + _F(-2.12194440e-4) * exponent - _F(0.5) * z
    return m + tail + _F(0.693359375) * exponent
