"""A natural logarithm that LLVM vectorises.

Numba calls the scalar ``log`` of the C library unless Intel's vector library is installed.
The exponent and the mantissa 1 + m come out of the bits of the number, as in Cephes' ``logf``
(Moshier 1992), and the rest is the series of 2 artanh(m / (m + 2)), without a branch.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from llvmlite import ir
from numba import int32, types

from simulator.compiled.kernel import emitted, inlined

_F = np.float32


@emitted
def _bits(typing_context: Any, x: Any) -> Any:
    """The bits of a float32 as an int32."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.IntType(32))

    return types.int32(types.float32), build


@emitted
def _float(typing_context: Any, x: Any) -> Any:
    """The float32 that an int32 holds the bits of."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return builder.bitcast(arguments[0], ir.FloatType())

    return types.float32(types.int32), build


@inlined
def log(x: Any) -> Any:
    """Ln x for a normal float32 x > 0, to 2e-7 relative (1e-6 absolute up to 1e7)."""
    bits = _bits(x)
    exponent = np.float32((bits >> int32(23)) - int32(127))
    m = _float(int32((bits & int32(0x007FFFFF)) | int32(0x3F800000)))
    above = m > _F(1.4142135)
    m = m * (_F(0.5) if above else _F(1.0)) - _F(1.0)
    exponent = exponent + (_F(1.0) if above else _F(0.0))
    t = m / (m + _F(2.0))
    z = t * t
    p = z * (_F(2 / 3) + z * (_F(2 / 5) + z * (_F(2 / 7) + z * _F(2 / 9))))
    small = t * p + _F(-2.12194440e-4) * exponent
    return (t + t) + small + _F(0.693359375) * exponent
