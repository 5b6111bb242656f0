"""Processes that need the same machine code at once make it once, and none gets another's."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from tests.architecture.inventory import ROOT

KERNEL = """
from simulator.compiled.kernel import compiled

@compiled
def inner(x):
    return x * x + {constant}

@compiled
def outer(x):
    return inner(x) + inner(x + 1)
"""
ASK = """
import sys
from numba.core.caching import IndexDataCacheFile
from slow_kernels import inner, outer

# Whoever reads the index takes its time before what it goes by is written.
read = IndexDataCacheFile._load_index
def slowly(self):
    import time
    found = read(self)
    time.sleep(0.3)
    return found
IndexDataCacheFile._load_index = slowly

print("ready", flush=True)
argument = eval(sys.stdin.readline())
print(outer(argument), *(sum(f.stats.cache_misses.values()) for f in (inner, outer)), flush=True)
"""


def asked(folder: Path, *arguments: str) -> list[list[str]]:
    """What ``outer`` says to each argument, and what was compiled: a process each, at once."""
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", ASK],
            env={
                **os.environ,
                "PYTHONPATH": os.pathsep.join((str(folder), str(ROOT))),
                "NUMBA_CACHE_DIR": str(folder / "cache"),
            },
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for _ in arguments
    ]
    try:
        assert all(p.stdout is not None and p.stdout.readline() == "ready\n" for p in processes)
        for process, argument in zip(processes, arguments, strict=True):
            assert process.stdin is not None
            process.stdin.write(f"{argument}\n")
            process.stdin.flush()
        return [process.communicate(timeout=120)[0].split() for process in processes]
    finally:
        for process in processes:
            process.kill()
            process.wait()


def test_one_process_compiles_and_the_others_load(tmp_path: Path) -> None:
    """Three start together: each function is compiled once in all, and all have it."""
    (tmp_path / "slow_kernels.py").write_text(KERNEL.format(constant=1))
    said = asked(tmp_path, "3", "3", "3")
    assert [answer for answer, *_ in said] == [str(10 + 17)] * 3
    assert sum(int(outer) for *_, outer in said) == 1
    assert sum(int(inner) for _, inner, _ in said) == 1


def test_signatures_compiled_at_once_are_all_kept(tmp_path: Path) -> None:
    """Afterwards each signature is in the cache, with its own machine code."""
    (tmp_path / "slow_kernels.py").write_text(KERNEL.format(constant=2))
    wanted = {"3": str(11 + 18), "2.5": str(8.25 + 14.25), "1j": "(3+2j)"}
    asked(tmp_path, *wanted)
    for argument, answer in wanted.items():
        assert asked(tmp_path, argument) == [[answer, "0", "0"]]
