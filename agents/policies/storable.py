"""What a policy must offer to be kept as an artifact."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument
from troth.features import FeatureSchema
from troth.policy import Distribution, Mask

Parameters = Mapping[str, Any]
"""Plain JSON values: text, numbers, booleans, lists, objects."""

Tensors = Mapping[str, NDArray[Any]]
"""Named arrays, kept as safetensors."""


@runtime_checkable
class StorablePolicy(Protocol):
    """A policy that is fully described by plain parameters and named arrays.

    ``from_state(*policy.to_state())`` must give the same distributions to the bit.
    """

    kind: ClassVar[str]

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """See :meth:`troth.policy.Policy.distribution`."""
        ...

    def to_state(self) -> tuple[Parameters, Tensors]:
        """Everything the distribution depends on."""
        ...

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`.

        Raises:
            DataLoss: if a parameter or tensor is missing or of another type or shape.
        """
        ...


def parameter(parameters: Parameters, name: str) -> Any:
    """The parameter ``name``; raises :class:`DataLoss` if it is missing."""
    if name not in parameters:
        raise DataLoss("is missing", field=f"parameters.{name}")
    return parameters[name]


def tensor(tensors: Tensors, name: str, dtype: type[np.generic], ndim: int) -> NDArray[Any]:
    """The tensor ``name``; raises :class:`DataLoss` unless it has ``dtype`` and ``ndim``."""
    if name not in tensors:
        raise DataLoss("is missing", field=f"tensors.{name}")
    array = tensors[name]
    if array.dtype != np.dtype(dtype) or array.ndim != ndim:
        raise DataLoss(
            f"{array.dtype} of rank {array.ndim} is not {np.dtype(dtype)} of rank {ndim}",
            field=f"tensors.{name}",
        )
    return array


def require_share(value: float, field: str) -> float:
    """Return ``value`` if it is in [0, 1], else raise :class:`InvalidArgument`."""
    if not 0.0 <= value <= 1.0:
        raise InvalidArgument(f"{value} is outside [0, 1]", field=field)
    return value


def require_schema(schema: FeatureSchema, digest: str) -> None:
    """Raise :class:`FailedPrecondition` unless ``schema`` is the one named by ``digest``."""
    if schema.digest != digest:
        raise FailedPrecondition(
            f"the policy reads feature schema {digest[:12]}, not {schema.digest[:12]}",
            field="contexts.schema",
        )


def explore(distribution: Distribution, mask: Mask, share: float) -> Distribution:
    """Mix ``distribution`` with the uniform one over eligible actions.

    Args:
        distribution: float64 (n, K).
        mask: bool (n, K).
        share: weight of the uniform part, in [0, 1]; every eligible action then has a
            probability of at least ``share`` / K.
    """
    if share == 0.0:
        return distribution
    uniform = mask / mask.sum(axis=1, keepdims=True)
    mixed: Distribution = (1.0 - share) * distribution + share * uniform
    return mixed
