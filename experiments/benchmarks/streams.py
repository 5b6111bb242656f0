"""Random numbers: keyed Philox uniforms against a plain sequential generator."""

from __future__ import annotations

import numpy as np

from experiments.benchmarks.harness import BenchmarkRow, Timing, compare
from simulator.compiled.kernel import uniforms

NUMBERS = 1 << 18


def streams(timing: Timing) -> list[BenchmarkRow]:
    """Keyed Philox uniforms against NumPy's sequential PCG64; both fill float64."""
    customers = np.arange(NUMBERS // 4, dtype=np.int64)
    sequential = np.random.Generator(np.random.PCG64(7))

    def keyed() -> int:
        return int(uniforms(7, customers, purpose=1, step=1).size)

    return [
        compare(
            "keyed uniforms",
            "numbers/s",
            keyed,
            lambda: sequential.random(NUMBERS).size,
            against="NumPy PCG64, sequential",
            timing=timing,
            goal=4.0,
        )
    ]
