"""Nothing is skipped in CI: what is missing there fails, so that no test is lost unseen.

A test may skip where a user lacks a browser, Node or the data sets; ``.ci/run`` sees to it that
its machine has them, and sets ``CI``. What is expected to fail (``xfail``) is no skip.
"""

from __future__ import annotations

import os
from collections.abc import Generator
from typing import Any

import pytest


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that skips itself, by its marks or in a fixture, fails in CI."""
    report = yield
    if not hasattr(report, "wasxfail"):
        _fail(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """So does a module that skips all of its tests."""
    report = yield
    _fail(report)
    return report


def _fail(report: Any) -> None:
    if report.outcome == "skipped" and os.environ.get("CI"):
        path, line, reason = report.longrepr
        report.outcome = "failed"
        report.longrepr = f"{path}:{line}: {reason}. Nothing is skipped in CI."
