"""What is decided each morning: the seam between the population and a decision problem."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from envs.base import bits
from simulator.scenarios import Scenario

Given = NDArray[np.int32]
"""What the rules give each customer, e.g. a message; int32 (n,), or (0,) where nothing is."""

NOTHING_GIVEN: Given = np.empty(0, dtype=np.int32)


@dataclass(frozen=True)
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

    @cached_property
    def words(self) -> bits.Words:
        """uint64 (W, n): ``eligible`` as bits."""
        return bits.of_rows(self.eligible)


class DecisionProblem(Protocol):
    """One way to decide: A actions, each some contact of the catalogue that day by day differs.

    Attributes:
        actions: names of the A actions; 0 is *no contact*.
        extras: names of the E columns, each in 0..1, that the observation has beyond the
            schema's: what the learner must know of the part that is decided for them.
        whole: whether the actions are the catalogue's own columns, K of them; then neither
            method is asked.
    """

    @property
    def actions(self) -> tuple[str, ...]:
        """Names of the A actions."""
        ...

    @property
    def extras(self) -> tuple[str, ...]:
        """Names of the E extra columns of the observation."""
        ...

    @property
    def whole(self) -> bool:
        """Whether the actions are the catalogue's own columns."""
        ...

    def see(self, morning: Morning, mask: NDArray[np.bool_], extras: NDArray[np.float32]) -> Given:
        """Which actions are possible today.

        Args:
            morning: what is seen.
            mask: bool (n, A), written in full; column 0 is true.
            extras: float32 (E, n), written in full.

        Returns:
            What the rules give each customer.
        """
        ...

    def contacts(
        self, morning: Morning, given: Given, actions: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        """Which contacts actions are today.

        Args:
            morning: what is seen.
            given: as returned by :meth:`see`.
            actions: int64 (n,) in 0..A-1.

        Returns:
            int64 (n,), eligible columns of the catalogue; 0 where the action is not possible.
        """
        ...


class ProblemFactory(Protocol):
    """How a problem is made for a scenario."""

    def __call__(self, scenario: Scenario) -> DecisionProblem:
        """The problem under the scenario's catalogue and schema."""
        ...
