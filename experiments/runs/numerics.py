"""Which arithmetic numbers come from, and the settings under which every x86-64 has the same.

Numeric libraries choose their kernels by the processor: MKL and ATEN in torch, OpenBLAS in NumPy
and SciPy, loops in NumPy, exponentials and logarithms in the C library. They differ in the last
bits, and training carries these into the figures. Every library has a variable that fixes the
choice. It is read when the library is loaded, the C library's when the process starts, so that
the settings hold for a process that was started with them (:mod:`experiments.runs.apart`).
"""

from __future__ import annotations

import ctypes
import hashlib
import math
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import threadpoolctl  # type: ignore[import-untyped]
from llvmlite import binding
from pydantic import BaseModel, ConfigDict

from troth.errors import FailedPrecondition

BLAS, MKL, ATEN = "Nehalem", "COMPATIBLE", "default"
"""What each library is held to: kernels that every x86-64 with SSE4.2 has, as NumPy asks for."""
_MKL_BRANCHES = {1: "none", 2: "AUTO", 3: MKL}
_HWCAPS = ("AVX2", "FMA", "FMA4")
_TOLD = ("sse4", "avx", "fma", "f16c", "amx")


class Machine(BaseModel):
    """Where figures were computed, and by which kernels.

    Two machines with the same ``arithmetic`` and the same versions of the libraries give the
    same figures.

    Attributes:
        cpu: what the processor calls itself, and LLVM's name of its kind.
        architecture: such as ``x86_64``.
        instruction_sets: those of the processor that matter to numbers.
        libc: the C library and its version.
        kernels: what each library chose, by its name.
        settings: the variables of :func:`settings` that stand in the environment.
        arithmetic: 16 hexadecimal digits of a digest of a few results of each library.
        reproducible: whether the settings are those of :func:`settings`, and took effect.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    cpu: str
    architecture: str
    instruction_sets: tuple[str, ...]
    libc: str
    kernels: dict[str, str]
    settings: dict[str, str]
    arithmetic: str
    reproducible: bool

    def __str__(self) -> str:
        kernels = ", ".join(f"{name} {chosen}" for name, chosen in self.kernels.items())
        mode = ", reproducible" if self.reproducible else ""
        return f"{self.cpu}; {kernels}; arithmetic {self.arithmetic}{mode}"


def settings() -> dict[str, str]:
    """Environment variables that fix every kernel; for x86-64 with the GNU C library.

    Raises:
        FailedPrecondition: on another machine, for which no such settings are known.
    """
    if platform.machine() not in ("x86_64", "AMD64") or platform.libc_ver()[0] != "glibc":
        raise FailedPrecondition(
            f"settings that fix every kernel are known for x86-64 with the GNU C library, not for"
            f" {platform.machine()} with {_libc()}",
            field="reproducible",
        )
    hwcaps = ",".join(f"-{name}{usable}" for usable in ("", "_Usable") for name in _HWCAPS)
    return {
        "MKL_CBWR": MKL,
        "ATEN_CPU_CAPABILITY": ATEN,
        "OPENBLAS_CORETYPE": BLAS,
        "NPY_DISABLE_CPU_FEATURES": " ".join(_numpy().__cpu_dispatch__),
        "GLIBC_TUNABLES": f"glibc.cpu.hwcaps={hwcaps}",
        "NUMBA_DISABLE_INTEL_SVML": "1",
        "OMP_NUM_THREADS": "1",
        "OPENBLAS_NUM_THREADS": "1",
        "MKL_NUM_THREADS": "1",
    }


def observed(_task: object = None) -> Machine:
    """The arithmetic of this process; loads the libraries that a run computes with.

    An argument lets an executor ask the processes that compute.
    """
    kernels = _kernels()
    names = _known()
    found = {name: os.environ[name] for name in names if name in os.environ}
    return Machine(
        cpu=_processor(),
        architecture=platform.machine(),
        instruction_sets=_instruction_sets(),
        libc=_libc(),
        kernels=kernels,
        settings=found,
        arithmetic=_arithmetic(),
        reproducible=bool(names) and found == names and not list(_astray(kernels)),
    )


def require_reproducible(machine: Machine) -> None:
    """Refuse a machine whose figures another one would not give again.

    Raises:
        FailedPrecondition: naming the settings that lack, or the library that goes its own way.
    """
    lacking = [
        f"{name}={value}"
        for name, value in settings().items()
        if machine.settings.get(name) != value
    ]
    if lacking:
        raise FailedPrecondition(
            f"this process was started without {' '.join(lacking)}, which libraries read when"
            " they are loaded; --reproducible starts one that has them",
            field="reproducible",
        )
    for library, chosen, wanted in _astray(machine.kernels):
        raise FailedPrecondition(
            f"{library} goes by {chosen} and not by {wanted}, whatever the environment says; was"
            " it loaded before, or is it another build?",
            field="reproducible",
        )


def _known() -> dict[str, str]:
    try:
        return settings()
    except FailedPrecondition:
        return {}


def _kernels() -> dict[str, str]:
    """What each library chose, as it tells."""
    import scipy.linalg  # noqa: F401  # brings an OpenBLAS of its own
    import torch

    found = {
        f"OpenBLAS of {Path(row['filepath']).parent.name.split('.')[0]}": row["architecture"]
        for row in threadpoolctl.threadpool_info()
        if row["internal_api"] == "openblas"
    }
    own = _numpy()
    chosen = [name for name in own.__cpu_dispatch__ if own.__cpu_features__.get(name)]
    found["NumPy"] = " ".join(chosen) or "baseline"
    found["ATEN"] = torch.backends.cpu.get_cpu_capability()
    if torch.backends.mkl.is_available():
        found["MKL"] = _mkl_branch(Path(torch.__file__).parent / "lib" / "libtorch_cpu.so")
    return dict(sorted(found.items()))


def _mkl_branch(library: Path) -> str:
    """Which branch of its code torch's MKL is held to; it tells no other way."""
    try:
        ask = ctypes.CDLL(str(library)).mkl_serv_cbwr_get
    except (OSError, AttributeError):
        return "unknown"
    branch = int(ask(1))  # 1: of kernels
    return _MKL_BRANCHES.get(branch, f"branch {branch}")


