"""The terms of the programme: what designers may turn, for everyone or for each member."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import ArrayLike, NDArray

from simulator.scenarios import Scenario
from simulator.state.population import Population
from troth.errors import InvalidArgument

_RANGES = {
    "points_per_major": (0.0, 1000.0),
    "point_value_minor": (0.0, 100.0),
    "redeem_from": (1.0, 1_000_000.0),
    "challenge_difficulty": (0.1, 10.0),
}


@dataclass(frozen=True)
class Programme:
    """Terms; each a number, or an array (n,) with one per customer.

    Attributes:
        points_per_major: earn rate, points per major unit spent, 0..1000.
        point_value_minor: burn rate, minor units a redeemed point is worth, 0..100.
        redeem_from: points needed to redeem, 1..1,000,000, whole.
        challenge_difficulty: factor of the pace a challenge demands, 0.1..10.

    Raises:
        InvalidArgument: naming the term that is out of its range.
    """

    points_per_major: ArrayLike
    point_value_minor: ArrayLike
    redeem_from: ArrayLike
    challenge_difficulty: ArrayLike = 1.0

    def __post_init__(self) -> None:
        for name, (low, high) in _RANGES.items():
            values = np.asarray(getattr(self, name), dtype=np.float64)
            wrong = ~((values >= low) & (values <= high))
            if wrong.any():
                value = values[wrong].ravel()[0] if values.ndim else values
                raise InvalidArgument(f"{value:g} is outside {low:g}..{high:g}", field=name)

    def columns(self, size: int) -> dict[str, NDArray[np.float32]]:
        """Every term as float32 (size,), by name.

        Raises:
            InvalidArgument: for an array of another length.
        """
        out = {}
        for name in (f.name for f in fields(self)):
            values = np.asarray(getattr(self, name), dtype=np.float32)
            if values.shape not in ((), (size,)):
                raise InvalidArgument(f"shape {values.shape} is not ({size},)", field=name)
            out[name] = np.broadcast_to(values, (size,))
        return out

    def put_in_force(self, people: Population, scenario: Scenario) -> None:
        """Write the terms to ``people``, and what they do to the pace of purchases.

        Raises:
            InvalidArgument: for an array that is not one term per customer; nothing changes.
        """
        terms, wallet = self.columns(len(people)), scenario.wallet
        people.earn[:] = terms["points_per_major"]
        people.point_value[:] = terms["point_value_minor"]
        people.redeem_from[:] = np.rint(terms["redeem_from"])
        people.difficulty[:] = terms["challenge_difficulty"]
        own = wallet.points_per_major * scenario.economics.point_value_minor
        if own > 0.0:
            given = np.maximum(people.earn * people.point_value / own, 1e-3)
            people.generous[:] = given**wallet.generosity_elasticity
        else:
            people.generous[:] = 1.0
