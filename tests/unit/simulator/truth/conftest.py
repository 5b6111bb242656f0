"""Plain policies that need no learner, for tests of what is true."""

from __future__ import annotations

from types import SimpleNamespace

import numpy as np
import pytest

from troth.policy import normalise


class Uniform:
    """Any eligible action, no contact among them."""

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """All alike."""
        return normalise(np.ones(mask.shape), mask)


class Silence:
    """Never contacts anyone."""

    def distribution(self, contexts, actions, mask):  # type: ignore[no-untyped-def]
        """All mass on no contact."""
        return normalise(np.zeros(mask.shape), mask)


@pytest.fixture(scope="session")
def policies() -> SimpleNamespace:
    """``uniform`` and ``silence``."""
    return SimpleNamespace(uniform=Uniform(), silence=Silence())
