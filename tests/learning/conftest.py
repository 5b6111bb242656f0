"""A problem with a known answer, small enough to be mastered in seconds."""

from __future__ import annotations

import pytest

from agents.learners.toy import Problem, toy


@pytest.fixture(scope="session")
def problem() -> Problem:
    """The problem, the same in every run."""
    return toy()
