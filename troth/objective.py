"""What a decision is worth: reward components, in minor units, and their weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from troth.errors import InvalidArgument

COMPONENTS = ("margin_minor", "discount_minor", "points_minor", "contact_minor", "opt_outs")
"""Columns an outcome is made of. The first four are integer minor units, the last a count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Objective:
    """Weights of the reward components; the default is money and nothing else.

    Attributes:
        margin_minor: weight of gross margin on what the customer bought.
        discount_minor: weight of discounts given.
        points_minor: weight of the liability of points promised.
        contact_minor: weight of the cost of contacts.
        opt_outs: minor units per channel permission withdrawn; a stand-in for the future
            for learners that look one step ahead, usually negative.
    """

    margin_minor: float = 1.0
    discount_minor: float = -1.0
    points_minor: float = -1.0
    contact_minor: float = -1.0
    opt_outs: float = 0.0

    def to_dict(self) -> dict[str, float]:
        """Weights by component name, for JSON."""
        return {f.name: float(getattr(self, f.name)) for f in fields(self)}

    def reward(self, components: Mapping[str, NDArray[np.number]]) -> NDArray[np.float64]:
        """Weighted sum of components.

        Args:
            components: one (n,) or (n, K) array per name in :data:`COMPONENTS`.

        Returns:
            float64 of the components' common shape, in minor units.

        Raises:
            InvalidArgument: if a component is missing.
        """
        missing = [name for name in COMPONENTS if name not in components]
        if missing:
            raise InvalidArgument("component is missing", field=missing[0])
        terms = [
            getattr(self, name) * np.asarray(components[name], dtype=np.float64)
            for name in COMPONENTS
        ]
        return np.asarray(sum(terms[1:], start=terms[0]))
