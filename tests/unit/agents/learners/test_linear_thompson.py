"""Settings of the linear bandit."""

from __future__ import annotations

import pytest

from agents.learners.bandits.linear_thompson import LinearThompson
from troth.errors import InvalidArgument


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("draws", 3),
        ("draws", 0),
        ("exploration", 1.1),
        ("posterior_scale", -1.0),
        ("variance_classes", 0),
        ("iterations", 0),
        ("sparsity", -0.1),
    ],
)
def test_refuses_bad_settings(setting: str, value: float) -> None:
    """The setting at fault is named."""
    with pytest.raises(InvalidArgument, match=setting):
        LinearThompson(**{setting: value})  # type: ignore[arg-type]