def _astray(kernels: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    """(library, what it goes by, what it should) for each that does not keep to the settings."""
    wanted = {"NumPy": "baseline", "ATEN": ATEN.upper(), "MKL": MKL}
    for library, chosen in kernels.items():
        right = wanted.get(library, BLAS)
        if chosen not in (right, "unknown"):
            yield library, chosen, right


@cache
def _arithmetic() -> str:
    """A digest of a few results of each library, in which their kernels differ."""
    import torch

    rng = np.random.Generator(np.random.Philox(7))
    wide = rng.standard_normal((96, 97))
    narrow = wide.astype(np.float32)
    by_hand = [f(abs(x) + 0.5) for f in (math.exp, math.log, math.sin, math.tan) for x in wide[0]]
    parts: list[Any] = [
        np.array(by_hand),
        np.exp(wide),
        np.tanh(narrow),
        np.log(np.abs(wide)),
        wide @ wide.T,
        narrow @ narrow[0],
        wide.sum(axis=0),
        np.linalg.cholesky(wide @ wide.T),
    ]
    with torch.random.fork_rng(devices=[]):
        tensor = torch.from_numpy(narrow)
        parts += [
            (tensor @ tensor.T).numpy(),
            torch.nn.functional.linear(tensor, tensor, tensor[:, 0]).numpy(),
            torch.softmax(tensor, dim=1).numpy(),
            torch.tanh(tensor).numpy(),
            tensor.sum(dim=1).numpy(),
        ]
    hashed = hashlib.sha256()
    for part in parts:
        hashed.update(np.ascontiguousarray(part).tobytes())
    return hashed.hexdigest()[:16]


@cache
def _processor() -> str:
    name = platform.processor()
    facts = Path("/proc/cpuinfo")
    if facts.is_file():
        for line in facts.read_text(encoding="utf-8", errors="replace").splitlines():
            key, _, value = line.partition(":")
            if key.strip() == "model name":
                name = value.strip()
                break
    return f"{name or sys.platform} ({binding.get_host_cpu_name()})"


@cache
def _instruction_sets() -> tuple[str, ...]:
    found = binding.get_host_cpu_features()
    return tuple(sorted(name for name, has in found.items() if has and name.startswith(_TOLD)))


def _libc() -> str:
    return " ".join(part for part in platform.libc_ver() if part) or "an unknown C library"


def _numpy() -> Any:
    return import_module("numpy._core._multiarray_umath")
