"""Journeys: when one starts, and how well its moment suits.

A journey is triggered for a customer when every condition on the raw features holds, e.g.
``tenure_days <= 30`` for *welcome*; one without conditions is always on. Triggered journeys
put their steps among the candidates (:func:`simulator.view.observation.eligible`). The moment
multiplies the response:

    moment_ij = response_j * (1 + pressure_gain_j * pressure_ij),   pressure in [0, 1]

the goal gradient of Kivetz, Urminsky & Zheng (2006): closeness to the next tier, points about
to expire, progress of a challenge.
"""

from __future__ import annotations

from typing import Any, get_args

from simulator.compiled.kernel import compiled
from simulator.scenarios.sections import JourneySection

PRESSURES: tuple[str, ...] = get_args(JourneySection.model_fields["pressure"].annotation)
"""What may press, by name, in the order of the section's type."""
TIER, EXPIRY, PROGRESS = (PRESSURES.index(name) for name in ("tier", "expiry", "progress"))


@compiled
def moment(response: Any, pressure: Any, gain: Any, tier: Any, expiry: Any, progress: Any) -> Any:
    """moment_ij; ``pressure`` is the position in :data:`PRESSURES`."""
    presses = 0.0
    if pressure == TIER:
        presses = tier
    elif pressure == EXPIRY:
        presses = expiry
    elif pressure == PROGRESS:
        presses = progress
    return response * (1.0 + gain * presses)
