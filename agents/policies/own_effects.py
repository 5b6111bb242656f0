"""What a policy knows of single actions beside their attributes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray

from agents.policies.storable import Parameters, Tensors, parameter, tensor
from troth.catalogue import Catalogue
from troth.errors import DataLoss, InvalidArgument


@dataclass(frozen=True, eq=False)
class OwnEffects:
    """Posterior draws of each action's own effect, by the action's id.

    An id keeps its effect whatever else the catalogue says: order, other actions, attributes.

    Attributes:
        action_ids: the L actions that the policy has learnt of.
        draws: float64 (S, L), in the units of the reward.
        newcomer: float64 (S,), draws from the prior of an own effect, mean zero, for an action
            that is not in ``action_ids``. All such actions share them: what is not known of
            one is not known of the other.

    Raises:
        InvalidArgument: if an id repeats, or shapes, dtypes or values do not fit.
    """

    action_ids: tuple[str, ...]
    draws: NDArray[np.float64]
    newcomer: NDArray[np.float64]

    def __post_init__(self) -> None:
        if len(set(self.action_ids)) != len(self.action_ids):
            raise InvalidArgument("an action is listed twice", field="action_ids")
        for name in ("draws", "newcomer"):
            array = getattr(self, name)
            if array.dtype != np.float64 or not np.isfinite(array).all():
                raise InvalidArgument("is not float64 and finite", field=f"own_effects.{name}")
        if self.draws.shape != (self.newcomer.size, len(self.action_ids)):
            raise InvalidArgument(
                f"{self.draws.shape} and {self.newcomer.shape} are not (S, L) and (S,) for "
                f"{len(self.action_ids)} actions",
                field="own_effects",
            )

    def of(self, actions: Catalogue) -> NDArray[np.float64]:
        """Draws of every action of a catalogue, float64 (S, K)."""
        row = {action_id: at for at, action_id in enumerate(self.action_ids)}
        at = [row.get(action.action_id, len(row)) for action in actions.actions]
        return np.column_stack((self.draws, self.newcomer))[:, at]

    def to_state(self) -> tuple[Parameters, Tensors]:
        """The ids as a parameter, the draws as tensors."""
        return {"action_ids": list(self.action_ids)}, {
            "own_effects": self.draws,
            "newcomer": self.newcomer,
        }

    @classmethod
    def from_state(cls, parameters: Parameters, tensors: Tensors) -> Self:
        """Inverse of :meth:`to_state`; raises :class:`DataLoss` if something is missing."""
        ids = parameter(parameters, "action_ids")
        if not isinstance(ids, list) or not all(isinstance(value, str) for value in ids):
            raise DataLoss("is not a list of texts", field="parameters.action_ids")
        return cls(
            action_ids=tuple(ids),
            draws=tensor(tensors, "own_effects", np.float64, 2),
            newcomer=tensor(tensors, "newcomer", np.float64, 1),
        )
