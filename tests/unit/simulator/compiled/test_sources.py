"""Machine code is made again after an edit of anything that it may hold."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from simulator.compiled import sources
from tests.architecture.inventory import PACKAGES, ROOT

KERNEL = (
    *(f"simulator/compiled/{name}.py" for name in ("kernel", "once", "sources")),
    *(f"troth/{name}.py" for name in ("errors", "locks")),
)
ASK = """
from importlib import import_module
function = import_module({module!r}).answer
print(function(0), sum(function.stats.cache_hits.values()))
"""
FUNCTION = (
    "from simulator.compiled.kernel import compiled\n{imports}\n\n@compiled\ndef answer(i):\n    "
)


def written(root: Path, files: Mapping[str, str]) -> None:
    """Files below ``root``, each in packages, and the real kernel beside them."""
    for name in KERNEL:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(ROOT / name, root / name)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for folder in {path.parent for path in root.rglob("*.py")} - {root}:
        (folder / "__init__.py").touch()


def asked(root: Path, module: str, **variables: str) -> tuple[str, int]:
    """What ``module.answer`` says in a new process, and how often it came from the cache."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PYTHON", "NUMBA_"))}
    done = subprocess.run(
        [sys.executable, "-c", ASK.format(module=module)],
        cwd=root,
        env={**kept, "PYTHONPATH": str(root), **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        return done.stderr.strip().splitlines()[-1], 0
    answer, hits = done.stdout.split()
    return answer, int(hits)


def function(imports: str, body: str) -> str:
    """Source of a module with a compiled ``answer``."""
    return FUNCTION.format(imports=imports) + body + "\n"


HELPER = (
    "from simulator.compiled.kernel import compiled\n\n"
    "@compiled\ndef helped(i):\n    return i + 1\n"
)
CASES = {
    "a constant of the floor below": (
        "envs.problems.layouts",
        {
            "envs/problems/layouts.py": function(
                "from troth.catalogue import SIZE", "return i + SIZE"
            ),
            "troth/catalogue.py": "SIZE = 1\n",
        },
        ("troth/catalogue.py", "SIZE = 1", "SIZE = 7"),
    ),
    "a helper in another package": (
        "experiments.benchmarks.days",
        {
            "experiments/benchmarks/days.py": function(
                "from envs.base.bits import (\n    helped as told,\n)", "return told(i)"
            ),
            "envs/base/bits.py": HELPER,
        },
        ("envs/base/bits.py", "i + 1", "i + 7"),
    ),
    "a constant two imports and two folders away": (
        "simulator.compiled.day",
        {
            "simulator/compiled/day.py": function(
                "from simulator.compiled import life as l", "return i + l.START"
            ),
            "simulator/compiled/life.py": "from simulator.state.columns import *\n",
            "simulator/state/columns.py": "START = 1\n",
        },
        ("simulator/state/columns.py", "START = 1", "START = 7"),
    ),
    "a package imported as such": (
        "envs.base.loops",
        {
            "envs/base/loops.py": function("import simulator.state", "return i + STEP").replace(
                "@compiled", "STEP = simulator.state.STEP\n@compiled"
            ),
            "simulator/state/__init__.py": "from simulator.state.steps import STEP\n",
            "simulator/state/steps.py": "STEP = 1\n",
        },
        ("simulator/state/steps.py", "STEP = 1", "STEP = 7"),
    ),
    "a relative import of somebody else's package": (
        "plugin.inner.kernels",
        {
            "plugin/inner/kernels.py": function("from ..shares import SHARE", "return i + SHARE"),
            "plugin/shares.py": "import loose\nSHARE = loose.SHARE\n",
            "loose.py": "SHARE = 1\n",
        },
        ("loose.py", "SHARE = 1", "SHARE = 7"),
    ),
}


@pytest.mark.parametrize(
    ("case", "place"),
    [*((case, "here") for case in CASES), ("a helper in another package", "site-packages")],
)
def test_an_edit_is_run_by_the_next_process(case: str, place: str, tmp_path: Path) -> None:
    """Wherever the edited file lies, and where the packages are installed too."""
    module, files, (edited, old, new) = CASES[case]
    root = tmp_path / place
    written(root, files)
    assert asked(root, module) == ("1", 0)
    path = root / edited
    status = path.stat()
    path.write_text(path.read_text().replace(old, new))
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))  # a copy may keep its time
    shutil.rmtree(path.parent / "__pycache__")
    assert asked(root, module) == ("7", 0)


def test_an_edit_elsewhere_costs_nothing(tmp_path: Path) -> None:
    """What the function cannot reach does not throw its machine code away."""
    written(
        tmp_path,
        {
            "envs/base/bits.py": function("import math", "return i + 1"),
            "envs/rendering/canvas.py": "from envs.base.bits import answer\nINK = 1\n",
        },
    )
    assert asked(tmp_path, "envs.base.bits") == ("1", 0)
    (tmp_path / "envs/rendering/canvas.py").write_text("INK = 2\n")
    assert asked(tmp_path, "envs.base.bits") == ("1", 1)


def test_settings_that_change_machine_code_are_told_apart(tmp_path: Path) -> None:
    """Who asks for checks of bounds gets them, whatever an earlier process has left."""
    text = "import numpy as np\nVALUES = np.array([1, 2])"
    written(tmp_path, {"envs/base/bits.py": function(text, "return VALUES[i + 2] * 0 + 1")})
    assert asked(tmp_path, "envs.base.bits") == ("1", 0)
    told, _ = asked(tmp_path, "envs.base.bits", NUMBA_BOUNDSCHECK="1")
    assert told.startswith("IndexError")


def test_what_cannot_be_read_is_not_cached(tmp_path: Path) -> None:
    """No file, no stamp: such a function is compiled in each process."""
    namespace: dict[str, object] = {"__name__": "made_up"}
    exec(compile("def answer(i):\n    return i\n", "<nowhere>", "exec"), namespace)
    answer = namespace["answer"]
    assert callable(answer)
    assert sources.stamp(answer) is None


def test_the_packages_are_those_of_this_distribution() -> None:
    """A new one is read too."""
    assert set(PACKAGES) == sources.PACKAGES


def test_every_compiled_function_goes_through_the_stamp() -> None:
    """Nobody calls Numba's own decorators with a cache beside it."""
    found = [
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in sorted((ROOT / package).rglob("*.py"))
        if "cache=True" in path.read_text(encoding="utf-8")
    ]
    assert found == ["simulator/compiled/kernel.py"]


def test_a_folder_may_be_moved(tmp_path: Path) -> None:
    """Its machine code goes with it: an image is built in one place and run in another."""
    written(tmp_path / "built", {"envs/base/bits.py": function("import math", "return i + 1")})
    assert asked(tmp_path / "built", "envs.base.bits") == ("1", 0)
    (tmp_path / "built").rename(tmp_path / "run")
    assert asked(tmp_path / "run", "envs.base.bits") == ("1", 1)
