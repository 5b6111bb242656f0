"""Test vectors that an artifact carries: contexts with the distributions they must give."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.policies.storable import Tensors, tensor
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema
from troth.policy import Distribution, Mask, Policy, check_distribution, check_mask

SIZE = 64
"""Contexts in a self-test."""

TOLERANCE = 1e-6
"""How far a recomputed probability may be from the recorded one."""


@dataclass(frozen=True, eq=False)
class SelfTest:
    """What a policy said when it was saved.

    Attributes:
        raw: float32 (64, F) contexts; NaN means missing.
        mask: bool (64, K).
        distribution: float64 (64, K).
    """

    raw: NDArray[np.float32]
    mask: Mask
    distribution: Distribution

    @classmethod
    def record(
        cls, policy: Policy, contexts: ContextBatch, catalogue: Catalogue, mask: Mask
    ) -> Self:
        """Ask ``policy`` about 64 of ``contexts``, evenly spaced.

        Raises:
            InvalidArgument: if there are fewer than 64, or the policy's answer is not a
                distribution under the mask.
        """
        n = len(contexts)
        if n < SIZE:
            raise InvalidArgument(f"{n} contexts, a self-test needs {SIZE}", field="contexts")
        check_mask(mask, n, len(catalogue))
        rows = np.linspace(0, n - 1, SIZE).astype(np.int64)
        chosen = contexts.take(rows)
        distribution = policy.distribution(chosen, catalogue, mask[rows])
        check_distribution(distribution, mask[rows])
        return cls(chosen.raw, mask[rows], distribution)

    def verify(self, policy: Policy, schema: FeatureSchema, catalogue: Catalogue) -> float:
        """Largest difference between what ``policy`` says now and what was recorded.

        Raises:
            FailedPrecondition: if it exceeds :data:`TOLERANCE`: the bytes are right, but
                this machine or this version of the code computes something else.
        """
        contexts = ContextBatch(schema, self.raw)
        answer = policy.distribution(contexts, catalogue, self.mask)
        off = float(np.abs(answer - self.distribution).max())
        if not off <= TOLERANCE:
            raise FailedPrecondition(
                f"self-test differs by {off:.3g}, more than {TOLERANCE:g}", field="self_test"
            )
        return off

    def to_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The three arrays by name."""
        return {"raw": self.raw, "mask": self.mask, "distribution": self.distribution}

    @classmethod
    def from_tensors(cls, tensors: Tensors, schema: FeatureSchema, catalogue: Catalogue) -> Self:
        """Inverse of :meth:`to_tensors`; raises :class:`DataLoss` if the shapes do not fit."""
        raw = tensor(tensors, "raw", np.float32, 2)
        mask = tensor(tensors, "mask", np.bool_, 2)
        distribution = tensor(tensors, "distribution", np.float64, 2)
        wanted = (SIZE, len(catalogue))
        if raw.shape != (SIZE, schema.raw_width) or {mask.shape, distribution.shape} != {wanted}:
            raise DataLoss("shapes do not fit schema and catalogue", field="self_test")
        return cls(raw, mask, distribution)
