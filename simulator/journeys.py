"""Journeys: when one starts, and how well its moment suits.

A journey is triggered for a customer when every condition on the raw features holds, e.g.
``tenure_days <= 30`` for *welcome*; one without conditions is always on. Triggered journeys
put their steps among the candidates. The moment multiplies the response:

    factor_ij = response_j * (1 + pressure_gain_j * pressure_ij),   pressure in [0, 1]

the goal gradient of Kivetz, Urminsky & Zheng (2006): closeness to the next tier, points about
to expire, progress of a challenge.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from simulator.scenarios.sections import JourneySection
from troth.contexts import ContextBatch

Float = NDArray[np.float64]


def triggered(journeys: Mapping[str, JourneySection], contexts: ContextBatch) -> NDArray[np.bool_]:
    """Bool (n, J): which journeys have started for whom, in the order of ``journeys``."""
    started = np.ones((len(contexts), len(journeys)), dtype=bool)
    for j, section in enumerate(journeys.values()):
        for condition in section.when:
            values = contexts.raw[:, contexts.schema.index(condition.feature)]
            if condition.at_least is not None:
                started[:, j] &= values >= condition.at_least
            if condition.at_most is not None:
                started[:, j] &= values <= condition.at_most
    return started


def moment(journeys: Mapping[str, JourneySection], pressures: Mapping[str, Float]) -> Float:
    """float64 (J, n): the factor above; ``pressures`` are (n,) by name, all but ``none``."""
    n = next(iter(pressures.values())).shape[0]
    factors = np.empty((len(journeys), n))
    for j, section in enumerate(journeys.values()):
        factors[j] = section.response
        if section.pressure != "none":
            factors[j] *= 1.0 + section.pressure_gain * pressures[section.pressure]
    return factors
