"""In CI a skip is a failure."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests import conftest
from tests.support import skips

ROOT = Path(__file__).resolve().parents[2]
OTHERS = """
import pytest

def test_runs():
    pass

@pytest.mark.xfail
def test_is_known_to_fail():
    assert False
"""
SKIPS = {
    "in a test": """
def test_it():
    pytest.skip("no browser")
""",
    "in a fixture": """
@pytest.fixture
def browser():
    pytest.skip("no browser")

def test_it(browser):
    pass
""",
    "for lack of a package": """
def test_it():
    pytest.importorskip("a_package_that_is_not_there")
""",
    "by a mark": """
@pytest.mark.skipif(True, reason="no browser")
def test_it():
    pass
""",
    "without parameters": """
@pytest.mark.parametrize("one", [])
def test_it(one):
    pass
""",
    "a module": """
pytest.skip("no browser", allow_module_level=True)
""",
}


def run(folder: Path, **variables: str) -> tuple[int, str]:
    """Exit status and output of a run over the tests in ``folder``, with the house's rule."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    kept.pop("CI", None)
    words = ["-p", "tests.support.skips", "-p", "no:cacheprovider", "-c", os.devnull]
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-rA", *words, "--rootdir", str(folder), str(folder)],
        capture_output=True,
        text=True,
        check=False,
        env={**kept, "PYTHONPATH": str(ROOT), **variables},
        cwd=folder,
    )
    return done.returncode, done.stdout


def test_a_skip_fails_in_ci_alone(tmp_path: Path) -> None:
    """Wherever it comes from; the reason is told, and what is expected to fail is no skip."""
    for at, code in enumerate(SKIPS.values()):
        tmp_path.joinpath(f"test_{at}.py").write_text("import pytest\n" + code)
    tmp_path.joinpath("test_others.py").write_text(OTHERS)
    status, said = run(tmp_path)
    assert status == 0
    assert f"1 passed, {len(SKIPS)} skipped, 1 xfailed" in said
    # Without the module, whose fault ends a run before any test.
    tmp_path.joinpath(f"test_{list(SKIPS).index('a module')}.py").unlink()
    status, said = run(tmp_path, CI="true")
    assert status == 1
    assert "2 failed, 1 passed, 1 xfailed, 3 errors" in said  # three skip before they begin
    assert "no browser. Nothing is skipped in CI." in said


def test_a_module_that_skips_fails_in_ci(tmp_path: Path) -> None:
    """The run ends with an error."""
    tmp_path.joinpath("test_one.py").write_text("import pytest\n" + SKIPS["a module"])
    status, said = run(tmp_path, CI="true")
    assert status == pytest.ExitCode.INTERRUPTED
    assert "no browser. Nothing is skipped in CI." in said


def test_what_runs_passes_in_ci(tmp_path: Path) -> None:
    """The rule makes no fault of its own."""
    tmp_path.joinpath("test_others.py").write_text(OTHERS)
    status, said = run(tmp_path, CI="true")
    assert status == 0
    assert "1 passed, 1 xfailed" in said


def test_the_rule_holds_here() -> None:
    """The suite has the rule, and what CI runs says that it is CI."""
    for hook in ("pytest_runtest_makereport", "pytest_make_collect_report"):
        assert getattr(conftest, hook) is getattr(skips, hook)
    assert "\nexport CI=true\n" in (ROOT / ".ci" / "run").read_text()
