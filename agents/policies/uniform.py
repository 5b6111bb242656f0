"""The policies that need no training: uniform over eligible actions, and silence."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np

from agents.policies.storable import Parameters, Tensors
from troth.catalogue import NO_CONTACT, Catalogue
from troth.contexts import ContextBatch
from troth.policy import Distribution, Mask, check_mask, normalise


@dataclass(frozen=True)
class UniformPolicy:
    """Every eligible action, *no contact* among them, with the same probability.

    The logging policy of choice: its propensities are as even as the mask allows.
    """

    kind: ClassVar[str] = "uniform"

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """1 / (number of eligible actions); see :meth:`troth.policy.Policy.distribution`."""
        check_mask(mask, len(contexts), len(actions))
        return normalise(mask.astype(np.float64), mask)

    def to_state(self) -> tuple[Parameters, Tensors]:
        """It has no parameters."""
        return {}, {}

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`."""
        return cls()


@dataclass(frozen=True)
class NeverContact:
    """*No contact*, always: what the programme earns if nobody is ever written to."""

    kind: ClassVar[str] = "never_contact"

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """All mass on column 0; see :meth:`troth.policy.Policy.distribution`."""
        check_mask(mask, len(contexts), len(actions))
        silent = np.zeros(mask.shape)
        silent[:, NO_CONTACT] = 1.0
        return silent

    def to_state(self) -> tuple[Parameters, Tensors]:
        """It has no parameters."""
        return {}, {}

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`."""
        return cls()
