"""A masked softmax policy over a small multi-layer perceptron, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import ClassVar, Self

import numpy as np
from numpy.typing import NDArray

from agents.policies.storable import (
    Parameters,
    Tensors,
    explore,
    parameter,
    require_schema,
    require_share,
    tensor,
)
from troth.catalogue import Catalogue
from troth.contexts import ContextBatch
from troth.errors import DataLoss, FailedPrecondition, InvalidArgument
from troth.policy import Distribution, Mask, check_mask


class Nonlinearity(StrEnum):
    """What stands between two layers."""

    TANH = "tanh"
    RELU = "relu"


@dataclass(frozen=True, eq=False)
class NetworkPolicy:
    """Softmax over the logits of a perceptron, eligible actions only.

    Output k is action k, so the policy is bound to one catalogue by digest. Weights are
    kept as float32, as they were trained, and multiplied as float64, so that a row's
    distribution does not depend on which other rows share its batch.

    Attributes:
        weights: float32 (in, out) per layer; the first takes D inputs, the last gives K.
        biases: float32 (out,) per layer.
        activation: between layers; the last layer is linear.
        schema_digest: the feature schema that inputs are encoded with.
        catalogue_digest: the catalogue whose rows the outputs are.
        temperature: logits are divided by it, > 0; below 1 sharpens.
        exploration: weight of the uniform distribution mixed in, in [0, 1].
    """

    kind: ClassVar[str] = "network"

    weights: tuple[NDArray[np.float32], ...]
    biases: tuple[NDArray[np.float32], ...]
    activation: Nonlinearity
    schema_digest: str
    catalogue_digest: str
    temperature: float = 1.0
    exploration: float = 0.0
    _layers: tuple[tuple[NDArray[np.float64], NDArray[np.float64]], ...] = field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        require_share(self.exploration, "exploration")
        if not self.temperature > 0.0:
            raise InvalidArgument(f"{self.temperature} is not above 0", field="temperature")
        if not self.weights or len(self.weights) != len(self.biases):
            raise InvalidArgument(
                f"{len(self.weights)} weights for {len(self.biases)} biases", field="weights"
            )
        for at, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            width = self.weights[at - 1].shape[1] if at else weight.shape[0]
            if weight.shape != (width, bias.size) or bias.ndim != 1:
                raise InvalidArgument(
                    f"shapes {weight.shape} and {bias.shape} do not fit", field=f"weights[{at}]"
                )
            if not (np.isfinite(weight).all() and np.isfinite(bias).all()):
                raise InvalidArgument("not finite", field=f"weights[{at}]")
        layers = tuple(
            (np.ascontiguousarray(w, dtype=np.float64), b.astype(np.float64))
            for w, b in zip(self.weights, self.biases, strict=True)
        )
        object.__setattr__(self, "_layers", layers)

    def distribution(self, contexts: ContextBatch, actions: Catalogue, mask: Mask) -> Distribution:
        """Masked softmax; see :meth:`troth.policy.Policy.distribution`.

        Raises:
            FailedPrecondition: for another catalogue or feature schema than trained with.
        """
        check_mask(mask, len(contexts), len(actions))
        require_schema(contexts.schema, self.schema_digest)
        if actions.digest != self.catalogue_digest:
            raise FailedPrecondition(
                f"the policy scores catalogue {self.catalogue_digest[:12]}, "
                f"not {actions.digest[:12]}",
                field="actions",
            )
        logits = self.logits(contexts.encoded) / self.temperature
        logits[~mask] = -np.inf
        logits -= logits.max(axis=1, keepdims=True)
        np.exp(logits, out=logits)
        logits /= logits.sum(axis=1, keepdims=True)
        return explore(logits, mask, self.exploration)

    def logits(self, encoded: NDArray[np.floating]) -> NDArray[np.float64]:
        """Unmasked logits, float64 (n, K), of encoded contexts (n, D)."""
        hidden = encoded.astype(np.float64)
        for weight, bias in self._layers[:-1]:
            hidden = hidden @ weight + bias
            if self.activation is Nonlinearity.TANH:
                np.tanh(hidden, out=hidden)
            else:
                np.maximum(hidden, 0.0, out=hidden)
        weight, bias = self._layers[-1]
        scores: NDArray[np.float64] = hidden @ weight + bias
        return scores

    def to_state(self) -> tuple[Parameters, Tensors]:
        """Digests and scalars as parameters, layers as tensors."""
        tensors: dict[str, NDArray[np.float32]] = {}
        for at, (weight, bias) in enumerate(zip(self.weights, self.biases, strict=True)):
            tensors[f"weight_{at}"] = weight
            tensors[f"bias_{at}"] = bias
        return {
            "layers": len(self.weights),
            "activation": str(self.activation),
            "schema_digest": self.schema_digest,
            "catalogue_digest": self.catalogue_digest,
            "temperature": self.temperature,
            "exploration": self.exploration,
        }, tensors

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`; raises :class:`DataLoss` if something is missing."""
        layers = range(int(parameter(parameters, "layers")))
        name = parameter(parameters, "activation")
        if name not in tuple(Nonlinearity):
            raise DataLoss(f"{name!r} is unknown", field="parameters.activation")
        return cls(
            weights=tuple(tensor(tensors, f"weight_{at}", np.float32, 2) for at in layers),
            biases=tuple(tensor(tensors, f"bias_{at}", np.float32, 1) for at in layers),
            activation=Nonlinearity(name),
            schema_digest=str(parameter(parameters, "schema_digest")),
            catalogue_digest=str(parameter(parameters, "catalogue_digest")),
            temperature=float(parameter(parameters, "temperature")),
            exploration=float(parameter(parameters, "exploration")),
        )
