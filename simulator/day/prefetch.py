"""Ask for memory before it is needed.

What a contact touches of a customer is a dozen cache lines; people with a contact lie too far
apart for the processor to guess the next. A kernel that knows whom it will serve a few rows
from now asks for their rows, and does not wait for them.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils

from simulator.compiled.kernel import compiled, emitted
from simulator.state.population import Blocks

_codegen: Any = cgutils
LINE = 64
"""Bytes that come at a time."""


@emitted
def _fetch(typing_context: Any, rows: Any, i: Any, byte: Any) -> Any:
    """Ask for the cache line ``byte`` bytes into row ``i`` of a two-dimensional array."""

    def build(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = signature.args[0]
        array = context.make_array(kind)(context, builder, arguments[0])
        zero = context.get_constant(types.intp, 0)
        start = _codegen.get_item_pointer(
            context, builder, kind, array, [arguments[1], zero], wraparound=False
        )
        text = ir.PointerType(ir.IntType(8))
        at = builder.gep(builder.bitcast(start, text), [arguments[2]])
        flag = ir.IntType(32)
        ask = _codegen.get_or_insert_function(
            builder.module,
            ir.FunctionType(ir.VoidType(), [text, flag, flag, flag]),
            "llvm.prefetch.p0",
        )
        builder.call(ask, [at, flag(1), flag(3), flag(1)])  # to write, keep, data
        return context.get_dummy_value()

    return types.void(rows, types.intp, types.intp), build


@compiled
def ahead(people: Blocks, i: Any) -> None:
    """Ask for everything that lies in rows of customer ``i``."""
    fs, ints, longs = people.floats, people.ints, people.longs
    for byte in range(0, fs.shape[1] * 4 + LINE, LINE):
        _fetch(fs, i, byte)
    for byte in range(0, ints.shape[1] * 4 + LINE, LINE):
        _fetch(ints, i, byte)
    _fetch(longs, i, 0)
    _fetch(people.bytes, i, 0)
