"""Eligibility: which actions a customer's journeys offer at all, before any policy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from troth.catalogue import Catalogue
from troth.errors import InvalidArgument
from troth.policy import Mask
from troth.text import quoted


def candidates(catalogue: Catalogue, journeys: Sequence[str]) -> Mask:
    """The actions of the triggered journeys, and *no contact*.

    Args:
        catalogue: the K actions.
        journeys: names of the journeys one customer is in.

    Returns:
        bool (1, K).

    Raises:
        InvalidArgument: naming the position of a journey the catalogue does not know.
    """
    triggered = np.zeros((1, len(catalogue.journeys)), dtype=bool)
    for at, name in enumerate(journeys):
        try:
            triggered[0, catalogue.journeys.index(name)] = True
        except ValueError:
            raise InvalidArgument(
                f"{quoted(name)} is not one of {', '.join(catalogue.journeys)}",
                field=f"triggered_journeys[{at}]",
            ) from None
    return catalogue.candidates(triggered)
