"""What is decided each morning: the seam between the population and a decision problem."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios import Scenario


@dataclass(frozen=True, slots=True)
class Morning:
    """What a firm sees of n customers before it decides.

    Attributes:
        day: days since the episode began.
        encoded: float32 (D, n), the encoded features, one row per column of the schema.
        eligible: bool (n, K), the world's mask over the catalogue.
    """

    day: int
    encoded: NDArray[np.float32]
    eligible: NDArray[np.bool_]


class DecisionProblem(Protocol):
    """One way to decide: A actions, each a column of the catalogue that depends on the day.

    Attributes:
        actions: names of the A actions; 0 is *no contact*.
        extras: names of the E columns, each in 0..1, that the observation has beyond the
            schema's: what the learner must know of the part that is decided for him.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the A actions."""
        ...

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the E extra columns of the observation."""
        ...

    def lay_out(self, morning: Morning, extras: NDArray[np.float32]) -> NDArray[np.int64] | None:
        """Which contact each action would be today, for each customer.

        Args:
            morning: what is seen.
            extras: float32 (E, n), written in full.

        Returns:
            int64 (n, A) columns of the catalogue, -1 where the action is impossible today, or
            ``None`` where the actions are the catalogue's own columns. Column 0 is 0, and no
            contact occurs twice in a row.
        """
        ...


class ProblemFactory(Protocol):
    """How a problem is made for a scenario."""

    def __call__(self, scenario: Scenario) -> DecisionProblem:
        """The problem under the scenario's catalogue and schema."""
        ...
